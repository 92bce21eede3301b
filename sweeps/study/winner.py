"""Which trial is the winner: decided here, and nowhere else.

The lowest value of many trials is partly the luckiest. So the winner is the trial with the best
mean over fresh seeds, the same seeds for each trial that was confirmed on them; where nothing has
been confirmed it is the trial with the best value, and unconfirmed. A trial that was left out
after few seeds cannot win, and one that was confirmed stays a candidate when it is continued.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeps.study.ended import Ended, ranked
from sweeps.study.options import STRIDE

if TYPE_CHECKING:
    from objectives import Monitor
    from sweeps.study.session import Session

ATTR = "confirm"  # of a study: run number -> what a repeat reached
CONTENDERS = "contenders"  # of a study: the trials that were not left out, the baseline among them


@dataclass(frozen=True)
class Standing:
    """A trial that was trained again on fresh seeds.

    scores: by seed, the monitored value and the scores on the test part. failed: the seeds on
    which training diverged or failed. shared: the seeds that are compared. parameters: weights of
    the net, None where nobody counted them. out: whether it was left out before others got their
    last seeds.
    """

    trial: Ended
    monitor: str
    scores: Mapping[int, Mapping[str, float]]
    failed: frozenset[int] = frozenset()
    shared: frozenset[int] = frozenset()
    parameters: int | None = None
    out: bool = False

    @property
    def values(self) -> list[float]:
        """The monitored values on the seeds that are compared."""
        return [self.scores[seed][self.monitor] for seed in sorted(self.shared & set(self.scores))]

    @property
    def reached(self) -> Mapping[int, float]:
        """The monitored value by seed, infinite where training diverged or failed."""
        values = {seed: of[self.monitor] for seed, of in self.scores.items()}
        return values | dict.fromkeys(self.failed, math.inf)

    @property
    def mean(self) -> float:
        """Their mean, NaN without any."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan

    @property
    def spread(self) -> float | None:
        """Their standard deviation, None for fewer than two."""
        gaps = [value - self.mean for value in self.values]
        many = len(gaps) > 1
        return math.sqrt(math.fsum(gap**2 for gap in gaps) / (len(gaps) - 1)) if many else None


def standings(
    trials: Sequence[Ended],
    known: Mapping[str, Any],
    monitor: Monitor,
    wanted: int,
    left: Collection[int] = (),
) -> list[Standing]:
    """Return every trial that was confirmed, the winner first.

    Trials are compared on the seeds that all contenders were trained on. The contenders are those
    that are left; where nothing has been decided yet (in the first round, and in studies of
    earlier versions), those that were trained on as many seeds as are wanted or, while these are
    under way, on as many as the others, but for one. The other trials come last, and one that
    diverged or failed on a shared seed after those that did not.

    known: what the repeats reached, by run number. wanted: fresh seeds that a trial is to be
    trained on, 0 for those it has. left: the contenders, none where that is not decided.
    """
    runs: dict[int, dict[int, Any]] = {}
    for run, told in known.items():
        runs.setdefault(int(run) // STRIDE, {})[int(run) % STRIDE] = told
    complete = {t.number: t for t in ranked(list(trials), monitor)}
    runs = {
        n: of for n, of in runs.items() if n in complete and any("test" in r for r in of.values())
    }
    if not runs:
        return []
    most = max(map(len, runs.values()))
    least = (wanted or most) if most >= wanted else max(1, most - 1)
    contenders = set(left) & set(runs) or {n for n, of in runs.items() if len(of) >= least}
    shared = frozenset.intersection(*(frozenset(runs[number]) for number in contenders))
    found = [
        dataclasses.replace(
            _standing(complete[n], of, monitor.name, shared), out=n not in contenders
        )
        for n, of in runs.items()
    ]

    def order(one: Standing) -> tuple[bool, int, float, int]:
        failures = len(one.failed & shared)
        mean = monitor.sign * one.mean if one.values else math.inf
        return one.out, failures, mean, one.trial.number

    return sorted((one for one in found if one.values), key=order)


def _standing(
    trial: Ended, runs: Mapping[int, Mapping[str, Any]], monitor: str, shared: frozenset[int]
) -> Standing:
    done = {seed: told for seed, told in runs.items() if "test" in told}
    return Standing(
        trial=trial,
        monitor=monitor,
        scores={seed: {monitor: told["value"], **told["test"]} for seed, told in done.items()},
        failed=frozenset(runs.keys() - done.keys()),
        shared=shared,
        parameters=next((told.get("parameters") for told in done.values()), None),
    )


def confirmed_trials(session: Session) -> list[Standing]:
    """Return the trials of a study that were confirmed on fresh seeds, the winner first."""
    attrs = session.store.study.user_attrs
    return standings(
        session.store.ended(),
        attrs.get(ATTR, {}),
        session.monitor,
        session.settings.seeds,
        attrs.get(CONTENDERS, ()),
    )


def winner(session: Session) -> Ended | None:
    """Return the best trial of a study, None where no trial is complete."""
    found = confirmed_trials(session)
    if found:
        return found[0].trial
    return next(iter(ranked(session.store.ended(), session.monitor)), None)
