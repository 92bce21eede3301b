"""Small Keras programs of the kinds that people bring, each with something that differs.

They keep what differs where Keras's configs do not show it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from objectives import Data
from tests.objectives.training.compare import Case, numbers, parts

TERMS: dict[str, Any] = {
    "square": lambda e: ops.mean(ops.square(e)),
    "abs": lambda e: ops.mean(ops.abs(e)),
}


class Mixed(keras.Model):
    """Its loss is made of the terms that an attribute holds."""

    def __init__(self, held: Any) -> None:
        super().__init__()
        self.body = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
        self.held = held

    def call(self, x: Any) -> Any:
        return self.body(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        error = y - y_pred
        if isinstance(self.held, dict):
            return sum(weight * TERMS[name](error) for name, weight in self.held.items())
        if isinstance(self.held, (list, tuple)):
            return sum(w * term(error) for w, term in zip(self.held, TERMS.values(), strict=True))
        return sum(TERMS[name](error) for name in sorted(self.held))


def mixed(held: Any, data: Data) -> Any:
    net = Mixed(held)
    net(data.train.x[:1])
    net.compile("adam")
    return net


class Scaled(layers.Layer):
    """Its config leaves its factor out."""

    def __init__(self, factor: Any) -> None:
        super().__init__()
        self.factor = factor

    def call(self, x: Any) -> Any:
        return x * (self.factor() if callable(self.factor) else self.factor)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


def sequential(*inner: Any, shape: Any = (6,), dtype: Any = None, **compiling: Any) -> Any:
    """Return a compiled net of these layers and a Dense."""
    net = keras.Sequential([keras.Input(shape, dtype=dtype), *inner, layers.Dense(1)])
    net.compile(**{"optimizer": keras.optimizers.Adam(0.01), "loss": "mse"} | compiling)
    return net


def scaled(factor: Any, data: Data) -> Any:
    return sequential(Scaled(factor))


def local(factor: float, data: Data) -> Any:
    class Local(layers.Layer):  # made anew in every trial
        def call(self, x: Any) -> Any:
            return x * factor

    return sequential(Local())


POWER = 2.0


def powered(y: Any, predicted: Any) -> Any:
    return ops.mean(ops.abs(y - predicted) ** POWER, axis=-1)


def global_loss(power: float, data: Data) -> Any:
    global POWER
    POWER = power
    return sequential(loss=powered)


def global_metric(power: float, data: Data) -> Any:
    global POWER
    POWER = power
    return sequential(metrics=[powered])


class OwnStep(keras.Model):
    """Its steps return a dict of their own."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(y - self(x, training=True)))
        found = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, found), found)
        return {"loss": loss, "rmse": ops.sqrt(loss)}

    def test_step(self, data: Any) -> Any:
        x, y = data
        loss = ops.mean(ops.square(y - self(x, training=False)))
        return {"loss": loss, "rmse": ops.sqrt(loss)}


def own_step(rate: float, data: Data) -> Any:
    given = keras.Input((6,))
    net = OwnStep(given, layers.Dense(1)(given))
    net.compile(keras.optimizers.Adam(rate))
    return net


class Sampling(layers.Layer):
    """Draws random numbers in training and in inference."""

    def __init__(self) -> None:
        super().__init__()
        self.seed = keras.random.SeedGenerator(7)

    def call(self, mean: Any) -> Any:
        return mean + keras.random.normal(ops.shape(mean), seed=self.seed)


