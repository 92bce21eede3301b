"""Functions that train by themselves, as Optuna's users write them, and models without y."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from benchmarks.programs import Function, Program
from benchmarks.programs.data import table, tokens
from benchmarks.programs.tables import INPUTS, compiled


def net(units: int) -> keras.Model:
    """Return a net of one hidden layer."""
    model = keras.Sequential([keras.Input(INPUTS), layers.Dense(units, "tanh"), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    return model


def own_loop(trial: Any) -> float:
    """Train step by step, and report each epoch."""
    x, y = table(None)
    model = net(trial.suggest_categorical("units", [4, 8, 16]))
    loss = float("inf")
    for epoch in range(3):
        for start in range(0, 400, 50):
            with tf.GradientTape() as tape:
                gap = model(x[start : start + 50], training=True) - y[start : start + 50]
                step = tf.reduce_mean(gap**2)
            weights = model.trainable_variables
            model.optimizer.apply(tape.gradient(step, weights), weights)
        loss = float(np.mean((model.predict_on_batch(x[400:]) - y[400:]) ** 2))
        trial.report(loss, epoch)
    return loss


def two_fits(trial: Any) -> float:
    """Train with the hidden layer frozen, thaw it, and train again at a lower rate."""
    x, y = table(None)
    model = net(trial.suggest_categorical("units", [4, 8, 16]))
    model.layers[0].trainable = False
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    model.fit(x[:400], y[:400], epochs=2, verbose=0)
    model.layers[0].trainable = True
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    shown = x[400:], y[400:]
    history = model.fit(x[:400], y[:400], epochs=2, validation_data=shown, verbose=0)
    return float(min(history.history["val_loss"]))


UNITS = ({"units": 4}, {"units": 8}, {"units": 16})
OWN_LOOP = Function(own_loop, UNITS)
TWO_FITS = Function(two_fits, UNITS)


def alone(source: Any) -> Any:
    """Return rows without a target."""
    return table(source)[0], None


class Rebuilt(layers.Layer):  # type: ignore[misc]
    """Adds how far a row is from what was made of it."""

    def call(self, x: Any, found: Any) -> Any:
        """Return what was made of it."""
        self.add_loss(ops.mean(ops.square(x - found)))
        return found


def adding_its_loss(config: Any, data: Any) -> Any:
    """Squeeze each row through a narrow layer."""
    x = keras.Input(INPUTS)
    found = layers.Dense(INPUTS[0])(layers.Dense(config["units"], "tanh")(x))
    return compiled(keras.Model(x, Rebuilt()(x, found)), config, None)


NO_TARGET = Program(
    alone,
    adding_its_loss,
    ({"rate": 1e-2, "units": 4}, {"rate": 1e-3, "units": 4}, {"rate": 1e-2, "units": 8}),
)


def unequal(source: Any) -> Any:
    """Return sentences of unequal length."""
    x, y = tokens(source)
    return tf.ragged.constant([row[row > 0].tolist() for row in x], dtype=tf.int32), y


def of_ragged_rows(config: Any, data: Any) -> Any:
    """Average the vectors of a sentence's words."""
    words = keras.Input((None,), dtype="int32", ragged=True)
    seen = layers.GlobalAveragePooling1D()(layers.Embedding(50, config["size"])(words))
    net = keras.Model(words, layers.Dense(1, "sigmoid")(seen))
    return compiled(net, config, "binary_crossentropy", metrics=["accuracy"])


RAGGED = Program(
    unequal,
    of_ragged_rows,
    ({"rate": 1e-2, "size": 8}, {"rate": 1e-3, "size": 8}, {"rate": 1e-2, "size": 4}),
)
