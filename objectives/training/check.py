"""A guard for what nobody thought of: a structure's first steps are compared with `fit`'s."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras.src.utils import naming  # there is no public way to reset the names

from objectives.structures import mapped, rows
from objectives.training.epochs import Batches, fed
from objectives.training.kept_ways import KeptWays
from objectives.training.program import Program
from objectives.training.traces import circumstances

if TYPE_CHECKING:
    from objectives import Objective
    from objectives.training import TrialSpec
    from objectives.training.fit import FitTrainer

BATCHES = 4, 2  # full ones, of training and of validation; a short last one of each is added
EPOCH_LOOPS = 4  # of a trace: full and short batches of training and of validation
# Two sums of float32 in another order differ by some 1e-6, of half precision by some 1e-3; what
# is wrong differs by far more.
RELATIVE, HALF, ABSOLUTE = 1e-3, 1e-2, 1e-5


class Guard:
    """Compares a structure's first steps with `fit`'s, once on a machine.

    Nets that differ in their sizes alone run the same code, so one of them stands for all. What
    was compared is remembered with the code of `build`, since other code may have the same
    operations.

    Args:
        trainer: Builds the models that `fit` trains.
    """

    def __init__(self, trainer: FitTrainer) -> None:
        self._trainer = trainer
        self._equal: set[str] = set()  # outlines

    def __call__(
        self,
        spec: TrialSpec,
        model: keras.Model,
        program: Program,
        order: Any,
        kept: KeptWays,
        own: bool,
    ) -> str | None:
        """Return one line that says what differs, or None.

        Args:
            spec: Of the trial.
            model: The trial's own, whose variables are as before when this returns.
            program: Of the trial.
            order: Of the rows of the trial's first epoch.
            kept: What this machine knows of the structure.
            own: Whether the model may call code that is not Keras's.
        """
        outline = program.trace.outline
        if outline in self._equal or kept.read().get("checked"):
            return None
        code = _code(self._trainer.objective.build)
        shared = KeptWays("outline", outline, code, circumstances()) if code else kept
        with shared.alone():  # of several workers one compares
            found = None
            if not shared.read().get("checked"):
                with kept.watched(program.way):
                    found = difference(self._trainer, spec, model, program, order, own)
            if found is None:
                self._equal.add(outline)
                shared.write(checked=True)
                kept.write(checked=True)
        return found


def difference(
    trainer: FitTrainer,
    spec: TrialSpec,
    model: keras.Model,
    program: Program,
    order: Any,
    own: bool,
) -> str | None:
    """Train the first batches of an epoch by a program and by `fit`, and compare their logs.

    `fit` spends most of its time here on tracing, so steps of Keras's code run eagerly at first,
    unless they hold loops, which are slow then; other code may compute something else eagerly.
    Only a graph of `fit`'s own decides that something differs.
    """
    if program.way == "xla" and program.trace.random:
        program = program.other("graph")  # XLA draws other random numbers
    with program.undone():
        found = program.run(order, BATCHES)
    rate = model.optimizer.learning_rate
    if not own and program.trace.loops <= EPOCH_LOOPS:
        with contextlib.suppress(Exception):  # what runs in a graph alone
            expected = _by_fit(trainer, spec, program, order, rate, eagerly=True)
            if _compared(trainer, spec, model, program, expected, found) is None:
                return None
    expected = _by_fit(trainer, spec, program, order, rate, eagerly=False)
    return _compared(trainer, spec, model, program, expected, found)


def _by_fit(
    trainer: FitTrainer, spec: TrialSpec, program: Program, order: Any, rate: Any, eagerly: bool
) -> dict[str, Any]:
    """Return the logs of `fit` on the same batches."""
    naming.reset_uids()  # or a metric without a name of its own has another one here
    plain = trainer.build(spec)
    optimizer = getattr(plain.optimizer, "inner_optimizer", plain.optimizer)  # of loss scaling
    if isinstance(optimizer._learning_rate, keras.Variable):
        plain.optimizer.learning_rate = float(rate)
    plain.run_eagerly = eagerly
    size = trainer.objective.batch(spec.config)
    train, validation = trainer.arrays
    shown = first(np.arange(rows(validation)), program.wide, BATCHES[1])
    history = plain.fit(
        Batches(train, size, first(np.asarray(order), size, BATCHES[0])).for_fit(),
        epochs=1,
        shuffle=False,
        validation_data=mapped(lambda part: fed(part[shown]), validation),
        validation_batch_size=size,
        verbose=0,
    ).history
    return {name: values[-1] for name, values in history.items()}


def _compared(
    trainer: FitTrainer,
    spec: TrialSpec,
    model: keras.Model,
    program: Program,
    expected: dict[str, Any],
    found: dict[str, Any],
) -> str | None:
    """Return one line that says what differs, or None."""
    if set(expected) != set(found):
        missing = sorted(set(expected) ^ set(found))
        return f"its first steps have other logs than fit's: {', '.join(missing)}"
    types = {layer.compute_dtype for layer in model._flatten_layers()}
    half = bool(types & {"float16", "bfloat16"})
    for name, value in expected.items():
        # Rounded so coarsely, a row or two may change sides in an accuracy.
        share = half and "loss" not in name and np.all((np.asarray(value) >= 0) & (value <= 1))
        part = int(name.startswith("val_"))
        whole = (trainer.data.train, trainer.data.validation)[part]
        size = (trainer.objective.batch(spec.config), program.wide)[part]
        seen = len(first(np.arange(len(whole)), size, BATCHES[part]))
        bounds = (HALF if half else RELATIVE), (3.0 / seen if share else ABSOLUTE)
        if not np.allclose(found[name], value, *bounds, equal_nan=True):
            return (
                f"its first steps differ from fit's: {name} is {np.mean(found[name]):.6g}, "
                f"by fit {np.mean(value):.6g}"
            )
    return None


def first(order: Any, size: int, most: int) -> Any:
    """Return the rows of the first full batches, `most` of them, and of the short last one."""
    full = len(order) // size * size
    return np.concatenate([order[: min(full, most * size)], order[full:]])


def _code(build: Any) -> str | None:
    """Return a digest of the file that defines `build`, None where there is none."""
    try:
        file = inspect.getsourcefile(inspect.unwrap(build))
        return file and hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return None


def users(objective: Objective[Any]) -> bool:
    """Return whether an objective's model is of the user's own code, and not of this package."""
    module = getattr(inspect.unwrap(objective.build), "__module__", "")
    return not str(module).startswith("objectives.")
