"""What has changed in a study since it was looked at last.

Looking at each of 1,000 running trials every time would take longer than what is done with them,
since their objects are scattered in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class News:
    """New trials of a study in memory, and those that were seen running and have changed since.

    Such a study changes no trial, but puts another one in its place.
    """

    def __init__(self) -> None:
        self._running: dict[int, FrozenTrial] = {}
        self._known = 0

    @property
    def running(self) -> Collection[int]:
        """The numbers of trials that had not ended when they were seen last, in order."""
        return self._running.keys()

    def of(self, trials: Sequence[FrozenTrial]) -> Iterator[tuple[int, FrozenTrial]]:
        """Yield what is new, with its number. trials: all of the study, by number."""
        changed = [number for number, old in self._running.items() if trials[number] is not old]
        new = range(self._known, len(trials))
        self._known = len(trials)
        for number in (*changed, *new):
            now = trials[number]
            if now.state.is_finished():
                self._running.pop(number, None)
            else:
                self._running[number] = now
            yield number, now
