"""Training from data sets as `model.fit` does it, and their scores.

Each trial has fresh ones from `load`, made after the seed was set: what they draw of TensorFlow's,
NumPy's or Python's own random numbers depends on the trial alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from objectives import PARTS, Data, Objective
from objectives.reading.passes import batched, batches, passed
from objectives.reading.streams import several
from objectives.structures import leaves, mapped, packed
from objectives.training import Logs, TrialSpec
from objectives.training.epochs import Epochs
from objectives.training.live import LiveState
from objectives.training.refusals import BATCH_HOOKS
from search_spaces import flat

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
    if count < 0:
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
    """Train a trial, from its checkpoint's epoch on if it has one."""
    spec = progress.spec
    given = trainer.given(spec)
    parts = opened(trainer.objective, trainer.data, spec)
    if "batch_size" in flat(spec.config) and not (trainer.data.stream or {})["train"].get("rows"):
        progress.note("batch_size has no effect: the data set has batches of its own")
    state = LiveState(model, callbacks)
    first = progress.begin(state, "data-sets", *trainer.made_of(spec, model))
    hooks: list[Any] = [state, *callbacks, Epochs(progress, 1, given, first)]
    if first == spec.max_epochs:
        return
    if first:
        progress.note(f"its data sets were read again to the end of epoch {first}")
        hooks = [Replay(first, hooks)]
    try:
        model.fit(
            parts["train"],
            # Keras shuffles the batches of its own data sets unless it is told not to.
            shuffle=given.shuffle and not isinstance(parts["train"], tf.data.Dataset),
            epochs=spec.max_epochs,
            steps_per_epoch=given.steps_per_epoch,
            validation_data=parts["validation"],
            class_weight=trainer.data.class_weight,
            callbacks=hooks,
            verbose=0,
        )
    except Exception:
        if not trainer.streamed:  # or it is this trial's alone
            steps = given.steps_per_epoch and given.steps_per_epoch * spec.max_epochs
            _require_pass(trainer, spec, {"train": steps, "validation": None})
        raise
    trainer.streamed = True


class Replay(keras.callbacks.Callback):  # type: ignore[misc]
    """Passes over the epochs before `first` without training, and holds callbacks until then.

    A data set cannot be told to begin at its fifth epoch. Here `fit` reads it, and the validation
    part, as it did when these epochs were trained, so that what they shuffle and draw goes on as
    if there had been no interruption.
    """

    def __init__(self, first: int, callbacks: list[Any]) -> None:
        super().__init__()
        self.first = first
        self.held = keras.callbacks.CallbackList(callbacks)
        self.begun = False

    def set_model(self, model: keras.Model) -> None:
        """Hand the model on."""
        super().set_model(model)
        self.held.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Hand the parameters on."""
        super().set_params(params)
        self.held.set_params(params)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Let steps read their batch, and nothing else."""
        self.held.on_train_begin(logs)
        self.step, self.model.train_function = self.model.train_function, self._read
        self.model.test_function = self._read
        self.model.get_metrics_result = dict  # metrics of steps that were not made

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Train from the first epoch on that the checkpoint does not have."""
        if epoch == self.first:
            self.begun, self.model.train_function = True, self.step
            self.model.test_function = None  # `fit` makes it
            del self.model.get_metrics_result
        if self.begun:
            self.held.on_epoch_begin(epoch, logs)

    def _read(self, iterator: Any) -> Logs:
        next(iterator)  # raises StopIteration, as a step does, where there is no batch left
        for _ in range(self.model.steps_per_execution - 1):
            next(iterator, None)
        return {}


def _when_begun(name: str) -> Callable[..., None]:
    def hook(self: Replay, *given: Any, **more: Any) -> None:
        if self.begun:
            getattr(self.held, name)(*given, **more)

    return hook


for _name in ("on_epoch_end", "on_train_end", *BATCH_HOOKS[2:]):
    setattr(Replay, _name, _when_begun(_name))


def _require_pass(trainer: FitTrainer, spec: TrialSpec, most: Mapping[str, int | None]) -> None:
    """Raise BadInput where a pass over data sets cannot be made, whatever the model.

    most: batches of each that are looked at.
    """
    parts = opened(trainer.objective, trainer.data, spec)
    for name, count in most.items():
        for _ in passed(parts[name], name, most=count):
            pass


def judged(trainer: FitTrainer) -> Callable[[TrialSpec, keras.Model], Logs]:
    """Return what returns a model's scores on the test data set."""

    def scores(spec: TrialSpec, kept: keras.Model) -> Logs:
        test = opened(trainer.objective, trainer.data, spec)["test"]
        try:
            found: Logs = kept.evaluate(test, verbose=0, return_dict=True)
            if trainer.objective.scores is not None:
                found |= trainer.objective.scores(*predicted(kept, test))
        except Exception:
            _require_pass(trainer, spec, {"test": None})
            raise
        return found

    return scores


def predicted(model: keras.Model, stream: Any) -> tuple[Any, Any]:
    """Return a data set's labels and the predictions of its rows, of one and the same pass."""
    labels, found = [], []
    for batch in _batches(stream):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        labels.append(None if y is None else mapped(np.asarray, y))
        found.append(mapped(np.asarray, model.predict_on_batch(x)))
    return _joined(labels), _joined(found)


def _batches(stream: Any) -> Iterator[Any]:
    if isinstance(stream, tf.data.Dataset):
        yield from stream
    else:
        yield from (stream[place] for place in range(batches(stream)))


def _joined(parts: list[Any]) -> Any:
    if parts[0] is None:
        return None
    columns = zip(*map(leaves, parts), strict=True)
    return packed(parts[0], iter([np.concatenate(one) for one in columns]))
