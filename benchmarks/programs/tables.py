"""Nets on tables: Sequential and functional, with the layers that people put between them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.programs import Program
from benchmarks.programs.data import binary, classes, table
from objectives import Data, Part

INPUTS = (12,)


def compiled(net: Any, config: Any, loss: str = "mse", **more: Any) -> Any:
    """Compile with Adam at the config's rate."""
    net.compile(keras.optimizers.Adam(config["rate"]), loss, **more)
    return net


def sequential(config: Any, data: Any) -> Any:
    """Classify by two dense layers."""
    hidden = [layers.Dense(units, activation="relu") for units in config["units"]]
    net = keras.Sequential([keras.Input(INPUTS), *hidden, layers.Dense(3, activation="softmax")])
    return compiled(net, config, "sparse_categorical_crossentropy", metrics=["accuracy"])


SEQUENTIAL = Program(
    classes,
    sequential,
    (
        {"rate": 1e-2, "units": [16, 16]},
        {"rate": 1e-3, "units": [16, 16]},
        {"rate": 1e-2, "units": [24]},
    ),
)


def several_inputs(config: Any, data: Any) -> Any:
    """Take two groups of columns through branches of their own, with a way around them."""
    table = keras.Input(INPUTS)
    left, right = table[:, : config["cut"]], table[:, config["cut"] :]
    penalty = keras.regularizers.L2(config["l2"])
    left = layers.Dense(8, activation="relu", kernel_regularizer=penalty)(left)
    right = layers.Dense(8, activation=layers.LeakyReLU(config["slope"]))(right)
    both = layers.Concatenate()([left, right, layers.Multiply()([left, right])])
    net = keras.Model(table, layers.Dense(1)(layers.Add()([both, layers.Dense(24)(both)])))
    return compiled(net, config, metrics=["mae"])


SEVERAL_INPUTS = Program(
    table,
    several_inputs,
    (
        {"rate": 1e-2, "cut": 6, "l2": 1e-3, "slope": 0.1},
        {"rate": 3e-3, "cut": 6, "l2": 1e-1, "slope": 0.3},
        {"rate": 1e-2, "cut": 4, "l2": 1e-3, "slope": 0.3},
    ),
)


def two_targets(source: Any) -> Any:
    """Return a number and a class, side by side."""
    x, y = table(source)
    return x, np.concatenate([y, y > 0.2], axis=1).astype("float32")


def multi_task(config: Any, data: Any) -> Any:
    """Predict a number and a class from one trunk, with a weight between their losses."""
    weight = config["weight"]

    def both(y: Any, found: Any) -> Any:
        number = ops.square(y[:, 0] - found[:, 0])
        return number + weight * keras.losses.binary_crossentropy(y[:, 1:], found[:, 1:])

    def accuracy_of_class(y: Any, found: Any) -> Any:
        return keras.metrics.binary_accuracy(y[:, 1:], found[:, 1:])

    rows = keras.Input(INPUTS)
    trunk = layers.Dense(16, activation=config["activation"])(rows)
    heads = [layers.Dense(1)(trunk), layers.Dense(1, activation="sigmoid")(trunk)]
    net = keras.Model(rows, layers.Concatenate()(heads))
    return compiled(net, config, both, metrics=[accuracy_of_class])


MULTI_TASK = Program(
    two_targets,
    multi_task,
    (
        {"rate": 1e-2, "weight": 0.5, "activation": "relu"},
        {"rate": 1e-2, "weight": 5.0, "activation": "relu"},
        {"rate": 1e-3, "weight": 0.5, "activation": "tanh"},
    ),
)


