"""Luck told from skill: the best trials and the baseline, trained again on fresh seeds.

The best of many trials is partly the luckiest. So the top three and the baseline are trained on
seeds that no trial had, the same ones for each, and compared in pairs: on the validation part to
see which of them cannot be told apart, and on the test part for what the best has gained.
`sweeps.study.winner` decides which one is the best.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.training import Decision, Logs, Outcome, TrialResult
from sweeps.study.driver import Driver, Progress, Running
from sweeps.study.ended import Ended, ranked
from sweeps.study.options import CONFIRM, STRIDE
from sweeps.study.samplers import seed_of
from sweeps.study.specs import Specs
from sweeps.study.statistics import REAL, Difference, paired
from sweeps.study.winner import ATTR, Standing, confirmed_trials
from sweeps.tracking import TrialRun

if TYPE_CHECKING:
    from sweeps.study.session import Session

TOP = 3


@dataclass(frozen=True)
class ConfirmedTrial:
    """One trial on fresh seeds. value: on its own seed. mean, spread: on the `seeds` fresh ones.

    failed: fresh seeds on which training diverged or failed. parameters: weights of the net.
    """

    number: int
    role: str
    value: float
    mean: float
    spread: float | None
    seeds: int
    failed: int
    parameters: int | None


@dataclass(frozen=True)
class Confirmed:
    """What the repeats showed.

    repeats: fresh seeds. means: per "best" and "baseline", scores averaged over the seeds; where
    the baseline is the best, "next" is the trial that came nearest. difference: of the best minus
    the baseline in `metric`, on the test part; None where the baseline is the best, or one seed
    tells nothing. ties: trials without a clear difference to the best on the validation part,
    the best among them. smallest: the one of them with the fewest weights, None where there is
    one alone. trials: all that were confirmed, the best first. lead: a trial whose one value is
    better than the winner's, and which has not been confirmed.
    """

    repeats: int
    metric: str
    means: Mapping[str, Mapping[str, float]]
    difference: Difference | None
    ties: tuple[int, ...]
    smallest: int | None
    trials: tuple[ConfirmedTrial, ...]
    lead: int | None


def candidates(session: Session) -> list[Ended]:
    """Return the top trials, those that lead among the confirmed, and the baseline."""
    order = ranked(session.store.ended(), session.monitor)
    confirmed = [one.trial for one in confirmed_trials(session)]
    baseline = [t for t in order if t.role == "baseline"]
    every = (*order[:TOP], *confirmed[:TOP], *baseline)
    return list({t.number: t for t in every}.values())


@dataclass
class Confirm:
    """The last phase of a sweep. Its repeats are kept in the store: an interruption loses one.

    say: takes the line that answers an interruption.
    """

    session: Session
    repeats: int = CONFIRM
    say: Callable[[str], None] = lambda line: None
    progress: Progress | None = None

    def __post_init__(self) -> None:
        self.known: dict[str, Any] = dict(self.session.store.study.user_attrs.get(ATTR, {}))
        self.trials = {t.number: t for t in candidates(self.session)}

    def missing(self) -> list[int]:
        """Return the run numbers of the repeats that are still to be trained."""
        wanted = [
            number * STRIDE + repeat for repeat in range(self.repeats) for number in self.trials
        ]
        return [number for number in wanted if str(number) not in self.known]

    def run(self) -> None:
        """Train what is missing, score it on the test part, and keep it."""
        trainer, tracker, progress = self.session.trainer, self.session.tracker, self.progress
        driver = Driver(trainer, tracker, self._judge, self._end, progress, say=self.say)
        driver.run(self._asked())

    def _asked(self) -> Iterator[Running]:
        folder = self.session.folder / ATTR
        specs = dataclasses.replace(Specs.of(self.session), weights=folder, checkpoints=folder)
        for number in self.missing():
            if self.session.settings.out_of_time:
                return
            trial, repeat = self.trials[number // STRIDE], number % STRIDE
            seed = seed_of(self.session.settings.seed or 0, ATTR, repeat)
            config = self.session.store.config(trial.params)
            name = f"confirm {trial.number:03d} seed {repeat}"
            yield Running(
                specs.make(number, config, seed, trial.role),
                TrialRun(number, name, trial.params, seed, ATTR, of=trial.number),
                f"#{trial.number} seed {repeat}",
            )

    def _judge(self, running: Running, epoch: int, logs: Logs) -> Decision:
        return Decision.STOP if self.session.settings.out_of_time else Decision.CONTINUE

    def _end(self, running: Running, result: TrialResult) -> None:
        spec = running.spec
        found: dict[str, Any] = {"value": result.value, "outcome": result.outcome.value}
        metrics: dict[str, float] = {"epochs": result.epochs}
        if result.outcome is Outcome.COMPLETE and result.value is not None and spec.weights:
            found["test"] = self.session.trainer.evaluate(spec)
            found["parameters"] = _weights_in(spec.weights)
            spec.weights.unlink(missing_ok=True)
            spec.weights.with_suffix(".npy").unlink(missing_ok=True)
            metrics |= {f"trial_best_{spec.monitor.name}": result.value} | found["test"]
        # The tracker first: a repeat that the store lacks is trained again, under its number.
        self.session.tracker.end_trial(spec.number, result.outcome.value, metrics)
        self.known[str(spec.number)] = found
        self.session.store.study.set_user_attr(ATTR, self.known)


def _weights_in(path: Path) -> int | None:
    """Return how many numbers a file of weights holds, None where it holds none."""
    import numpy as np

    with np.load(path, allow_pickle=False) as kept:
        return sum(kept[name].size for name in kept.files) or None


def confirmed(session: Session) -> Confirmed | None:
    """Return what the repeats showed, None where nothing has been confirmed."""
    found = confirmed_trials(session)
    if not found:
        return None
    best, *others = found
    monitor, metric = session.monitor.name, session.monitor.test_name
    means = {"best": _means(best)}
    baseline = next((one for one in others if one.trial.role == "baseline"), None)
    if baseline is not None:
        means["baseline"] = _means(baseline)
    elif best.trial.role == "baseline" and others:
        means["next"] = _means(others[0])
    gaps = {one.trial.number: _difference(best, one, monitor) for one in others}
    ties = [best.trial.number]
    ties += [number for number, gap in gaps.items() if gap is not None and gap.word != REAL]
    first = ranked(session.store.ended(), session.monitor)[0].number
    return Confirmed(
        repeats=len(best.shared),
        metric=metric,
        means=means,
        difference=_difference(best, baseline, metric) if baseline is not None else None,
        ties=tuple(ties),
        smallest=_smallest(found, ties),
        trials=tuple(_row(one) for one in found),
        lead=None if first in {one.trial.number for one in found} else first,
    )


def repeats_of_best(session: Session) -> Mapping[int, Mapping[str, float]]:
    """Return the scores of the winner's repeats, by seed; empty where there are none."""
    found = confirmed_trials(session)
    return found[0].scores if found else {}


