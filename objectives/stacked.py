"""Layers in a row, and how they are compiled: a `build` that tells what it is about to make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from objectives import Data

    Layers = Sequence[keras.layers.Layer]


def unscaled(config: Any) -> float:
    """Return 1: the initial weights are Keras's own."""
    return 1.0


@dataclass(frozen=True)
class Stacked:
    """A `build(config, data)` of a `keras.Sequential`, by what it is made of.

    A trainer that has a model of the same layers can give it the initial weights of another
    config and seed, in place of building another one.

    Args:
        layers: Config and data -> unbuilt layers, an Input first. All that it takes from the
            config but the optimizer.
        compiled: Model, the config's optimizer, data and names of metrics -> the compiled model.
            Of the model it depends on nothing.
        scale: Config -> a factor of the last kernel's initial values.
    """

    layers: Callable[[Any, Data], Layers]
    compiled: Callable[..., keras.Model]
    scale: Callable[[Any], float] = unscaled

    def __call__(self, config: Any, data: Data, metrics: tuple[str, ...] = ()) -> keras.Model:
        """Return the compiled model of a config."""
        import keras

        model = keras.Sequential(self.layers(config, data))
        kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
        if self.scale is not unscaled:
            # As initial weights and not as an initializer, which a program would bake in.
            kernels[-1].assign(self.scale(config) * kernels[-1])
        return self.compiled(model, config.optimizer, data, metrics)
