"""Subclassed models and layers, with what their objects hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from benchmarks.programs import Program
from benchmarks.programs.data import table

INPUTS = (12,)


class Blend(keras.Model):
    """Mixes two losses by the numbers in a list."""

    def __init__(self, mix: list[float]) -> None:
        super().__init__()
        self.body = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
        self.mix = mix

    def call(self, x: Any) -> Any:
        """Predict."""
        return self.body(x)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Any:
        """Return the mixed loss."""
        far = y - y_pred
        return self.mix[0] * ops.mean(ops.square(far)) + self.mix[1] * ops.mean(ops.abs(far))


def blend(config: Any, data: Any) -> Any:
    """Build the model on its first batch."""
    net = Blend(config["mix"])
    net.compile(keras.optimizers.Adam(config["rate"]))
    return net


LIST_ATTRIBUTE = Program(
    table,
    blend,
    (
        {"rate": 1e-2, "mix": [1.0, 0.0]},
        {"rate": 1e-2, "mix": [0.0, 5.0]},
        {"rate": 1e-3, "mix": [0.5, 0.5]},
    ),
    quick=True,
)


class Scaled(layers.Layer):
    """Scales columns by a dict, and leaves it out of its config."""

    def __init__(self, scales: dict[str, float], **more: Any) -> None:
        super().__init__(**more)
        self.scales = scales
        self.names = sorted(scales)

    def call(self, x: Any) -> Any:
        """Scale."""
        return x * ops.stack([self.scales[name] for name in self.names])

    def get_config(self) -> dict[str, Any]:
        """Return Keras's own part alone, as many layers do."""
        return super().get_config()


def scaled(config: Any, data: Any) -> Any:
    """Use the layer in a functional model."""
    rows = keras.Input(INPUTS)
    x = layers.Dense(3, activation="tanh")(rows)
    net = keras.Model(rows, layers.Dense(1)(Scaled(config["scales"])(x)))
    net.compile(keras.optimizers.Adam(config["rate"]), "mse")
    return net


DICT_ATTRIBUTE = Program(
    table,
    scaled,
    (
        {"rate": 1e-2, "scales": {"a": 1.0, "b": 1.0, "c": 1.0}},
        {"rate": 1e-2, "scales": {"a": 5.0, "b": 0.1, "c": 1.0}},
        {"rate": 1e-3, "scales": {"a": 0.0, "b": 0.0, "c": 9.0}},
    ),
)


class Switched(keras.Model):
    """Does between its layers what is named in a set."""

    def __init__(self, switches: set[str], strength: float) -> None:
        super().__init__()
        self.first = layers.Dense(8, activation="tanh")
        self.last = layers.Dense(1)
        self.switches = switches
        self.strength = strength

    def call(self, x: Any) -> Any:
        """Predict."""
        x = self.first(x)
        if "square" in self.switches:
            x = ops.square(x)
        if "flip" in self.switches:
            x = -x
        return self.last(self.strength * x)


def switched(config: Any, data: Any) -> Any:
    """Build it on the first batch."""
    net = Switched(set(config["switches"]), config["strength"])
    net.compile(keras.optimizers.Adam(config["rate"]), "mse", metrics=["mae"])
    return net


SET_ATTRIBUTE = Program(
    table,
    switched,
    (
        {"rate": 1e-2, "switches": ["square"], "strength": 1.0},
        {"rate": 1e-2, "switches": ["flip"], "strength": 1.0},
        {"rate": 1e-2, "switches": ["square"], "strength": 4.0},
    ),
)


class Tied(layers.Layer):
    """The transpose of another dense layer."""

    def __init__(self, to: Any, gain: Any) -> None:
        super().__init__()
        self.to = to
        self.gain = gain

    def call(self, x: Any) -> Any:
        """Go back."""
        return self.gain * ops.matmul(x, ops.transpose(self.to.kernel))


def tied(config: Any, data: Any) -> Any:
    """Share a kernel between a layer and its reverse; the gain is a constant tensor."""
    rows = keras.Input(INPUTS)
    there = layers.Dense(6, activation="tanh")
    back = Tied(there, tf.constant(config["gain"], tf.float32))
    net = keras.Model(rows, layers.Dense(1)(back(there(rows))))
    net.compile(keras.optimizers.Adam(config["rate"]), "mse")
    return net


SHARED_WEIGHTS = Program(
    table,
    tied,
    (
        {"rate": 1e-2, "gain": [1.0] * 12},
        {"rate": 1e-2, "gain": [0.1] * 6 + [3.0] * 6},
        {"rate": 1e-3, "gain": [3.0] * 12},
    ),
)


@dataclass
class Settings:
    """A plain object with all numbers, as people pass it around."""

    units: list[int]
    heat: float


class Experts(keras.Model):
    """Several nets in a list, and a gate that weighs them."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        units = settings.units
        self.experts = [layers.Dense(n, activation="relu") for n in units]
        self.heads = [layers.Dense(1) for _ in units]
        self.gate = layers.Dense(len(units))
        self.settings = settings

    def call(self, x: Any, training: bool = False) -> Any:
        """Predict."""
        found = [head(expert(x)) for head, expert in zip(self.heads, self.experts, strict=True)]
        weights = ops.softmax(self.gate(x) / self.settings.heat)
        if training:
            self.add_loss(0.01 * ops.mean(ops.square(ops.mean(weights, axis=0))))
        return ops.sum(weights * ops.concatenate(found, axis=1), axis=1, keepdims=True)


def experts(config: Any, data: Any) -> Any:
    """Build it on the first batch."""
    net = Experts(Settings(config["units"], config["heat"]))
    net.compile(keras.optimizers.Adam(config["rate"]), "mse")
    return net


EXPERTS = Program(
    table,
    experts,
    (
        {"rate": 1e-2, "units": [4, 4], "heat": 1.0},
        {"rate": 1e-2, "units": [4, 4], "heat": 10.0},
        {"rate": 1e-2, "units": [4, 4, 2], "heat": 1.0},
    ),
)


def pairs(_: Any) -> Any:
    """Return pairs of rows, and whether they are of one class."""
    rng = np.random.default_rng(8)
    labels = rng.integers(0, 2, (400, 2))
    x = rng.normal(size=(400, 2, 12)) + 1.5 * labels[..., None]
    return x.astype("float32"), (labels[:, 0] == labels[:, 1]).astype("float32")


def siamese(config: Any, data: Any) -> Any:
    """Compare both of a pair by one encoder, with a margin."""
    margin = config["margin"]

    def contrastive(y: Any, far: Any) -> Any:
        y = ops.reshape(y, ops.shape(far))
        apart = ops.square(ops.maximum(margin - far, 0.0))
        return ops.mean(y * ops.square(far) + (1.0 - y) * apart, axis=-1)

    pair = keras.Input((2, 12))
    encoder = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(4)])
    left, right = encoder(pair[:, 0]), encoder(pair[:, 1])
    far = ops.sqrt(ops.sum(ops.square(left - right), axis=1, keepdims=True) + 1e-7)
    net = keras.Model(pair, far)
    net.compile(keras.optimizers.Adam(config["rate"]), contrastive)
    return net


SIAMESE = Program(
    pairs,
    siamese,
    (
        {"rate": 1e-2, "margin": 1.0},
        {"rate": 1e-2, "margin": 4.0},
        {"rate": 1e-3, "margin": 0.2},
    ),
)
