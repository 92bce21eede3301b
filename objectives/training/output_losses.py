"""Each output's own loss, averaged over an epoch as `fit` averages it.

Keras weighs a batch by its rows if their number is known while the step is traced. In `fit` it is
not, and every batch weighs the same, a short last one too; here it is known.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras


@contextlib.contextmanager
def batches_weigh_the_same(model: keras.Model) -> Iterator[None]:
    """Let the means of the outputs' losses ignore how many rows a batch has, while traced."""
    loss = getattr(model, "_compile_loss", None)
    if loss is None:
        yield
        return
    changed: list[Any] = []

    def change() -> None:
        for mean in loss.metrics[len(changed) :]:
            changed.append(mean)
            object.__setattr__(mean, "update_state", _unweighted(mean))

    own = loss.build

    def build(*args: Any, **kwargs: Any) -> None:
        own(*args, **kwargs)
        change()  # the means are made here

    change()
    object.__setattr__(loss, "build", build)
    try:
        yield
    finally:
        object.__delattr__(loss, "build")
        for mean in changed:
            object.__delattr__(mean, "update_state")


def _unweighted(mean: keras.metrics.Mean) -> Any:
    own = mean.update_state
    return lambda values, sample_weight=None: own(values)
