"""Inputs and targets that are no single array, and a data set."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.programs import Program
from benchmarks.programs.data import images, table
from benchmarks.programs.tables import INPUTS, compiled


def by_name(source: Any) -> Any:
    """Return a dict of arrays, as a model with named inputs takes them."""
    x, y = table(source)
    return {"left": x[:, :6], "right": x[:, 6:]}, y


def named_inputs(config: Any, data: Any) -> Any:
    """Take each named input through a branch of its own."""
    inputs = {name: keras.Input((6,), name=name) for name in ("left", "right")}
    branches = [layers.Dense(units, "relu")(inputs[n]) for n, units in config["units"].items()]
    return compiled(keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(branches))), config)


NAMED_INPUTS = Program(
    by_name,
    named_inputs,
    (
        {"rate": 1e-2, "units": {"left": 8, "right": 8}},
        {"rate": 1e-3, "units": {"left": 8, "right": 8}},
        {"rate": 1e-2, "units": {"left": 4, "right": 12}},
    ),
)


def image_and_row(source: Any) -> Any:
    """Return an image and a row for each target."""
    x, y = images(source)
    return [x, table(source, len(x))[0]], y


def inputs_of_two_shapes(config: Any, data: Any) -> Any:
    """Convolve the image, and join the row to what comes of it."""
    image, row = keras.Input((12, 12, 1)), keras.Input(INPUTS)
    seen = layers.Flatten()(layers.Conv2D(config["filters"], 3, activation="relu")(image))
    joined = layers.Concatenate()([layers.Dense(8, "relu")(seen), layers.Dense(4, "relu")(row)])
    net = keras.Model([image, row], layers.Dense(3, "softmax")(joined))
    return compiled(net, config, "sparse_categorical_crossentropy", metrics=["accuracy"])


INPUTS_OF_TWO_SHAPES = Program(
    image_and_row,
    inputs_of_two_shapes,
    ({"rate": 1e-2, "filters": 4}, {"rate": 1e-3, "filters": 4}, {"rate": 1e-2, "filters": 6}),
)


def number_and_kind(source: Any) -> Any:
    """Return a number and a class apart, with a loss each."""
    x, y = table(source)
    return x, {"number": y, "kind": (y[:, 0] > 0).astype("int32")}


def named_targets(config: Any, data: Any) -> Any:
    """Predict both from one trunk, with a weight between their losses."""
    x = keras.Input(INPUTS)
    trunk = layers.Dense(16, "tanh")(x)
    outputs = {"number": layers.Dense(1)(trunk), "kind": layers.Dense(1, "sigmoid")(trunk)}
    losses = {"number": "mse", "kind": "binary_crossentropy"}
    weights = {"number": config["weight"], "kind": 1.0}
    metrics = {"number": ["mae"], "kind": ["accuracy"]}
    return compiled(keras.Model(x, outputs), config, losses, loss_weights=weights, metrics=metrics)


NAMED_TARGETS = Program(
    number_and_kind,
    named_targets,
    ({"rate": 1e-2, "weight": 1.0}, {"rate": 1e-3, "weight": 1.0}, {"rate": 1e-2, "weight": 3.0}),
)


def pipeline(source: Any) -> Any:
    """Return a `tf.data.Dataset`."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(table(source)).batch(32)


def on_pipeline(config: Any, data: Any) -> Any:
    """Predict by one hidden layer."""
    shape = np.shape(data.train.x)[1:]
    return compiled(
        keras.Sequential([keras.Input(shape), layers.Dense(8, "relu"), layers.Dense(1)]), config
    )


TF_DATA = Program(
    pipeline, on_pipeline, ({"rate": 1e-2}, {"rate": 1e-3}, {"rate": 3e-3}),
    more={"materialize": True},
)  # fmt: skip
