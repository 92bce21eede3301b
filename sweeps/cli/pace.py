"""How long a sweep still takes, from what was measured."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable


class Pace:
    """The time left, from the trials that ended and those that run.

    left: trials that are still to end. places: how many run at once. known: seconds of each
    trial that ended in an earlier sitting. after: runs that follow, as long as complete trials,
    and `share` what they take at most, of the seconds of all trials. clock: seconds.
    """

    def __init__(
        self,
        left: int,
        places: int = 1,
        known: tuple[float, ...] = (),
        after: int = 0,
        clock: Callable[[], float] = time.monotonic,
        share: float = math.inf,
    ) -> None:
        self._left = left
        self._places = max(places, 1)
        self._after = after
        self._share = share
        self._clock = clock
        self._seconds = list(known)
        self._whole: list[float] = []
        self._begun: dict[int, float] = {}

    def epoch(self, number: int) -> None:
        """Take an epoch of a trial: it runs from its first one on."""
        self._begun.setdefault(number, self._clock())

    def ended(self, number: int, seconds: float, whole: bool = True) -> None:
        """Take the end of a trial that trained for `seconds`, to its end or not."""
        self._begun.pop(number, None)
        self._seconds.append(seconds)
        self._whole += [seconds] * whole
        self._left -= 1

    def expect(self, left: int) -> None:
        """Take how many are still to end."""
        self._left = left

    def dropped(self, number: int) -> None:
        """Take a trial that was interrupted."""
        self._begun.pop(number, None)

    def if_all_last(self, seconds: float) -> float:
        """Return the time left if each trial, and each run after them, takes so long."""
        return seconds * (self._left + self._after) / self._places

    def seconds_left(self) -> float | None:
        """Return the seconds that are left, None while too few trials ended to tell."""
        if self._left <= 0 or len(self._seconds) < self._places + 2:
            return None
        mean = statistics.fmean(self._seconds)
        now = self._clock()
        # One that has run longer than most is taken to be near its end.
        running = [max(mean - (now - begun), mean / 5) for begun in self._begun.values()]
        waiting = max(self._left - len(running), 0)
        trials = max((sum(running) + waiting * mean) / self._places, max(running, default=0.0))
        all_trials = sum(self._seconds) + self._left * mean
        whole = statistics.fmean(self._whole) if self._whole else max(self._seconds)
        return trials + min(whole * self._after, self._share * all_trials) / self._places