def _row(one: Standing) -> ConfirmedTrial:
    return ConfirmedTrial(
        number=one.trial.number,
        role=one.trial.role,
        value=one.trial.reached,
        mean=one.mean,
        spread=one.spread,
        seeds=len(one.values),
        failed=len(one.failed & one.shared),
        parameters=one.parameters,
    )


def _smallest(found: Sequence[Standing], ties: Sequence[int]) -> int | None:
    """Return the tied trial with the fewest weights, the better one of two that have as many."""
    sizes = {s.trial.number: s.parameters for s in found if s.trial.number in ties}
    known = {number: size for number, size in sizes.items() if size is not None}
    if len(ties) < 2 or len(known) < len(sizes):
        return None
    return min(known, key=lambda number: known[number])


def _difference(one: Standing, other: Standing, metric: str) -> Difference | None:
    both = sorted(one.scores.keys() & other.scores.keys())
    both = [seed for seed in both if metric in one.scores[seed]]
    if len(both) < 2:
        return None
    mine, theirs = ([of.scores[seed][metric] for seed in both] for of in (one, other))
    return paired(mine, theirs, metric=metric)


def _means(one: Standing) -> dict[str, float]:
    """Return the scores averaged over the seeds that are compared."""
    rows = [one.scores[seed] for seed in sorted(one.shared & one.scores.keys())]
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
