"""How long a sweep still takes, from what was measured."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable

CLIP = 1.5  # of the median: what is longer is shortened, such as the first of a structure
NEWS = 1.002  # times as many trials as at the last look at all of them: then the next one
FOLLOWED = 3  # trials that lead, which the runs after the trials repeat, and the first one


def _mean(*kinds: list[float]) -> float:
    """Return the mean of trials, an exception of its kind shortened."""
    most = [CLIP * statistics.median(of) if of else 0.0 for of in kinds]
    return statistics.fmean(min(one, m) for of, m in zip(kinds, most, strict=True) for one in of)


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
        self._known = list(known)
        self._part: list[float] = []
        self._whole: list[float] = []
        self._led: list[tuple[float, float]] = []  # of complete ones, value and seconds
        self._begun: dict[int, float] = {}
        self._means = math.nan, math.nan  # of all trials, and of the runs that follow
        self._of = 0  # trials that the means are of
        self._spent = math.fsum(known)

    def epoch(self, number: int) -> None:
        """Take an epoch of a trial: it runs from its first one on."""
        self._begun.setdefault(number, self._clock())

    def before(self, trials: Iterable[tuple[float, bool, float | None]]) -> None:
        """Take the trials of earlier sittings: seconds, whether to the end, and the value."""
        self._known, self._spent, self._of = [], 0.0, 0
        for one in trials:
            self._take(*one)

    def ended(
        self, number: int, seconds: float, whole: bool = True, value: float | None = None
    ) -> None:
        """Take the end of a trial that trained for `seconds`, to its end or not.

        value: the lower, the better.
        """
        self._begun.pop(number, None)
        self._take(seconds, whole, value)
        self._left -= 1

    def follow(self, after: int) -> None:
        """Take how many runs are expected to follow by now."""
        self._after = after

    def expect(self, left: int) -> None:
        """Take how many are still to end."""
        self._left = left

    def _take(self, seconds: float, whole: bool, value: float | None) -> None:
        self._spent += seconds
        (self._whole if whole else self._part).append(seconds)
        if whole and value is not None:
            self._led.append((value, seconds))

    def _following(self) -> float:
        """Return the expected seconds of a run after the trials: it repeats one that leads."""
        if self._led:
            # The first one also waited for what later ones find made, such as its program.
            most = CLIP * statistics.median(seconds for _, seconds in self._led)
            first = (self._led[0][0], min(self._led[0][1], most))
            led = [*sorted([first, *self._led[1:]])[:FOLLOWED], first]
            return statistics.fmean(seconds for _, seconds in led)
        return _mean(self._whole) if self._whole else max(self._known + self._part)

    def dropped(self, number: int) -> None:
        """Take a trial that was interrupted."""
        self._begun.pop(number, None)

    def if_all_last(self, seconds: float) -> float:
        """Return the time left if each trial, and each run after them, takes so long."""
        return seconds * (self._left + self._after) / self._places

    def seconds_left(self) -> float | None:
        """Return the seconds that are left, None while too few trials ended to tell."""
        kinds = self._known, self._part, self._whole
        ended = sum(map(len, kinds))
        if self._left <= 0 or ended < self._places + 2:
            return None
        if ended >= NEWS * self._of:
            self._means, self._of = (_mean(*kinds), self._following()), ended
        mean, following = self._means
        now = self._clock()
        # One that has run longer than most is taken to be near its end.
        running = [max(mean - (now - begun), mean / 5) for begun in self._begun.values()]
        waiting = max(self._left - len(running), 0)
        trials = max((sum(running) + waiting * mean) / self._places, max(running, default=0.0))
        most = self._share * (self._spent + self._left * mean)
        return trials + min(following * self._after, most) / self._places
