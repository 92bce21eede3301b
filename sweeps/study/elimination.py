"""Which trials are trained on further fresh seeds: successive elimination.

Several candidates are trained on two seeds each, the same ones for all. Those that are clearly
worse than the leader are then left out, and the others and the baseline get one more seed; and so
on up to the greatest number of seeds, or as long as the epochs last that it may take. What has
been left out cannot win: two lucky seeds prove nothing.

All of this is a function of what was reached, so that the same study asks for the same runs and an
interrupted one for those that it lacks. `benchmarks/confirming.py` has chosen the numbers below.

Even-Dar et al., "Action Elimination and Stopping Conditions for the Multi-Armed Bandit and
Reinforcement Learning Problems", JMLR 2006.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

TOP = 5  # candidates at most
FIRST = 2  # seeds of every candidate before any is left out
FEW = 3  # candidates, of which the epochs must do for a third seed of one; of more, of three
SHARE = 1 / 3  # of the epochs of a sweep's trials: what confirming may take by default
LEVEL = 0.8  # of the interval that tells a candidate from the leader

Run = tuple[int, int]  # a trial's number, and which of the fresh seeds
Values = Mapping[int, Mapping[int, float]]  # by trial, by seed: lower is better, inf: it failed


@dataclass(frozen=True)
class Round:
    """trials: those that are still compared, the baseline last. seeds: on how many of them.

    missing: the runs that come next, none where all is done. more: how many may come after them.
    """

    trials: tuple[int, ...]
    seeds: int
    missing: tuple[Run, ...] = ()
    more: int = 0


@dataclass(frozen=True)
class Race:
    """Candidates, and what their confirmation may cost.

    candidates: trials with the best values, best first. earlier: those confirmed when the study
    had fewer trials. baseline: None where there is none; it is no candidate. epochs: of a trial's
    own run, by number. most: seeds of a trial. allowance: epochs; infinite where the seeds alone
    are limited. free: runs of an earlier confirmation, which cost nothing.
    """

    candidates: Sequence[int]
    baseline: int | None
    epochs: Mapping[int, int]
    most: int
    allowance: float = math.inf
    earlier: Sequence[int] = ()
    free: Collection[Run] = frozenset()

    def next(self, values: Values, spent: Mapping[Run, int] | None = None) -> Round:
        """Return the round that comes next. spent: epochs of the runs that are known."""
        trials, compared, seeds = self._first(), 0, min(FIRST, self.most)
        left = self.allowance
        wanted = [(trial, seed) for seed in range(seeds) for trial in trials]
        while trials:
            missing = tuple((n, seed) for n, seed in wanted if seed not in values.get(n, {}))
            if missing:
                more = self._more(trials, seeds, left - self._cost(wanted))
                return Round(trials, compared, missing, more)
            known = {run: epochs for run, epochs in (spent or {}).items() if run not in self.free}
            left -= sum(known.get(run, self._cost([run])) for run in wanted)
            compared = seeds
            kept = self._survivors(trials, values, seeds)
            if self._settled(kept, values, seeds):
                break
            if not (further := self._affordable(kept, seeds, left)):
                break
            # Where nothing is left to be decided, workers need not wait for each other.
            alone = len(further) < 3 and math.isinf(self.allowance)
            last = self.most if alone else seeds + 1
            wanted = [(n, seed) for seed in range(seeds, last) for n in further]
            trials, seeds = further, last
        # One confirmed earlier may have more seeds than there are epochs for to give the others.
        most = max((len(values.get(trial, {})) for trial in trials), default=0)
        level = (n for n in trials if n == self.baseline or len(values.get(n, {})) == most)
        return Round(tuple(level), compared)

    def _first(self) -> tuple[int, ...]:
        """Return what is trained on the first seeds: the best one and the baseline at least."""
        for many in range(min(TOP, len(self.candidates)), 0, -1):
            trials = self._with_baseline([*self.candidates[:many], *self.earlier])
            cost = self._cost((n, seed) for seed in range(min(FIRST, self.most)) for n in trials)
            # The interval of two pairs is three times as wide as that of three.
            third = self._with_baseline(trials[: 1 if many <= FEW else FEW])
            spare = self._cost((n, FIRST) for n in third) if many > 2 and self.most > FIRST else 0
            if many == 1 or cost + spare <= self.allowance:
                return trials
        return self._with_baseline(self.earlier)

    def _with_baseline(self, trials: Sequence[int]) -> tuple[int, ...]:
        others = [n for n in dict.fromkeys(trials) if n != self.baseline]
        return (*others, *([] if self.baseline is None else [self.baseline]))

    def _cost(self, runs: Iterable[Run]) -> int:
        return sum(self.epochs[n] for n, seed in runs if (n, seed) not in self.free)

    def _survivors(self, trials: Sequence[int], values: Values, seeds: int) -> tuple[int, ...]:
        """Return the trials that are not clearly worse than the leader, best first."""
        shown = {n: {seed: values[n][seed] for seed in range(seeds)} for n in trials}
        order = sorted(trials, key=lambda n: (_failed(shown[n]), _mean(shown[n]), n))
        noise = Noise.of(shown)
        kept = [n for n in order if not noise.apart(shown[n], shown[order[0]], LEVEL)]
        others = [n for n in kept if n != self.baseline]
        return self._with_baseline(others or [n for n in order if n != self.baseline][:1])

    def _settled(self, trials: Sequence[int], values: Values, seeds: int) -> bool:
        """Return whether further seeds would tell nothing that is asked."""
        if seeds >= self.most:
            return True
        if len(trials) > 2 or seeds < 3 or math.isinf(self.allowance):
            return False
        shown = {n: {seed: values[n][seed] for seed in range(seeds)} for n in trials}
        one, *other = shown.values()
        return not other or Noise.of(shown).apart(one, other[0])

    def _affordable(self, trials: Sequence[int], seeds: int, left: float) -> tuple[int, ...]:
        """Return as many of the best as there are epochs for to give them one more seed."""
        others = [n for n in trials if n != self.baseline]
        for many in range(len(others), min(len(others), 1) - 1, -1):
            found = self._with_baseline(others[:many])
            if self._cost((n, seeds) for n in found) <= max(left, 0.0):
                return found
        return ()

    def _more(self, trials: Sequence[int], seeds: int, left: float) -> int:
        """Return how many runs would follow if none were left out but for want of epochs."""
        found = 0
        for level in range(seeds, self.most):
            if not (trials := self._affordable(trials, level, left)):
                break
            runs = [(n, level) for n in trials if (n, level) not in self.free]
            left -= self._cost(runs)
            found += len(runs)
        return found


@dataclass(frozen=True)
class Noise:
    """What a seed alone changes: the standard deviation, and the degrees of freedom behind it."""

    std: float
    freedom: int

    @classmethod
    def of(cls, values: Values) -> Noise:
        """Estimate it from what is left of all values beside each trial's and each seed's mean.

        Two seeds of a pair of trials tell little of a spread; those of all trials together do.
        """
        import numpy as np

        cells = [(n, s, v) for n, of in values.items() for s, v in of.items() if math.isfinite(v)]
        if len(cells) < 2:
            return cls(0.0, 0)
        trials, seeds, found = zip(*cells, strict=True)
        columns = [np.asarray(trials) == n for n in dict.fromkeys(trials)]
        columns += [np.asarray(seeds) == s for s in dict.fromkeys(seeds)]
        design = np.stack(columns, axis=1).astype(float)
        scale = max(map(abs, found)) or 1.0
        value = np.asarray(found) / scale
        solved, _, rank, _ = np.linalg.lstsq(design, value, rcond=None)
        freedom = len(cells) - int(rank)
        if freedom <= 0:
            return cls(0.0, 0)
        rest = float(np.sum((value - design @ solved) ** 2))
        return cls(scale * math.sqrt(rest / freedom), freedom)

    def apart(
        self, one: Mapping[int, float], other: Mapping[int, float], level: float = 0.95
    ) -> bool:
        """Return whether two trials differ by more than seeds do, on those that both have.

        One that failed on a seed is told apart from one that did not.
        """
        shared = sorted(one.keys() & other.keys())
        mine, theirs = ({seed: of[seed] for seed in shared} for of in (one, other))
        if _failed(mine) != _failed(theirs):
            return True
        gaps = [mine[seed] - theirs[seed] for seed in shared if math.isfinite(mine[seed])]
        if not gaps or not all(map(math.isfinite, gaps)):
            return False
        mean = math.fsum(gaps) / len(gaps)
        own = math.sqrt(math.fsum((gap - mean) ** 2 for gap in gaps) / max(len(gaps) - 1, 1) / 2)
        # Values that differ by rounding alone are equal.
        tiny = 1e-9 * max(map(abs, (*mine.values(), *theirs.values())))
        # A pair that is noisier than most is judged by its own noise.
        noisier = dataclasses.replace(self, std=max(self.std, own))
        return abs(mean) > noisier.margin(len(gaps), level) + tiny

    def margin(self, seeds: int, level: float = 0.95) -> float:
        """Return how much two means of so many seeds may differ by seeds alone."""
        from scipy.special import stdtrit

        if not self.freedom:
            return math.inf
        wide = float(stdtrit(self.freedom, (1.0 + level) / 2.0))
        return wide * self.std * math.sqrt(2.0 / seeds)


def _failed(values: Mapping[int, float]) -> int:
    return sum(map(math.isinf, values.values()))


def _mean(values: Mapping[int, float]) -> float:
    """Return the mean of the finite ones, infinite without any."""
    finite = [value for value in values.values() if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.inf
