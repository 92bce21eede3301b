"""Training from data sets as `model.fit` does it, and their scores.

Each trial has fresh ones from `load`, made after the seed was set: what they draw of TensorFlow's,
NumPy's or Python's own random numbers depends on the trial alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from objectives import PARTS, Data, Objective
from objectives.reading.streams import UNKNOWN, batched, batches, several
from objectives.structures import leaves, mapped, packed
from objectives.training import Logs, TrialSpec

if TYPE_CHECKING:
    from objectives.training.fit import FitTrainer
    from objectives.training.progress import Progress

WHY = "its data are data sets (Objective(materialize=True) reads them into arrays)"


def opened(objective: Objective[Any], data: Data, spec: TrialSpec) -> dict[str, Any]:
    """Return the data sets of a trial by their part, the training one cut to the spec's share."""
    keras.utils.set_random_seed(spec.seed)
    given = several(objective.load(data.source))
    size = objective.batch(spec.config)
    found = [batched(stream, size) for stream in given]
    found += found[len(found) - 1 :] * (len(PARTS) - len(found))
    named = dict(zip(PARTS, found, strict=True))
    return named | {"train": shared(named["train"], spec.share)}


def shared(stream: Any, share: float) -> Any:
    """Return the first batches of a data set, as many as are a share of it."""
    if share == 1.0:
        return stream
    count = batches(stream)
    if count == UNKNOWN:
        raise RuntimeError("a share of a data set needs one that knows how many batches it has")
    most = max(1, round(share * count))
    return stream.take(most) if hasattr(stream, "take") else Head(stream, most)


class Head(keras.utils.PyDataset):  # type: ignore[misc]
    """The first batches of another data set."""

    def __init__(self, of: Any, most: int) -> None:
        super().__init__()
        self.of = of
        self.most = most

    @property
    def num_batches(self) -> int:
        """As many as were asked for."""
        return self.most

    def __getitem__(self, index: int) -> Any:
        return self.of[index]

    def on_epoch_end(self) -> None:
        """Let the other one shuffle itself."""
        self.of.on_epoch_end()


def fit(trainer: FitTrainer, progress: Progress, model: keras.Model, callbacks: list[Any]) -> None:
    """Train a trial. No checkpoint is kept: none could take a data set up where it stood."""
    parts = opened(trainer.objective, trainer.data, progress.spec)
    model.fit(
        parts["train"],
        # Keras shuffles the batches of its own data sets unless it is told not to.
        shuffle=not isinstance(parts["train"], tf.data.Dataset),
        epochs=progress.spec.max_epochs,
        validation_data=parts["validation"],
        class_weight=trainer.data.class_weight,
        callbacks=callbacks,
        verbose=0,
    )


def judged(trainer: FitTrainer) -> Callable[[TrialSpec, keras.Model], Logs]:
    """Return what returns a model's scores on the test data set."""

    def scores(spec: TrialSpec, kept: keras.Model) -> Logs:
        test = opened(trainer.objective, trainer.data, spec)["test"]
        found: Logs = kept.evaluate(test, verbose=0, return_dict=True)
        if trainer.objective.scores is not None:
            found |= trainer.objective.scores(*predicted(kept, test))
        return found

    return scores


def predicted(model: keras.Model, stream: Any) -> tuple[Any, Any]:
    """Return a data set's labels and the predictions of its rows, of one and the same pass."""
    labels, found = [], []
    for x, y, *_ in _batches(stream):
        labels.append(mapped(np.asarray, y))
        found.append(mapped(np.asarray, model.predict_on_batch(x)))
    return _joined(labels), _joined(found)


def _batches(stream: Any) -> Iterator[Any]:
    if isinstance(stream, tf.data.Dataset):
        yield from stream
    else:
        yield from (stream[place] for place in range(batches(stream)))


def _joined(parts: list[Any]) -> Any:
    columns = zip(*map(leaves, parts), strict=True)
    return packed(parts[0], iter([np.concatenate(one) for one in columns]))
