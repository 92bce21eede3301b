"""What has changed in a study since it was looked at last.

Looking at every running trial each time, object by object, would take longer than what is done
with it: 1,000 of them lie all over the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class News:
    """New trials of a study in memory, and those that were seen running and have changed since.

    Such a study changes no trial, but puts another one in its place. `running` are those that have
    not ended, as they were seen last, by number.
    """

    def __init__(self) -> None:
        self.running: dict[int, FrozenTrial] = {}
        self._known = 0

    def of(
        self, trials: Sequence[FrozenTrial]
    ) -> Iterator[tuple[int, FrozenTrial | None, FrozenTrial]]:
        """Yield number, former state (None: it is new) and state. trials: all, by number."""
        changed = [(n, old) for n, old in self.running.items() if trials[n] is not old]
        new = range(self._known, len(trials))
        self._known = len(trials)
        for number, old in (*changed, *((n, None) for n in new)):
            now = trials[number]
            if now.state.is_finished():
                self.running.pop(number, None)
            else:
                self.running[number] = now
            yield number, old, now
