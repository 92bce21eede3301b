"""Luck told from skill: the best trials and the baseline, trained again on fresh seeds.

The best of many trials is partly the luckiest. So the best few and the baseline are trained on
seeds that no trial had, the same ones for each, and compared in pairs: on the validation part to
see which of them cannot be told apart, and on the test part for what the best has gained.
`sweeps.study.elimination` decides which of them get further seeds, `sweeps.study.winner` which one
is the best.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.training import Decision, Logs, Outcome, TrialResult
from objectives.training.beside import Beside, measured
from sweeps.study import ties
from sweeps.study.candidates import race
from sweeps.study.driver import Driver, Judged, Progress
from sweeps.study.elimination import Noise, Race, Round, Run
from sweeps.study.ended import ranked
from sweeps.study.options import CONFIRM, STRIDE
from sweeps.study.samplers import seed_of
from sweeps.study.several import finals
from sweeps.study.specs import Specs
from sweeps.study.statistics import Difference
from sweeps.study.winner import ATTR, CONTENDERS, Standing, confirmed_trials
from sweeps.tracking import TrialRun

if TYPE_CHECKING:
    from sweeps.study.session import Session


@dataclass(frozen=True)
class ConfirmedTrial:
    """One trial on fresh seeds. value: on its own seed. mean, spread: on the `seeds` fresh ones.

    failed: fresh seeds on which training diverged or failed. parameters: weights of the net. out:
    whether it was left out before others got their last seeds.
    """

    number: int
    role: str
    value: float
    mean: float
    spread: float | None
    seeds: int
    failed: int
    parameters: int | None
    out: bool = False


@dataclass(frozen=True)
class Confirmed:
    """What the repeats showed.

    repeats: fresh seeds. means: per "best" and "baseline", scores averaged over the seeds; where
    the baseline is the best, "next" is the trial that came nearest. difference: of the best minus
    the baseline in `metric`, on the test part, undecided where few seeds leave them tied; None
    where the baseline is the best, or one seed tells nothing. ties: trials without a clear
    difference to the best on the validation part, the best among them. smallest:
    the one of them with the fewest weights that was not left out, None where there is one alone,
    or two seeds. trials: all that were confirmed, the best first. lead: a trial whose
    one value is better than the winner's, and which has not been confirmed.
    runs: all that this has taken, and `share` their epochs as a share of those of all trials.
    by_seeds: how much the values of two trials on one seed each may differ by the seeds alone,
    None where too few runs tell.
    """

    repeats: int
    metric: str
    means: Mapping[str, Mapping[str, float]]
    difference: Difference | None
    ties: tuple[int, ...]
    smallest: int | None
    trials: tuple[ConfirmedTrial, ...]
    lead: int | None
    runs: int = 0
    share: float = 0.0
    by_seeds: float | None = None


@dataclass
class Confirm:
    """The last phase of a sweep. Its repeats are kept in the store: an interruption loses one.

    repeats: the greatest number of seeds, whatever they cost; None for the study's own, which
    by default take a third of its epochs at most. say: takes the line that answers an
    interruption. expect: takes the number of runs to come, before each round of them.
    """

    session: Session
    repeats: int | None = None
    say: Callable[[str], None] = lambda line: None
    progress: Progress | None = None
    expect: Callable[[int], None] = lambda runs: None

    def __post_init__(self) -> None:
        settings, ended = self.session.settings, self.session.store.ended()
        given = settings.confirm if self.repeats is None else self.repeats
        self.known: dict[str, Any] = dict(self.session.store.study.user_attrs.get(ATTR, {}))
        self.trials = {t.number: t for t in ranked(ended, self.session.monitor)}
        self.count = len(ended)
        self.race = race(
            self.session.sweep.objective.monitors,
            ended,
            self.known,
            CONFIRM if given is None else given,
            limited=given is None,
        )

    def next(self) -> Round:
        """Return the round that comes next, the first one that lacks a run."""
        return self._round(self.race)

    def _round(self, race: Race) -> Round:
        sign = self.session.monitor.sign
        values: dict[int, dict[int, float]] = {}
        spent = {}
        for run, told in self.known.items():
            number, seed = divmod(int(run), STRIDE)
            reached = sign * told["value"] if "test" in told else math.inf
            values.setdefault(number, {})[seed] = reached
            if "epochs" in told:
                spent[number, seed] = told["epochs"]
        return race.next(values, spent)

    def missing(self) -> list[int]:
        """Return the run numbers of the next round, none where all is done."""
        return [number * STRIDE + seed for number, seed in self.next().missing]

    def expected(self, total: int | None = None) -> int:
        """Return how many runs are to come, if none is spared.

        total: trials that there will be then, where they have not all ended yet.
        """
        race = self.race
        if total is not None and self.count:
            race = dataclasses.replace(race, allowance=race.allowance * total / self.count)
        found = self._round(race)
        return len(found.missing) + found.more

    def run(self) -> None:
        """Train what is missing, score it on the test part, and keep it; round after round."""
        trainer, tracker, progress = self.session.trainer, self.session.tracker, self.progress
        had = -1
        while len(self.known) > had:  # else the time is over
            had, found = len(self.known), self.next()
            if found.seeds:
                self._keep(found.trials)
            if not found.missing:
                return
            self.expect(len(found.missing) + found.more)
            driver = Driver(
                trainer,
                tracker,
                self._judge,
                self._end,
                progress,
                say=self.say,
                judged=Judged.judged,
            )
            driver.run(self._asked(found.missing))

    def _keep(self, trials: Sequence[int]) -> None:
        study = self.session.store.study
        if study.user_attrs.get(CONTENDERS) != list(trials):
            study.set_user_attr(CONTENDERS, list(trials))

    def _asked(self, runs: Sequence[Run]) -> Iterator[Judged]:
        folder, others = self.session.folder / ATTR, self.session.sweep.objective.others
        specs = dataclasses.replace(
            Specs.of(self.session),
            weights=folder,
            checkpoints=folder,
            limits=measured(others, {}),
            others=others,
        )
        for of, repeat in runs:
            number = of * STRIDE + repeat
            if str(number) in self.known:
                continue
            if self.session.settings.out_of_time:
                return
            trial = self.trials[of]
            seed = seed_of(self.session.settings.seed or 0, ATTR, repeat)
            config = self.session.store.config(trial.params)
            name = f"confirm {trial.number:03d} seed {repeat}"
            yield Judged(
                specs.make(number, config, seed, trial.role),
                TrialRun(number, name, trial.params, seed, ATTR, of=trial.number),
                f"#{trial.number} seed {repeat}",
                Beside(others),
            )

    def _judge(self, running: Judged, epoch: int, logs: Logs) -> Decision:
        return Decision.STOP if self.session.settings.out_of_time else Decision.CONTINUE

    def _end(self, running: Judged, result: TrialResult) -> None:
        spec = running.spec
        found: dict[str, Any] = {"value": result.value, "outcome": result.outcome.value}
        found |= {"epochs": result.epochs, "seconds": result.seconds, "trials": self.count}
        if "beside" in result.extra:
            found["beside"] = result.extra["beside"]
        metrics: dict[str, float] = {"epochs": result.epochs} | finals(result)
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
    noise = Noise.of({one.trial.number: one.reached for one in found})
    level = [best.trial.number]
    level += [one.trial.number for one in others if ties.tied(best, one, monitor, noise)]
    gap = None
    if baseline is not None:
        gap = ties.verdict(best, baseline, metric, baseline.trial.number in level)
    trials = session.store.ended()
    by_seeds = noise.margin(1) if noise.freedom > 1 else None
    told = session.store.study.user_attrs.get(ATTR, {}).values()
    epochs = sum(t.epochs for t in trials)
    return Confirmed(
        repeats=len(best.shared),
        metric=metric,
        means=means,
        difference=gap,
        ties=tuple(level),
        smallest=ties.smallest(found, level),
        trials=tuple(_row(one) for one in found),
        lead=ties.lead(session.monitor, ranked(trials, session.monitor), found, by_seeds),
        runs=len(told),
        share=sum(one.get("epochs", 0) for one in told) / epochs if epochs else 0.0,
        by_seeds=by_seeds,
    )


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
        out=one.out,
    )


def _means(one: Standing) -> dict[str, float]:
    """Return the scores averaged over the seeds that are compared."""
    rows = [one.scores[seed] for seed in sorted(one.shared & one.scores.keys())]
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
