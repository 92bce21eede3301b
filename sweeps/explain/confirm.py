"""Luck told from skill: the best trials and the baseline, trained again on fresh seeds.

The best of many trials is partly the luckiest. So the top three and the baseline are trained on
seeds that no trial had, the same ones for each, and compared in pairs: on the validation part
to see which of them tie, and on the test part for what the best has gained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from objectives.training import Decision, Logs, Outcome, TrialResult, TrialSpec
from objectives.training.files import forget
from sweeps.explain.statistics import REAL, Difference, paired
from sweeps.study.asking import seed_of
from sweeps.study.final import spec_of
from sweeps.study.interrupts import Interrupts
from sweeps.study.settings import CONFIRM
from sweeps.study.storage import Ended, ranked
from sweeps.tracking import TrialRun

if TYPE_CHECKING:
    from sweeps.study.loop import Progress
    from sweeps.study.session import Session

TOP = 3
STRIDE = 100  # of run numbers: repeat 2 of trial 41 is run 4102
ATTR = "confirm"


@dataclass(frozen=True)
class Confirmed:
    """means: per "best" and "baseline", scores averaged over the seeds.

    Where the baseline is the best, "next" is the trial that came nearest. difference: of the
    best minus the baseline in `metric`, on the test part; None where the baseline is the best,
    or one seed tells nothing. ties: trials whose difference to the best is undecided on the
    validation part, the best among them.
    """

    repeats: int
    metric: str
    means: Mapping[str, Mapping[str, float]]
    difference: Difference | None
    ties: tuple[int, ...]


def candidates(session: Session) -> list[Ended]:
    """Return the top trials and the baseline, best first."""
    order = ranked(session.store.ended(), session.mode)
    baseline = [t for t in order[TOP:] if t.role == "baseline"]
    return order[:TOP] + baseline


class Confirm:
    """The last phase of a sweep. Its repeats are kept in the store: an interruption loses one."""

    def __init__(
        self,
        session: Session,
        repeats: int = CONFIRM,
        out_of_time: Callable[[], bool] = lambda: False,
        interrupts: Interrupts | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.session = session
        self.repeats = repeats
        self.out_of_time = out_of_time
        self.progress = progress
        self.interrupts = interrupts or Interrupts()
        self.known: dict[str, Any] = dict(session.store.study.user_attrs.get(ATTR, {}))
        self.trials = {t.number: t for t in candidates(session)}

    def missing(self) -> list[int]:
        """Return the run numbers of the repeats that are still to be trained."""
        wanted = [
            number * STRIDE + repeat for repeat in range(self.repeats) for number in self.trials
        ]
        return [number for number in wanted if str(number) not in self.known]

    def run(self) -> None:
        """Train what is missing, score it on the test part, and keep it."""
        trainer = self.session.trainer
        with self.interrupts:
            for result in trainer.train(self._specs(), self._on_epoch):
                with self.interrupts.shield():
                    self._end(result)

    def _specs(self) -> Iterator[TrialSpec]:
        for number in self.missing():
            if self.out_of_time():
                return
            yield self._start(number)

    def _start(self, number: int) -> TrialSpec:
        trial, repeat = self.trials[number // STRIDE], number % STRIDE
        seed = seed_of(self.session.settings.seed or 0, ATTR, repeat)
        original = spec_of(self.session, trial)
        spec = TrialSpec(
            number=number,
            config=original.config,
            seed=seed,
            max_epochs=original.max_epochs,
            monitor=original.monitor,
            mode=original.mode,
            patience=original.patience,
            weights=self.session.folder / ATTR / f"{number:07d}.npz",
            checkpoint=self.session.folder / ATTR / f"{number:07d}",
            checkpoint_every=self.session.settings.checkpoint_every,
        )
        name = f"confirm {trial.number:03d} seed {repeat}"
        run = TrialRun(number, name, trial.params, seed, ATTR, of=trial.number)
        self.session.tracker.start_trial(run)
        if self.progress is not None:
            self.progress.started(spec, f"#{trial.number} seed {repeat}")
        return spec

    def _on_epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
        with self.interrupts.shield():
            self.session.tracker.epoch(spec.number, epoch, logs)
            if self.progress is not None:
                self.progress.epoch(spec, epoch, logs)
        return Decision.STOP if self.out_of_time() else Decision.CONTINUE

    def _end(self, result: TrialResult) -> None:
        spec, tracker = result.spec, self.session.tracker
        if self.progress is not None:
            self.progress.ended(result)
        if result.outcome is Outcome.INTERRUPTED:
            tracker.interrupt_trial(spec.number)
            return
        found: dict[str, Any] = {"value": result.value, "outcome": result.outcome.value}
        metrics: dict[str, float] = {"epochs": result.epochs}
        if result.outcome is Outcome.COMPLETE and result.value is not None and spec.weights:
            found["test"] = self.session.trainer.evaluate(spec)
            spec.weights.unlink(missing_ok=True)
            spec.weights.with_suffix(".npy").unlink(missing_ok=True)
            metrics |= {f"trial_best_{spec.monitor}": result.value} | found["test"]
        self.known[str(spec.number)] = found
        self.session.store.study.set_user_attr(ATTR, self.known)
        forget(spec.checkpoint)
        tracker.end_trial(spec.number, result.outcome.value, metrics)


def confirmed(session: Session) -> Confirmed | None:
    """Return what the repeats showed, None where the best trial has none."""
    known = session.store.study.user_attrs.get(ATTR, {})
    trials = candidates(session)
    monitor = session.sweep.objective.monitor
    found = {t.number: _repeats(known, t.number, monitor) for t in trials}
    if not trials or not found[trials[0].number]:
        return None
    best, *others = trials
    metric = "test_" + monitor.removeprefix("val_")
    means = {"best": _means(found[best.number])}
    difference = None
    ties = [best.number]
    for other in others:
        if other.role == "baseline":
            means["baseline"] = _means(found[other.number])
            difference = _difference(found[best.number], found[other.number], metric)
        else:
            gap = _difference(found[best.number], found[other.number], monitor)
            if gap is not None and gap.word != REAL:
                ties.append(other.number)
    if best.role == "baseline" and others:
        means["next"] = _means(found[others[0].number])
    return Confirmed(len(found[best.number]), metric, means, difference, tuple(ties))


def repeats_of_best(session: Session) -> dict[int, dict[str, float]]:
    """Return the scores of the best trial's repeats, by seed; empty where there are none."""
    known = session.store.study.user_attrs.get(ATTR, {})
    monitor = session.sweep.objective.monitor
    best = ranked(session.store.ended(), session.mode)[:1]
    return _repeats(known, best[0].number, monitor) if best else {}


def _difference(
    one: Mapping[int, Mapping[str, float]], other: Mapping[int, Mapping[str, float]], metric: str
) -> Difference | None:
    both = [seed for seed in sorted(set(one) & set(other)) if metric in one[seed]]
    if len(both) < 2:
        return None
    return paired([one[s][metric] for s in both], [other[s][metric] for s in both])


def _repeats(known: Mapping[str, Any], number: int, monitor: str) -> dict[int, dict[str, float]]:
    """Return the scores of a trial's repeats, by seed."""
    return {
        int(run) % STRIDE: {monitor: found["value"], **found["test"]}
        for run, found in known.items()
        if int(run) // STRIDE == number and "test" in found
    }


def _means(repeats: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    rows = list(repeats.values())
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]} if rows else {}
