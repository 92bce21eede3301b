"""A guard for what nobody thought of: a structure's first steps are compared with `fit`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from objectives.training.fit import Batches, fed
from objectives.training.program import Program

if TYPE_CHECKING:
    from objectives import Objective
    from objectives.training import TrialSpec
    from objectives.training.fit import FitTrainer

BATCHES = 8  # of training and of validation, and a short last one of each
# Two sums of float32 in another order differ by some 1e-6, of half precision by some 1e-3; what
# is wrong differs by far more.
RELATIVE, HALF, ABSOLUTE = 1e-3, 1e-2, 1e-5


def difference(
    trainer: FitTrainer, spec: TrialSpec, model: keras.Model, program: Program, order: Any
) -> str | None:
    """Train the first batches of an epoch by a program and by `fit`, and compare their logs.

    Args:
        trainer: Builds the model that `fit` trains.
        spec: Of the trial.
        model: The trial's own, whose variables are as before when this returns.
        program: Of the trial.
        order: Of the rows of the trial's first epoch.

    Returns:
        One line that says what differs, or None.
    """
    if program.way == "xla" and program.trace.random:
        program = program.other("graph")  # XLA draws other random numbers
    with program.undone():
        found = program.run(order, BATCHES)
    plain = trainer.build(spec)
    optimizer = getattr(plain.optimizer, "inner_optimizer", plain.optimizer)  # of loss scaling
    if isinstance(optimizer._learning_rate, keras.Variable):
        plain.optimizer.learning_rate = float(model.optimizer.learning_rate)
    size = trainer.objective.batch(spec.config)
    train, validation = trainer.arrays
    rows = first(np.asarray(order), size)
    shown = first(np.arange(len(validation[0])), program.wide)
    history = plain.fit(
        Batches(train, size, rows),
        epochs=1,
        shuffle=False,
        validation_data=tuple(fed(part[shown]) for part in validation),
        validation_batch_size=size,
        verbose=0,
    ).history
    expected = {name: values[-1] for name, values in history.items()}
    if set(expected) != set(found):
        missing = sorted(set(expected) ^ set(found))
        return f"its first steps have other logs than fit's: {', '.join(missing)}"
    types = {layer.compute_dtype for layer in model._flatten_layers()}
    half = bool(types & {"float16", "bfloat16"})
    for name, value in expected.items():
        # Rounded so coarsely, a row or two may change sides in an accuracy.
        share = half and "loss" not in name and np.all((np.asarray(value) >= 0) & (value <= 1))
        seen = shown if name.startswith("val_") else rows
        bounds = (HALF if half else RELATIVE), (3.0 / len(seen) if share else ABSOLUTE)
        if not np.allclose(found[name], value, *bounds, equal_nan=True):
            return (
                f"its first steps differ from fit's: {name} is {np.mean(found[name]):.6g}, "
                f"by fit {np.mean(value):.6g}"
            )
    return None


def first(rows: Any, size: int) -> Any:
    """Return the rows of the first full batches and of the short last one."""
    full = len(rows) // size * size
    return np.concatenate([rows[: min(full, BATCHES * size)], rows[full:]])


def users(objective: Objective[Any]) -> bool:
    """Return whether an objective's model is of the user's own code, and not of this package."""
    return not str(getattr(objective.build, "__module__", "")).startswith("objectives.")
