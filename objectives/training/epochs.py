"""What `fit` is given: batches of the rows in an epoch's order, and the callback that reports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from objectives.reading.ragged import Ragged
from objectives.structures import mapped
from objectives.training import Logs, effective_rate
from objectives.training.batches import for_step, order
from objectives.training.progress import Progress
from objectives.training.uncorrected import UncorrectedAdam

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives import FitArguments

    Array = NDArray[Any]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Structures in batches of `size` of their `rows`, in that order; the last may be short.

    TensorFlow never frees it, so it refers to nothing but what all trials share.
    """

    def __init__(self, parts: tuple[Any, ...], size: int, rows: Array) -> None:
        super().__init__()
        self.parts = parts
        self.size = size
        self.rows = rows

    @property
    def num_batches(self) -> int:
        """Batches in an epoch, a short last one included."""
        return -(-len(self.rows) // self.size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = self.rows[index * self.size : (index + 1) * self.size]
        found: tuple[Any, ...] = mapped(lambda part: fed(part[rows]), self.parts)
        return found

    def for_fit(self) -> Any:
        """Return what `fit` takes: without y a data set, since Keras packs x of others anew."""
        if len(self.parts) > 1:
            return self
        spec = mapped(_spec, for_step(self.parts))
        found = tf.data.Dataset.from_generator(
            lambda: (for_step(self[at]) for at in range(self.num_batches)), output_signature=spec
        )
        # Of a data set whose length it does not know, Keras leaves out the last batch.
        return found.apply(tf.data.experimental.assert_cardinality(self.num_batches))


def _spec(leaf: Any) -> Any:
    found = tf.type_spec_from_value(fed(leaf[:1]))
    if isinstance(found, tf.RaggedTensorSpec):
        return tf.RaggedTensorSpec((None, *found.shape[1:]), found.dtype, found.ragged_rank)
    return tf.TensorSpec((None, *found.shape[1:]), found.dtype)


def fed(leaf: Any) -> Any:
    """Return a leaf as Keras takes it: strings and ragged rows only as tensors."""
    if isinstance(leaf, Ragged):
        return leaf.tensor()
    array = np.asarray(leaf)
    return tf.convert_to_tensor(array) if array.dtype.kind in "OSU" else array


class Epochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets each epoch's order of the rows and reports its logs. The last of the callbacks.

    The order is set here because `PyDataset.on_epoch_end` is called before the first epoch too.
    """

    def __init__(self, progress: Progress, rows: int, given: FitArguments, first: int = 0) -> None:
        super().__init__()
        self.given = given
        self.progress = progress
        self.total = rows
        self.rows = self.order(first + 1)
        self.batches: Batches | None = None

    def order(self, epoch: int) -> Array:
        """Return the order of an epoch, 1-based."""
        spec = self.progress.spec
        return self.given.rows(order(spec.seed, epoch, self.total, spec.share))

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Shuffle, and note the rate before anything at the epoch's end can change it."""
        self.started = time.perf_counter()
        self.rows = self.order(epoch + 1)
        if self.batches is not None:
            self.batches.rows = self.rows
        self.rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Report, and stop where the answer says so."""
        found = {name: self.progress.number(name, value) for name, value in (logs or {}).items()}
        found |= rates(self.model.optimizer, self.rate)
        found["epoch_seconds"] = time.perf_counter() - self.started
        if not self.progress.epoch(epoch + 1, found):
            self.model.stop_training = True


def rates(optimizer: keras.optimizers.Optimizer, rate: float) -> Logs:
    """Return the epoch's learning rate and, for Adam and its kin, the effective one at its end."""
    found = {"learning_rate": rate}
    steps = int(optimizer.iterations)  # none where the model's own steps use another optimizer
    if isinstance(optimizer, keras.optimizers.Adam) and steps:
        corrected = not isinstance(optimizer, UncorrectedAdam)
        found["effective_learning_rate"] = (
            effective_rate(rate, optimizer.beta_1, optimizer.beta_2, steps) if corrected else rate
        )
    return found
