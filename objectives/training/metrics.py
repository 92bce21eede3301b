"""The variables of a model's optimizer and metrics, and how many rows of validation go at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from objectives.structures import mapped, nested

# Where it changes no result, validation takes up to this many rows, and numbers in x, at once.
WIDE = 1024
WIDE_NUMBERS = 1_000_000


def build_optimizer(model: keras.Model) -> None:
    """Make the variables of a model's optimizer, unless it has them."""
    if not model.optimizer.built:  # loss scaling, and optimizers of a user's own, would make more
        model.optimizer.build(model.trainable_variables)


def build_metrics(model: keras.Model, train: Any, batch: int) -> None:
    """Make the variables of the metrics and losses of a listed model, as its first step does.

    train: structures of tensors, as a step takes them. batch: rows of the first step, by which
    Keras chooses what "accuracy" means where an output has one dimension alone.
    """
    late = any(map(_late, keras.tree.flatten(_metrics(model))))
    if (
        late
        or len(model.outputs) > 1
        or not isinstance(train, tuple)
        or len(train) < 2
        or nested(train[1])
        or nested(getattr(model, "_outputs_struct", None))
    ):
        model._symbolic_build(data_batch=mapped(lambda part: part[:batch], train))
        return
    (output,), rows = model.outputs, min(batch, int(train[1].shape[0]))
    y = keras.KerasTensor((rows, *train[1].shape[1:]), train[1].dtype.name)
    predicted = keras.KerasTensor((rows, *output.shape[1:]), output.dtype)
    for part in (model._compile_metrics, model._compile_loss):
        if part is not None and not part.built:
            part.build(y, predicted)  # the shapes suffice, and no step need be traced


def _metrics(model: keras.Model) -> list[Any]:
    found = model._compile_config.config
    return [found.get(name) for name in ("metrics", "weighted_metrics")]


def _late(metric: Any) -> bool:
    """Return whether a metric makes its variables when it sees values."""
    return bool(getattr(metric, "multi_label", False))


def widest(x: Sequence[tf.Tensor], batch: int) -> int:
    """Return how many rows of validation to take at once where it changes no result."""
    rows = int(x[0].shape[0])
    numbers = sum(math.prod(map(int, one.shape[1:])) for one in x)
    most = max(1, min(WIDE, WIDE_NUMBERS // max(1, numbers)))
    even = math.ceil(rows / math.ceil(rows / most))  # at best, no short last one
    return max(batch, even)
