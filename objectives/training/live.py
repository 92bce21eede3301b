"""What a checkpoint keeps of a Keras model in training."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import keras

from objectives.training.callback_files import unkept
from objectives.training.checkpoint import Checkpoint, Opaque, attributes
from objectives.training.metrics import build_optimizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.training import Logs

    Array = NDArray[Any]


class LiveState(keras.callbacks.Callback):  # type: ignore[misc]
    """Reads and restores a model, its optimizer and `callbacks`. The first of the callbacks.

    It restores when the first epoch begins, since callbacks reset themselves before that.
    """

    def __init__(self, model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        super().__init__()
        self.of = model
        self.callbacks = callbacks
        self.kept: Checkpoint | None = None
        # Variables that training changes besides; None where `fit` trains, which does not tell.
        self._also: list[Any] | None = None

    def also(self, variables: Sequence[Any]) -> None:
        """Keep these variables too, where they are neither the model's nor its optimizer's.

        variables: All that a traced epoch changes.
        """
        own = (*self.of.variables, *self.of.optimizer.variables)
        known = {id(variable.value.handle) for variable in own}
        self._also = [each for each in variables if id(each.handle) not in known]

    @property
    def over(self) -> bool:
        """Whether a callback has ended the training."""
        return bool(self.of.stop_training)

    def variables(self) -> tuple[list[Array], list[Array]]:
        """Return copies of the model's variables, seeds included, and of its optimizer's."""
        model = self.of
        others = (*model.optimizer.variables, *(self._also or ()))
        return [v.numpy() for v in model.variables], [v.numpy() for v in others]

    def attributes(self) -> list[dict[str, Any]]:
        """Return the callbacks' plain attributes. Raises Opaque."""
        # What `fit` changes of an optimizer that only the model's own steps use cannot be reached.
        for name, held in vars(self.of).items() if self._also is None else ():
            if isinstance(held, keras.Optimizer) and held is not self.of.optimizer:
                raise Opaque(f"the model's {name} is an optimizer of its own")
        return [attributes(callback, unkept(callback)) for callback in self.callbacks]

    def restore(self, kept: Checkpoint) -> None:
        """Take a checkpoint's state when the next epoch begins."""
        self.kept = kept

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Restore once, before any other callback acts on the epoch."""
        kept, self.kept = self.kept, None
        if kept is None:
            return
        build_optimizer(self.of)
        for variable, value in zip(self.of.variables, kept.variables, strict=True):
            variable.assign(value)
        others = (*self.of.optimizer.variables, *(self._also or ()))
        for variable, value in zip(others, kept.optimizer, strict=True):
            variable.assign(value)
        for callback, found in zip(self.callbacks, kept.callbacks, strict=True):
            vars(callback).update(found)


def shapes(model: keras.Model) -> list[Any]:
    """Return the names, shapes and types of all that a checkpoint keeps of a model."""
    build_optimizer(model)
    held = (*model.variables, *model.optimizer.variables)
    return [(variable.name, tuple(variable.shape), str(variable.dtype)) for variable in held]


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of what sets a curve's last digits."""
    return {name: version(name) for name in ("keras", "tensorflow", "numpy")}
