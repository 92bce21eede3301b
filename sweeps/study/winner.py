"""Which trial is the winner: decided here, and nowhere else.

The lowest value of many trials is partly the luckiest. So the winner is the trial with the best
mean over fresh seeds, the same seeds for each trial that was confirmed on them; where nothing has
been confirmed it is the trial with the best value, and unconfirmed. A trial that was confirmed
once stays a candidate when the study goes on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeps.study.ended import Ended, ranked
from sweeps.study.options import STRIDE

if TYPE_CHECKING:
    from objectives import Monitor
    from sweeps.study.session import Session

ATTR = "confirm"  # of a study: run number -> what a repeat reached


@dataclass(frozen=True)
class Standing:
    """A trial that was trained again on fresh seeds.

    scores: by seed, the monitored value and the scores on the test part. failed: the seeds on
    which training diverged or failed. shared: the seeds that are compared. parameters: weights of
    the net, None where nobody counted them.
    """

    trial: Ended
    monitor: str
    scores: Mapping[int, Mapping[str, float]]
    failed: frozenset[int] = frozenset()
    shared: frozenset[int] = frozenset()
    parameters: int | None = None

    @property
    def values(self) -> list[float]:
        """The monitored values on the seeds that are compared."""
        return [self.scores[seed][self.monitor] for seed in sorted(self.shared & set(self.scores))]

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
    trials: Sequence[Ended], known: Mapping[str, Any], monitor: Monitor, wanted: int
) -> list[Standing]:
    """Return every trial that was confirmed, the winner first.

    Trials are compared on the seeds that all contenders were trained on. A contender has been
    trained on as many seeds as are wanted; while the first ones are still under way, on as many as
    the others, but for one. Those with fewer seeds come last, and one that diverged or failed on a
    shared seed after those that did not.

    known: what the repeats reached, by run number. wanted: fresh seeds that a trial is to be
    trained on, 0 for those it has.
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
    contenders = {number for number, of in runs.items() if len(of) >= least}
    shared = frozenset.intersection(*(frozenset(runs[number]) for number in contenders))
    found = [_standing(complete[n], of, monitor.name, shared) for n, of in runs.items()]

    def order(one: Standing) -> tuple[bool, int, float, int]:
        failures = len(one.failed & shared)
        mean = monitor.sign * one.mean if one.values else math.inf
        return one.trial.number not in contenders, failures, mean, one.trial.number

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
    return standings(
        session.store.ended(),
        session.store.study.user_attrs.get(ATTR, {}),
        session.monitor,
        session.settings.confirm or 0,
    )


def winner(session: Session) -> Ended | None:
    """Return the best trial of a study, None where no trial is complete."""
    found = confirmed_trials(session)
    if found:
        return found[0].trial
    return next(iter(ranked(session.store.ended(), session.monitor)), None)
