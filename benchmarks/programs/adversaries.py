"""Training against an adversary: two nets with an optimizer each, and rows made harder."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from benchmarks.programs import Program
from benchmarks.programs.data import table
from benchmarks.programs.steps import INPUTS, dense


class Gan(keras.Model):
    """Two nets against each other, with an optimizer each."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.noise = config["noise"]
        self.maker, self.judge = dense(self.noise, 16, 12), dense(12, 16, 1)
        self.seeds = keras.random.SeedGenerator(config["seed"])
        self.loss_of = keras.losses.BinaryCrossentropy(from_logits=True)

    def compile(self, d_optimizer: Any, g_optimizer: Any) -> None:
        """Take both optimizers."""
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.d_metric = keras.metrics.Mean(name="d_loss")
        self.g_metric = keras.metrics.Mean(name="loss")

    @property
    def metrics(self) -> Any:
        """Those to be reset."""
        return [self.d_metric, self.g_metric]

    def call(self, x: Any) -> Any:
        """Judge rows."""
        return self.judge(x)

    def step(self, x: Any, learn: bool) -> Any:
        """Train both, or judge both."""
        noise = keras.random.normal((ops.shape(x)[0], self.noise), seed=self.seeds)
        with tf.GradientTape(persistent=True) as tape:
            true, false = self.judge(x), self.judge(self.maker(noise))
            d_loss = self.loss_of(ops.ones_like(true), true)
            d_loss += self.loss_of(ops.zeros_like(false), false)
            g_loss = self.loss_of(ops.ones_like(false), false)
        if learn:
            for net, loss, by in (
                (self.judge, d_loss, self.d_optimizer),
                (self.maker, g_loss, self.g_optimizer),
            ):
                by.apply(tape.gradient(loss, net.trainable_weights), net.trainable_weights)
        self.d_metric.update_state(d_loss)
        self.g_metric.update_state(g_loss)
        return {"d_loss": self.d_metric.result(), "loss": self.g_metric.result()}

    def train_step(self, data: Any) -> Any:
        """Train both."""
        return self.step(data[0], learn=True)

    def test_step(self, data: Any) -> Any:
        """Judge both."""
        return self.step(data[0], learn=False)


def gan(config: Any, data: Any) -> Any:
    """Give each net its own optimizer."""
    net = Gan(config)
    adam = keras.optimizers.Adam
    net.compile(adam(config["d_rate"], beta_1=0.5), adam(config["g_rate"], beta_1=0.5))
    return net


TWO_OPTIMIZERS = Program(
    table,
    gan,
    (
        {"d_rate": 1e-3, "g_rate": 1e-3, "noise": 4, "seed": 1},
        {"d_rate": 1e-2, "g_rate": 1e-3, "noise": 4, "seed": 2},
        {"d_rate": 1e-3, "g_rate": 1e-2, "noise": 4, "seed": 1},
    ),
    random=True,
)


class Adversarial(keras.Model):
    """Trains on rows that are shifted against it, and clips what it learns from them."""

    def train_step(self, data: Any) -> Any:
        """Take a step, with Keras's own loss and metrics."""
        x, y = data
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            harder = x + self.settings["shift"] * ops.sign(inner.gradient(loss, x))
            found = self(harder, training=True)
            loss = self.compute_loss(y=y, y_pred=found)
        gradients = outer.gradient(loss, self.trainable_weights)
        gradients = [ops.clip(g, -self.settings["most"], self.settings["most"]) for g in gradients]
        self.optimizer.apply(gradients, self.trainable_weights)
        for metric in self.metrics:
            metric.update_state(*((loss,) if metric.name == "loss" else (y, found)))
        return {metric.name: metric.result() for metric in self.metrics}


def adversarial(config: Any, data: Any) -> Any:
    """Set the numbers from outside, after the model is made."""
    rows = keras.Input(INPUTS)
    net = Adversarial(rows, dense(12, 8, 1)(rows))
    net.settings = {"shift": config["shift"], "most": config["most"]}
    net.compile(keras.optimizers.Adam(config["rate"]), "mse", metrics=["mae"])
    return net


ADVERSARIAL = Program(
    table,
    adversarial,
    (
        {"rate": 1e-2, "shift": 0.1, "most": 1.0},
        {"rate": 1e-2, "shift": 0.9, "most": 1.0},
        {"rate": 1e-2, "shift": 0.1, "most": 0.01},
    ),
)
