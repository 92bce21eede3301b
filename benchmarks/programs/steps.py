"""Models with a training step of their own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from benchmarks.programs import Program
from benchmarks.programs.data import classes, table

INPUTS = (12,)


def dense(inputs: int, *units: int) -> Any:
    """Return a net of dense layers, the last one linear."""
    hidden = [layers.Dense(each, activation="relu") for each in units[:-1]]
    return keras.Sequential([keras.Input((inputs,)), *hidden, layers.Dense(units[-1])])


class OwnLogs(keras.Model):
    """Returns its own dict of numbers from both steps, without any metric."""

    def __init__(self, net: Any, power: float) -> None:
        super().__init__()
        self.net = net
        self.power = power

    def call(self, x: Any) -> Any:
        """Predict."""
        return self.net(x)

    def far(self, x: Any, y: Any, training: bool) -> Any:
        """Return the mean error to a power."""
        return ops.mean(ops.abs(y - self(x, training=training)) ** self.power)

    def train_step(self, data: Any) -> Any:
        """Take a step."""
        with tf.GradientTape() as tape:
            loss = self.far(*data, training=True)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss, "rmse": ops.sqrt(loss)}

    def test_step(self, data: Any) -> Any:
        """Judge a batch."""
        loss = self.far(*data, training=False)
        return {"loss": loss, "rmse": ops.sqrt(loss)}


def own_logs(config: Any, data: Any) -> Any:
    """Compile without a loss."""
    net = OwnLogs(dense(12, 8, 1), config["power"])
    net.compile(keras.optimizers.Adam(config["rate"]))
    return net


OWN_LOGS = Program(
    table,
    own_logs,
    (
        {"rate": 1e-2, "power": 2.0},
        {"rate": 1e-2, "power": 1.0},
        {"rate": 1e-3, "power": 3.0},
    ),
    quick=True,
)


class Vae(keras.Model):
    """A variational autoencoder, as in Keras's own examples."""

    def __init__(self, code: int, beta: float) -> None:
        super().__init__()
        self.encoder, self.decoder = dense(12, 16, 2 * code), dense(code, 16, 12)
        self.seeds = keras.random.SeedGenerator(11)
        self.beta = beta
        self.total = keras.metrics.Mean(name="total")
        self.divergence = keras.metrics.Mean(name="kl")

    @property
    def metrics(self) -> Any:
        """Those to be reset."""
        return [self.total, self.divergence]

    def call(self, x: Any) -> Any:
        """Encode, draw and decode."""
        mean, spread = ops.split(self.encoder(x), 2, axis=1)
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        return self.decoder(mean + ops.exp(0.5 * spread) * noise), mean, spread

    def judged(self, data: Any) -> Any:
        """Return both parts of the loss."""
        found, mean, spread = self(data[0])
        kl = -0.5 * ops.mean(ops.sum(1 + spread - mean**2 - ops.exp(spread), axis=1))
        return ops.mean(ops.sum((data[0] - found) ** 2, axis=1)) + self.beta * kl, kl

    def train_step(self, data: Any) -> Any:
        """Take a step."""
        with tf.GradientTape() as tape:
            loss, kl = self.judged(data)
        variables = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return self.noted(loss, kl)

    def test_step(self, data: Any) -> Any:
        """Judge a batch."""
        return self.noted(*self.judged(data))

    def noted(self, loss: Any, kl: Any) -> Any:
        """Return the means under names that are not the trackers'."""
        self.total.update_state(loss)
        self.divergence.update_state(kl)
        return {"loss": self.total.result(), "kl_loss": self.divergence.result()}


def vae(config: Any, data: Any) -> Any:
    """Train without a target: y is left aside."""
    net = Vae(config["code"], config["beta"])
    net.compile(keras.optimizers.Adam(config["rate"]))
    return net


VAE = Program(
    table,
    vae,
    (
        {"rate": 1e-2, "code": 2, "beta": 1.0},
        {"rate": 1e-2, "code": 2, "beta": 0.1},
        {"rate": 1e-2, "code": 3, "beta": 1.0},
    ),
    random=True,
)


class Distiller(keras.Model):
    """A student that learns from labels and from a teacher."""

    def __init__(self, student: Any, teacher: Any) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher
        self.teacher.trainable = False

    def compile(self, optimizer: Any, metrics: Any, alpha: float, heat: float) -> None:
        """Take how much the teacher counts, and how soft it is."""
        super().compile(optimizer=optimizer, metrics=metrics)
        self.alpha, self.heat = alpha, heat
        self.labels = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.softly = keras.losses.KLDivergence()

    def call(self, x: Any) -> Any:
        """Ask the student."""
        return self.student(x)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Any:
        """Return the weighted sum."""
        taught = ops.softmax(self.teacher(x, training=False) / self.heat)
        soft = self.softly(taught, ops.softmax(y_pred / self.heat)) * self.heat**2
        return self.alpha * self.labels(y, y_pred) + (1 - self.alpha) * soft


def distilled(config: Any, data: Any) -> Any:
    """Distill a teacher whose weights come from elsewhere."""
    teacher = dense(12, 16, 3)
    rng = np.random.default_rng(config["teacher"])
    teacher.set_weights([rng.normal(size=weight.shape) for weight in teacher.get_weights()])
    net = Distiller(dense(12, 4, 3), teacher)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    adam = keras.optimizers.Adam(config["rate"])
    net.compile(adam, [accuracy], config["alpha"], config["heat"])
    return net


DISTILLATION = Program(
    classes,
    distilled,
    (
        {"rate": 1e-2, "teacher": 1, "alpha": 0.1, "heat": 3.0},
        {"rate": 1e-2, "teacher": 2, "alpha": 0.1, "heat": 3.0},
        {"rate": 1e-2, "teacher": 1, "alpha": 0.9, "heat": 1.0},
    ),
)