def dropout(config: Any, data: Any) -> Any:
    """Drop units, and say how sure the labels are."""
    net = keras.Sequential([
        keras.Input(INPUTS),
        layers.Dense(32, activation="relu"),
        layers.Dropout(config["dropout"]),
        layers.GaussianNoise(config["noise"]),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    loss = keras.losses.BinaryCrossentropy(label_smoothing=config["smoothing"])
    return compiled(net, config, loss, metrics=["accuracy"])


DROPOUT = Program(
    binary,
    dropout,
    (
        {"rate": 1e-2, "dropout": 0.2, "noise": 0.1, "smoothing": 0.0},
        {"rate": 1e-2, "dropout": 0.5, "noise": 0.1, "smoothing": 0.2},
        {"rate": 1e-3, "dropout": 0.5, "noise": 0.5, "smoothing": 0.2},
    ),
    random=True,
    quick=True,
)


def normalized(config: Any, data: Any) -> Any:
    """Normalise over the batch, over the layer and by the largest singular value."""
    net = keras.Sequential([
        keras.Input(INPUTS),
        layers.SpectralNormalization(layers.Dense(16), power_iterations=config["iterations"]),
        layers.BatchNormalization(momentum=config["momentum"], epsilon=config["epsilon"]),
        layers.Activation("gelu"),
        layers.Dense(8),
        layers.LayerNormalization(),
        layers.Dense(1),
    ])  # fmt: skip
    return compiled(net, config, metrics=["mae", "r2_score"])


NORMALISED = Program(
    table,
    normalized,
    (
        {"rate": 1e-2, "momentum": 0.9, "epsilon": 1e-3, "iterations": 1},
        {"rate": 1e-2, "momentum": 0.5, "epsilon": 1e-1, "iterations": 1},
        {"rate": 1e-3, "momentum": 0.5, "epsilon": 1e-3, "iterations": 3},
    ),
    digits="normalized",
)


def constrained(config: Any, data: Any) -> Any:
    """Bound the weights, and start them as the config says."""
    net = keras.Sequential([
        keras.Input(INPUTS),
        layers.Dense(
            16,
            activation="relu",
            kernel_constraint=keras.constraints.MaxNorm(config["most"]),
            kernel_initializer=keras.initializers.RandomNormal(stddev=config["spread"]),
            activity_regularizer=keras.regularizers.L1(config["l1"]),
        ),
        layers.Dense(1, kernel_constraint="non_neg"),
    ])  # fmt: skip
    return compiled(net, config)


CONSTRAINED = Program(
    table,
    constrained,
    (
        {"rate": 1e-2, "most": 0.5, "spread": 0.1, "l1": 0.0},
        {"rate": 1e-2, "most": 2.0, "spread": 0.1, "l1": 0.01},
        {"rate": 1e-2, "most": 0.5, "spread": 1.0, "l1": 0.01},
    ),
)


def weighted_rows(source: Any) -> Data:
    """Return rows with weights of their own, and a weight for each class."""
    x, y = binary(source)
    weight = np.random.default_rng(5).uniform(0.5, 2.0, len(x)).astype("float32")
    cuts = slice(0, 380), slice(380, 500), slice(500, None)
    train, validation, test = (Part(x[cut], y[cut], weight[cut]) for cut in cuts)
    return Data(train, validation, test, class_weight={0: 1.0, 1: 3.0})


def class_weights(config: Any, data: Any) -> Any:
    """Weight rows and classes, in the loss and in a metric."""
    net = keras.Sequential([keras.Input(INPUTS), layers.Dense(8, activation="relu")])
    net.add(layers.Dense(1, activation="sigmoid"))
    curve = keras.metrics.AUC(config["thresholds"], name="auc")
    loss = keras.losses.BinaryFocalCrossentropy(gamma=config["gamma"])
    return compiled(net, config, loss, metrics=["accuracy"], weighted_metrics=[curve])


CLASS_WEIGHTS = Program(
    weighted_rows,
    class_weights,
    (
        {"rate": 1e-2, "gamma": 2.0, "thresholds": 200},
        {"rate": 1e-2, "gamma": 0.5, "thresholds": 200},
        {"rate": 1e-3, "gamma": 2.0, "thresholds": 50},
    ),
)


def autoencoder_rows(source: Any) -> Any:
    """Return rows as their own targets."""
    x, _ = table(source)
    return x, x


def autoencoder(config: Any, data: Any) -> Any:
    """Squeeze a row through a few units and back, with a penalty on what is active."""
    coder = keras.Sequential(
        [keras.Input(INPUTS), layers.Dense(config["code"], activation="relu")]
    )
    decoder = keras.Sequential([keras.Input((config["code"],)), layers.Dense(12)])
    rows = keras.Input(INPUTS)
    code = layers.ActivityRegularization(l1=config["l1"])(coder(rows))
    return compiled(keras.Model(rows, decoder(code)), config, "huber")


AUTOENCODER = Program(
    autoencoder_rows,
    autoencoder,
    (
        {"rate": 1e-2, "code": 4, "l1": 1e-4},
        {"rate": 1e-2, "code": 4, "l1": 1e-1},
        {"rate": 1e-3, "code": 6, "l1": 1e-4},
    ),
)


def frozen(config: Any, data: Any) -> Any:
    """Train a head on a base with the weights of an earlier training, some of it frozen."""
    base = keras.Sequential([keras.Input(INPUTS)])
    for units in (16, 16):
        base.add(layers.Dense(units, activation="relu"))
    rng = np.random.default_rng(config["earlier"])
    base.set_weights([rng.normal(0, 0.4, weight.shape) for weight in base.get_weights()])
    for layer in base.layers[: config["frozen"]]:
        layer.trainable = False
    rows = keras.Input(INPUTS)
    net = keras.Model(rows, layers.Dense(1)(base(rows, training=False)))
    return compiled(net, config)


FROZEN = Program(
    table,
    frozen,
    (
        {"rate": 1e-2, "earlier": 1, "frozen": 2},
        {"rate": 1e-2, "earlier": 2, "frozen": 2},
        {"rate": 1e-2, "earlier": 1, "frozen": 1},
    ),
)
