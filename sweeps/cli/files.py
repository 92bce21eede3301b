"""`export`: a trial's config and model as files; `train`: a config trained again."""

from __future__ import annotations

import dataclasses
import math
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from objectives.judging import threshold
from objectives.reading import counted
from objectives.reading.joined import joined
from objectives.training import Outcome
from objectives.training.errors import error_line
from sweeps.cli import ensemble, refit
from sweeps.cli.found import reading
from sweeps.cli.front import front_text
from sweeps.cli.layout import columns, fit
from sweeps.cli.places import check_place
from sweeps.cli.share import register
from sweeps.cli.source import data_text
from sweeps.cli.trainers import trainers
from sweeps.cli.work import Say, quiet
from sweeps.export import score
from sweeps.export.config import (
    DataOf,
    Exported,
    Origin,
    Split,
    Training,
    read,
    with_scores,
)
from sweeps.export.model import MODEL, Written, differences, save, train
from sweeps.study.ended import Ended, baseline_of
from sweeps.study.session import Session
from sweeps.study.several import front_of
from sweeps.study.winner import confirmed_trials, winner
from sweeps.workers.versions import versions

if TYPE_CHECKING:
    from objectives import Data
    from objectives.training import Logs
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep


def export(
    sweep: Sweep, settings: Settings, program: str | None, data: Data | None = None
) -> tuple[int, Any]:
    """Write `config.yaml` and `model.keras` of the best trial, or of the one asked for.

    program: how commands begin, None to name none. data: of the study, where it is at hand.
    """
    if settings.to is None:
        raise BadInput("export needs a folder: --to DIR")
    if settings.register and sweep.objective.function is not None:
        raise BadInput("--register compares test scores, and this sweep's function has none here")
    with (
        trainers(sweep, settings, workers=1) as make_trainer,
        reading(sweep, settings, make_trainer, data) as session,
    ):
        trial = chosen(session, settings.trial)
        check_place(settings.to, session.name, trial.number, force=settings.force)
        command = f"{program} train --config config.yaml" if program else ""
        several = ensemble.asked(session, settings)
        if settings.refit:
            whole = exported(session, trial)
            written = refit.save(whole, session, settings.to, command, several=several)
            _say_written(written)
            _say_use(session, settings, None if several else trial.number, written)
            return 0, None
        if several:
            found, written = ensemble.save(exported(session, trial), session, settings, command)
            print("\n".join([*session.notes, *ensemble.said(session, found)]))
            _say_written(written)
            _say_use(session, settings, None, written, ensemble.registered(session, found))
            return 0, None
        weights = session.folder / "weights" / f"{trial.number:05d}.npz"
        written = save(
            exported(session, trial),
            session.trainer,
            settings.to,
            weights=weights if trial.outcome == Outcome.COMPLETE.value else None,
            command=command,
        )
        said = f"trial {trial.number} of {session.name}{_standing(session, trial)}"
        print("\n".join([*session.notes, said]))
        if settings.trial is None and (others := front_text(front_of(session))):
            print(f"the best by {session.monitor.name}; --trial N takes another. {others}")
        _say_written(written)
        _say_use(session, settings, trial.number, written)
    return 0, None


def _say_use(
    session: Session,
    settings: Settings,
    number: int | None,
    written: Written,
    scores: Mapping[str, float] | None = None,
) -> None:
    """Say how the exported model scores a row; register it if that is asked for."""
    if settings.to is None:
        return
    if session.sweep.objective.function is not None:
        print(_of_function(written))
    else:
        print("score a row with it, in Python:")
        for line in score.lines(session.data, settings.to / MODEL):
            print(f"  {line}")
    if settings.register:
        known = written.exported.scores if scores is None else scores
        print(register(session, number, settings.to / MODEL, known))


def _of_function(written: Written) -> str:
    """Say what there is of a function that trains by itself."""
    if any(file.name == MODEL for file in written.files):
        return f"{MODEL} has the weights that the function's last fit left"
    return f"the function trains no Keras model with fit, so there is no {MODEL}"


def chosen(session: Session, name: str | None) -> Ended:
    """Return the trial asked for: a number, "baseline" or "best". Raises BadInput."""
    if name in (None, "best"):
        best = winner(session)
        if best is None:
            raise BadInput(f"study {session.name!r} has no complete trial yet: run it first")
        return best
    trials = session.store.ended()
    baseline = baseline_of(trials)
    for trial in trials:
        if name == str(trial.number) or (name == "baseline" and trial is baseline):
            if trial.value is None:
                raise BadInput(f"--trial {name} {trial.outcome} without a value: take another")
            return trial
    raise BadInput(
        f"--trial {name}: say baseline, best or the number of one of the {len(trials)} ended "
        f"trials of study {session.name!r}"
    )


