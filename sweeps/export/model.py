"""A config and its model in a folder, and the way back: train again from the config."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Monitor
from objectives.monitor import LAST
from objectives.training import Decision, Logs, Outcome, TrialResult, TrialSpec
from sweeps.export.config import Exported, Training, with_scores, write
from sweeps.study.specs import Specs

if TYPE_CHECKING:
    from objectives import Objective
    from objectives.training import Trainer

CONFIG, MODEL = "config.yaml", "model.keras"
OnLogs = Callable[[int, Logs], None]  # epoch (1-based), Keras's logs


@dataclass(frozen=True)
class Written:
    """What was trained, and written if a folder was given.

    exported: the config with what was reached. result: None where kept weights spared the
    training. recorded: the value before. exact: whether training reached it to the last digit;
    None where there is nothing to compare: another seed, no record, no training.
    """

    exported: Exported
    result: TrialResult | None = None
    recorded: float | None = None
    exact: bool | None = None
    files: tuple[Path, ...] = ()


def save(
    exported: Exported,
    trainer: Trainer,
    to: Path,
    *,
    weights: Path | None = None,
    on_epoch: OnLogs | None = None,
    command: str = "",
) -> Written:
    """Write `config.yaml` and `model.keras` (the best epoch's weights) into the folder `to`.

    weights: the kept ones; where there are none the config is trained again. For a pruned trial
    let `training.max_epochs` be the epochs that it ran. Raises BadInput where `to` cannot be
    written, RuntimeError where training again does not complete.
    """
    if weights is None or not weights.exists():
        written = _train(exported, trainer, to, on_epoch, command)
        if written.result is not None and not written.files:
            raise RuntimeError(written.result.error or f"training {written.result.outcome.value}")
        return written
    with staged(to) as folder:
        scored = fill(folder, exported, trainer, spec_of(exported, weights), command)
    return Written(scored, recorded=exported.recorded, files=_files(to))


def train(
    exported: Exported,
    trainer: Trainer,
    objective: Objective[Any],
    *,
    to: Path | None = None,
    seed: int | None = None,
    on_epoch: OnLogs | None = None,
    command: str = "",
) -> Written:
    """Train a config again; with its own seed it reaches its recorded value to the last digit.

    objective: for what a file without a training section leaves open. to: the folder of config
    and model, written if training completes. A training that fails is a result, not an error.
    Raises BadInput where `to` cannot be written.
    """
    training = exported.training
    if training is None:
        epochs = objective.epochs(exported.config, objective.max_epochs)
        training = Training(epochs, monitor=objective.monitor)
    if training.mode is None and training.monitor == objective.monitor:
        training = dataclasses.replace(training, mode=objective.mode)
    if seed is not None and seed != training.seed:
        training = dataclasses.replace(training, seed=seed, best_epoch=None)
        exported = dataclasses.replace(exported, scores={})
    again = dataclasses.replace(exported, training=training)
    return _train(again, trainer, to, on_epoch, command)


def spec_of(exported: Exported, weights: Path | None = None) -> TrialSpec:
    """Return the spec that trains a config, unpruned. Raises BadInput without `training`."""
    training = exported.training
    if training is None:
        raise BadInput("the config has no section `training`, with max_epochs and seed")
    number, refitted = exported.origin.trial or 0, exported.refit is not None
    monitor = LAST if refitted else Monitor.of(training.monitor, training.mode)
    rates = rates_of(training) if refitted else None
    specs = Specs(training.max_epochs, monitor)
    return specs.make(number, exported.config, training.seed, weights=weights, rates=rates)


def rates_of(training: Training) -> tuple[float, ...]:
    """Return the learning rate of each epoch of a refitted net, none where it never changes."""
    found: list[float] = []
    for epoch, rate in training.rates:
        found += [found[-1]] * (epoch - 1 - len(found)) if found else []
        found.append(rate)
    return tuple(found + found[-1:] * (training.max_epochs - len(found)))


def differences(
    exported: Exported, digest: str, versions: Mapping[str, str], trainer: str | None = None
) -> list[str]:
    """Return why training here may reach other digits than the recorded ones: data, versions.

    digest, versions, trainer: of the data and the machine at hand.
    """
    found = []
    recorded = exported.data.digest
    if recorded is not None and not digest.startswith(recorded):
        found.append(f"the data differ: digest {digest[:12]} here, {recorded[:12]} recorded")
    if exported.training and trainer is not None and trainer != exported.training.trainer:
        found.append(f"trainer {trainer} here, {exported.training.trainer} recorded")
    found += [
        f"{name} {versions[name]} here, {version} recorded"
        for name, version in exported.versions.items()
        if versions.get(name, version) != version
    ]
    return found


def _train(
    exported: Exported,
    trainer: Trainer,
    to: Path | None,
    on_epoch: OnLogs | None,
    command: str,
) -> Written:
    def told(_: TrialSpec, epoch: int, logs: Logs) -> Decision:
        if on_epoch is not None:
            on_epoch(epoch, logs)
        return Decision.CONTINUE

    with staged(to) if to is not None else contextlib.nullcontext() as folder:
        spec = spec_of(exported, folder and folder / "weights.npz")
        (result,) = trainer.train(iter([spec]), told)
        recorded = exported.recorded
        exact = None if recorded is None else result.value == recorded
        reached = _reached(exported, result)
        if folder is None or to is None or result.outcome is not Outcome.COMPLETE:
            return Written(reached, result, recorded, exact)
        reached = fill(folder, reached, trainer, spec, command)
    return Written(reached, result, recorded, exact, _files(to))


def _files(to: Path) -> tuple[Path, ...]:
    """Return what was written into a folder."""
    return tuple(file for file in (to / CONFIG, to / MODEL) if file.exists())


def _reached(exported: Exported, result: TrialResult) -> Exported:
    training = exported.training
    if training is None or result.value is None:
        return exported
    return dataclasses.replace(
        exported,
        training=dataclasses.replace(training, best_epoch=result.best_epoch),
        scores={**exported.scores, training.monitor: result.value},
    )


def fill(
    folder: Path, exported: Exported, trainer: Trainer, spec: TrialSpec, command: str
) -> Exported:
    """Write model and config into a folder; return the config with the test part's scores."""
    scores = trainer.evaluate(spec, model=folder / MODEL)
    scored = with_scores(exported, scores)
    write(scored, folder / CONFIG, command=command)
    return scored


@contextlib.contextmanager
def staged(to: Path) -> Iterator[Path]:
    """Give a folder to write into, beside `to`; what was written is then moved there.

    A reader never finds half a file, nor one model's config beside another's weights: an old
    config goes before the new model comes, and without a new config nothing is moved.
    Raises BadInput where `to` is a file or cannot be written.
    """
    if to.exists() and not to.is_dir():
        raise BadInput(f"--to {str(to)!r} is a file: give a folder")
    if to.exists() and not os.access(to, os.W_OK):
        raise BadInput(f"cannot write to {str(to)!r}: permission denied")
    folder = to.absolute().parent / f".{to.absolute().name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot write to {str(to)!r}: {error.strerror}") from None
    try:
        yield folder
        if (folder / CONFIG).exists():
            to.mkdir(exist_ok=True)
            (to / CONFIG).unlink(missing_ok=True)
            (to / MODEL).unlink(missing_ok=True)
            if (folder / MODEL).exists():  # there is none of a function that trains no model
                (folder / MODEL).replace(to / MODEL)
            (folder / CONFIG).replace(to / CONFIG)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