class Vae(keras.Model):
    """Trackers of the model's own, whose names are not the keys that its steps return."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.encoder, self.decoder = layers.Dense(2), layers.Dense(6)
        self.sampling, self.weight = Sampling(), [weight]
        self.total = keras.metrics.Mean(name="total_loss")
        self.kl = keras.metrics.Mean(name="kl_loss")

    @property
    def metrics(self) -> list[Any]:
        return [self.total, self.kl]

    def call(self, x: Any) -> Any:
        return self.decoder(self.sampling(self.encoder(x)))

    def losses_of(self, x: Any) -> Any:
        mean = self.encoder(x)
        error = ops.mean(ops.square(x - self.decoder(self.sampling(mean))))
        kl = ops.mean(ops.square(mean))
        return error + self.weight[0] * kl, kl

    def logs(self, total: Any, kl: Any) -> Any:
        self.total.update_state(total)
        self.kl.update_state(kl)
        return {"loss": self.total.result(), "kl": self.kl.result()}

    def train_step(self, data: Any) -> Any:
        x, _ = data
        with tf.GradientTape() as tape:
            total, kl = self.losses_of(x)
        found = self.trainable_variables
        self.optimizer.apply(tape.gradient(total, found), found)
        return self.logs(total, kl)

    def test_step(self, data: Any) -> Any:
        return self.logs(*self.losses_of(data[0]))


def vae(weight: float, data: Data) -> Any:
    net = Vae(weight)
    net(data.train.x[:1])
    net.compile(keras.optimizers.Adam(0.01))
    return net


def drawn_inference(scale: float, data: Data) -> Any:
    return sequential(layers.Dense(3), Sampling(), Scaled(scale))


def circle(rate: float, data: Data) -> Any:
    unit = layers.UnitNormalization()
    given = keras.Input((6,))
    net = keras.Model(given, unit(layers.Dense(4)(given)))
    net.compile(keras.optimizers.Adam(rate), keras.losses.Circle())
    return net


def classes() -> Data:
    return parts(
        lambda rng, count: rng.standard_normal((count, 6)).astype("float32"),
        lambda rng, x: x[:, :3].argmax(axis=1).astype("int32"),
    )


def one_hot() -> Data:
    return parts(
        lambda rng, count: rng.standard_normal((count, 6)).astype("float32"),
        lambda rng, x: np.eye(3, dtype="float32")[x[:, :3].argmax(axis=1)],
    )


class Warm(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule without `get_config`."""

    def __init__(self, most: float) -> None:
        self.most = most

    def __call__(self, step: Any) -> Any:
        return self.most * ops.minimum(1.0, (ops.cast(step, "float32") + 1.0) / 5.0)


def scheduled(most: float, data: Data) -> Any:
    return sequential(optimizer=keras.optimizers.Adam(Warm(most)))


def one_dimension(loss: Any, data: Data) -> Any:
    """What Keras takes "accuracy" for depends on the rows of the first batch here."""
    net = keras.Sequential([keras.Input((6,)), layers.Dense(1, "sigmoid"), layers.Reshape(())])
    net.compile("adam", loss, metrics=["accuracy", "mse"])
    return net


def labels() -> Data:
    return parts(
        lambda rng, count: rng.standard_normal((count, 6)).astype("float32"),
        lambda rng, x: (x[:, 0] > 0).astype("float32"),
    )


def f1(rate: float, data: Data) -> Any:
    net = keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="softmax")])
    net.compile(
        keras.optimizers.Adam(rate),
        "categorical_crossentropy",
        metrics=[keras.metrics.F1Score(), "accuracy"],
    )
    return net


class Late(keras.callbacks.Callback):
    """Ends training as the second epoch begins: `fit` still trains on its first batch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = epoch == 1


CASES = {
    "a list attribute": Case(mixed, [[1.0, 0.0], [1.0, 5.0]], numbers),
    "a dict attribute": Case(mixed, [{"square": 1.0}, {"abs": 5.0}], numbers),
    "a set attribute": Case(mixed, [{"square"}, {"abs"}], numbers),
    "an attribute that get_config leaves out": Case(scaled, [2.0, 3.0], numbers),
    "an array attribute": Case(scaled, [np.arange(6.0) * n for n in (1, 2)], numbers),
    "a function attribute": Case(scaled, [lambda: 2.0, lambda: 3.0], numbers),
    "a class made by build": Case(local, [2.0, 3.0], numbers),
    "a loss that reads a global": Case(global_loss, [2.0, 3.0], numbers),
    "a metric that reads a global": Case(global_metric, [2.0, 3.0], numbers),
    "steps with a dict of their own": Case(own_step, [0.001, 0.1], numbers, monitor="val_rmse"),
    "a VAE": Case(vae, [0.1, 2.0], numbers, monitor="val_kl"),
    "random inference": Case(drawn_inference, [1.0, 2.0], numbers),
    "a loss that compares rows": Case(circle, [0.01, 0.1], classes),
    "a schedule without get_config": Case(scheduled, [0.01, 0.1], numbers),
    "a stop as an epoch begins": Case(
        scaled, [2.0, 3.0], numbers, callbacks=lambda config, monitor: [Late()]
    ),
    "an output of one dimension": Case(one_dimension, ["mse", "crossentropy"], labels),
    "a metric of several values": Case(f1, [0.01, 0.1], one_hot),
}