def _standing(session: Session, trial: Ended) -> str:
    """Return how sure it is that this trial is as good as its value."""
    monitor = session.sweep.objective.monitor
    if trial.outcome != Outcome.COMPLETE.value:
        return f", which was {trial.outcome} after {counted(trial.epochs, 'epoch')}"
    means = {one.trial.number: one for one in confirmed_trials(session)}
    if (one := means.get(trial.number)) is not None:
        best = ", the best" if next(iter(means)) == trial.number else ""
        return f": {monitor} {one.mean:.4g} on average of {len(one.values)} fresh seeds{best}"
    return f": unconfirmed, {monitor} {trial.value:.4g} on its one seed (see --confirm)"


def exported(session: Session, trial: Ended) -> Exported:
    """Return the config file of a trial."""
    attrs = session.store.study.user_attrs
    final = attrs.get("final", {})
    scores: dict[str, float] = {session.monitor.name: trial.reached}
    for one in confirmed_trials(session):
        if one.trial.number == trial.number:
            scores[f"confirmed_{one.monitor}"] = one.mean
    if final.get("trial") == trial.number:
        scores |= final["best"]
        scores |= {
            f"baseline_{k}": v for k, v in final.get("baseline", {}).items() if k != threshold.KEY
        }
    found = Exported(
        sweep=session.sweep.name,
        config=session.store.config(trial.params),
        training=Training(
            max_epochs=trial.epochs,
            best_epoch=trial.best_epoch,
            monitor=session.sweep.objective.monitor,
            mode=session.sweep.objective.mode,
            trainer=trial.way or ("fit" if trial.fallback else "compiled"),
            seed=trial.seed,
        ),
        data=DataOf.of(session.data),
        split=Split.of(session.data),
        origin=Origin(
            study=session.name,
            trial=trial.number,
            mlflow_run=trial.run_id or attrs.get("runs", {}).get(str(trial.number)),
        ),
        versions=versions(),
    )
    return with_scores(found, scores)


def train_config(sweep: Sweep, settings: Settings, program: str) -> tuple[int, Any]:
    """Train a config file again, and say whether its recorded value was reached."""
    if settings.config is None:
        raise BadInput("train needs a config file: --config FILE")
    objective = sweep.objective
    baseline = objective.space.baseline
    kind = dict if baseline is None else type(baseline)
    asked = read(settings.config, kind, sweep.name)
    trainer = asked.training.trainer if asked.training else "auto"
    monitor = asked.training.monitor if asked.training else objective.monitor
    if asked.training is not None and settings.mode is not None:
        judged = dataclasses.replace(asked.training, mode=settings.mode)
        asked = dataclasses.replace(asked, training=judged)
    path = settings.source.path if settings.source else None
    data = objective.data(asked.source(path))
    settings = dataclasses.replace(settings, trainer="auto" if trainer == "compiled" else trainer)
    say: Say = quiet if settings.quiet else print
    say(f"data: {data_text(data)}")
    for line in differences(asked, data.digest, versions()):
        say(f"note: {line}")
    if asked.refit is not None:
        cut = asked.decision.threshold if asked.decision else None
        data = joined(objective, data, asked.source(path), cut)
        say(f"trained on {counted(len(data.train), 'row')}, the validation rows among them")
    with (
        tempfile.TemporaryDirectory() as folder,
        trainers(sweep, settings, workers=1, early=True) as make_trainer,
    ):
        if asked.members:
            make = partial(make_trainer, objective, data, Path(folder))
            command = f"{program} train --config config.yaml"
            return ensemble.train(asked, make, settings, Told(monitor, say), say, command), None
        written = train(
            asked,
            make_trainer(objective, data, Path(folder), settings.trainer or "auto"),
            objective,
            to=settings.to,
            seed=settings.seed,
            on_epoch=Told(monitor, say),
            command=f"{program} train --config config.yaml",
        )
    return _ended(written, monitor), None


class Told:
    """Says an epoch's value about every ten seconds, and the first."""

    def __init__(self, monitor: str, say: Say) -> None:
        self.monitor = monitor
        self.say = say
        self.next = 0.0

    def __call__(self, epoch: int, logs: Logs) -> None:
        """Take an epoch's logs."""
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + 10.0
            if not math.isnan(logs[self.monitor]):  # of a function, which has reported nothing yet
                self.say(f"epoch {epoch}: {self.monitor} {logs[self.monitor]:.4g}")


def _ended(written: Written, monitor: str) -> int:
    result = written.result
    if result is None or result.outcome is not Outcome.COMPLETE:
        reason = error_line(result.error) if result and result.error else ""
        print(f"training {result.outcome.value if result else 'failed'} {reason}".strip())
        return 1
    print(f"{monitor} {result.value!r} at epoch {result.best_epoch} of {result.epochs}")
    if written.exact is not None:
        word = "exactly" if written.exact else f"not exactly: recorded {written.recorded!r}"
        print(f"the recorded value was reached {word}")
    _say_written(written)
    return 0


def _say_written(written: Written) -> None:
    scores = "  ".join(f"{name} {value:.4g}" for name, value in written.exported.scores.items())
    decision = written.exported.decision
    if decision is not None:
        scores += f"  threshold {decision.threshold:.4g}"
    if written.files:
        print(f"wrote {' and '.join(map(str, written.files))}")
        print("\n".join(fit([f"scores: {scores}"], columns())))
