"""What Python does outside of the graph, and what only one of `fit`'s hooks sees."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from benchmarks.programs import Program
from benchmarks.programs.data import table

INPUTS = (12,)


def around(layer: Any, config: Any, **more: Any) -> Any:
    """Return a compiled dense net with a layer in its middle."""
    rows = keras.Input(INPUTS)
    x = layer(layers.Dense(8, activation="tanh")(rows))
    net = keras.Model(rows, layers.Dense(1)(x))
    net.compile(keras.optimizers.Adam(config["rate"]), "mse", **more)
    return net


class PythonNoise(layers.Layer):
    """Draws from Python's and NumPy's generators whenever it is traced."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.spread = spread

    def call(self, x: Any) -> Any:
        """Scale by the draws."""
        return x * (1.0 + self.spread * random.random()) + self.spread * np.random.normal()


PYTHON_RANDOM = Program(
    table,
    lambda config, data: around(PythonNoise(config["spread"]), config),
    (
        {"rate": 1e-2, "spread": 0.5},
        {"rate": 1e-2, "spread": 2.0},
        {"rate": 1e-3, "spread": 0.5},
    ),
)


class Counter(layers.Layer):
    """Counts its calls in Python, and computes with the number."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step = step
        self.calls = 0

    def call(self, x: Any) -> Any:
        """Count."""
        self.calls += 1
        return x * (1.0 + self.step * self.calls)


PYTHON_COUNTER = Program(
    table,
    lambda config, data: around(Counter(config["step"]), config),
    (
        {"rate": 1e-2, "step": 0.1},
        {"rate": 1e-2, "step": 1.0},
        {"rate": 1e-3, "step": 0.1},
    ),
)


class ByNumpy(layers.Layer):
    """Computes a metric-like number by NumPy, in the middle of the graph."""

    def __init__(self, quantile: float) -> None:
        super().__init__()
        self.quantile = quantile

    def call(self, x: Any) -> Any:
        """Shift by a quantile of the batch."""
        shift = tf.numpy_function(
            lambda rows: np.quantile(rows, self.quantile).astype("float32"), [x], tf.float32
        )
        return x - tf.stop_gradient(tf.reshape(shift, ()))

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the same shape."""
        return shape


PY_FUNCTION = Program(
    table,
    lambda config, data: around(ByNumpy(config["quantile"]), config),
    (
        {"rate": 1e-2, "quantile": 0.5},
        {"rate": 1e-2, "quantile": 0.95},
        {"rate": 1e-3, "quantile": 0.5},
    ),
)


class Branch(layers.Layer):
    """Branches in Python on values, which only eager training can do."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def call(self, x: Any) -> Any:
        """Turn the sign of batches with a large mean."""
        return -x if float(ops.mean(x)) > self.limit else x

    def compute_output_spec(self, x: Any) -> Any:
        """Return the same shape."""
        return keras.KerasTensor(x.shape, x.dtype)


RUN_EAGERLY = Program(
    lambda source: tuple(part[:200] for part in table(source)),
    lambda config, data: around(Branch(config["limit"]), config, run_eagerly=True),
    (
        {"rate": 1e-2, "limit": 0.0},
        {"rate": 1e-2, "limit": 0.1},
        {"rate": 1e-3, "limit": -9.0},
    ),
)


class OwnFunction(keras.Model):
    """Takes several steps on every batch, by a train function of its own."""

    def make_train_function(self, force: bool = False) -> Any:
        """Repeat every batch."""

        @tf.function
        def repeated(iterator: Any) -> Any:
            batch = next(iterator)
            for _ in range(self.repeats):
                logs = self.train_step(batch)
            return logs

        self.train_function = repeated
        return repeated


def own_function(config: Any, data: Any) -> Any:
    """Set the number of repeats."""
    rows = keras.Input(INPUTS)
    net = OwnFunction(rows, layers.Dense(1)(layers.Dense(8, activation="tanh")(rows)))
    net.repeats = config["repeats"]
    net.compile(keras.optimizers.Adam(config["rate"]), "mse")
    return net


MAKE_TRAIN_FUNCTION = Program(
    table,
    own_function,
    (
        {"rate": 1e-2, "repeats": 1},
        {"rate": 1e-2, "repeats": 3},
        {"rate": 1e-3, "repeats": 2},
    ),
)


class Annealed(layers.Layer):
    """Reads numbers that a callback changes: an attribute, which is baked, and a variable."""

    def __init__(self) -> None:
        super().__init__()
        self.baked = 1.0
        self.live = self.add_weight(name="live", initializer="ones", trainable=False)

    def call(self, x: Any) -> Any:
        """Scale by both."""
        return x * self.baked * self.live


class Annealing(keras.callbacks.Callback):
    """Changes them at every epoch's begin."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Change both."""
        layer = next(each for each in self.model.layers if isinstance(each, Annealed))
        layer.baked = self.factor + epoch
        layer.live.assign(self.factor**epoch)


ATTRIBUTE_CALLBACK = Program(
    table,
    lambda config, data: around(Annealed(), config),
    (
        {"rate": 1e-2, "factor": 0.5},
        {"rate": 1e-2, "factor": 2.0},
        {"rate": 1e-3, "factor": 0.5},
    ),
    more={"callbacks": lambda config, monitor: [Annealing(config["factor"])]},
)


class PerBatch(keras.callbacks.Callback):
    """Sets the rate at every batch, and a number of its own in the logs."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Lower the rate."""
        rate = self.model.optimizer.learning_rate
        rate.assign(rate * self.factor)


BATCH_CALLBACK = Program(
    table,
    lambda config, data: around(layers.Identity(), config),
    (
        {"rate": 1e-2, "factor": 0.99},
        {"rate": 1e-2, "factor": 0.8},
        {"rate": 1e-3, "factor": 0.99},
    ),
    more={"callbacks": lambda config, monitor: [PerBatch(config["factor"])]},
)


class Unseeded(layers.Layer):
    """Draws by TensorFlow's own generator, at inference too."""

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.spread = spread

    def call(self, x: Any) -> Any:
        """Add noise."""
        return x + self.spread * tf.random.normal(tf.shape(x))


TF_RANDOM = Program(
    table,
    lambda config, data: around(Unseeded(config["spread"]), config),
    (
        {"rate": 1e-2, "spread": 0.1},
        {"rate": 1e-2, "spread": 2.0},
        {"rate": 1e-3, "spread": 0.1},
    ),
    random=True,
)

MONTE_CARLO = Program(
    table,
    lambda config, data: around(
        lambda x: layers.Dropout(config["dropout"])(x, training=True), config
    ),
    (
        {"rate": 1e-2, "dropout": 0.1},
        {"rate": 1e-2, "dropout": 0.6},
        {"rate": 1e-3, "dropout": 0.1},
    ),
    random=True,
)


class RowsInPython(layers.Layer):
    """Asks in Python how many rows a batch has, which `fit` does not tell when it traces."""

    def __init__(self, known: float) -> None:
        super().__init__()
        self.known = known

    def call(self, x: Any) -> Any:
        """Scale where the number is known."""
        return x * self.known if x.shape[0] is not None else x


ROWS_IN_PYTHON = Program(
    table,
    lambda config, data: around(RowsInPython(config["known"]), config),
    (
        {"rate": 1e-2, "known": 2.0},
        {"rate": 1e-2, "known": 0.1},
        {"rate": 1e-3, "known": 2.0},
    ),
)
