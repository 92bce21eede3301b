"""Preprocessing inside the model: statistics, boundaries and vocabularies that layers keep."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.programs import Program
from benchmarks.programs.data import table, tokens

WORDS = np.array(["the", "a", "cat", "dog", "bird", "fish", "sees", "eats", "old", "red", "blue"])


def head(net: Any, config: Any, loss: str = "mse") -> Any:
    """Add the output and compile."""
    net.add(layers.Dense(1, activation="sigmoid" if loss != "mse" else None))
    net.compile(keras.optimizers.Adam(config["rate"]), loss)
    return net


def adapted(config: Any, data: Any) -> Any:
    """Normalise by statistics of the training rows, of which the config clips the tails."""
    norm = layers.Normalization()
    norm.adapt(np.clip(data.train.x, -config["clip"], config["clip"]))
    net = keras.Sequential([keras.Input((12,)), norm, layers.Dense(8, activation="relu")])
    return head(net, config)


NORMALIZATION = Program(
    table,
    adapted,
    ({"rate": 1e-2, "clip": 3.0}, {"rate": 1e-2, "clip": 0.3}, {"rate": 1e-3, "clip": 0.1}),
    quick=True,
)


def binned(config: Any, data: Any) -> Any:
    """Cut numbers into bins, whose boundaries come from rows that the config chooses."""
    bins = layers.Discretization(num_bins=6)
    bins.adapt(data.train.x[: config["rows"]])
    net = keras.Sequential([
        keras.Input((12,)), bins, layers.Embedding(6, config["width"]), layers.Flatten()
    ])  # fmt: skip
    return head(net, config)


DISCRETIZATION = Program(
    table,
    binned,
    (
        {"rate": 1e-2, "rows": 200, "width": 2},
        {"rate": 1e-2, "rows": 20, "width": 2},
        {"rate": 1e-2, "rows": 200, "width": 3},
    ),
)


def known_numbers(config: Any, data: Any) -> Any:
    """Look numbers up in a vocabulary and count them."""
    lookup = layers.IntegerLookup(
        vocabulary=config["known"], output_mode="multi_hot", num_oov_indices=1
    )
    return head(keras.Sequential([keras.Input((12,), dtype="int64"), lookup]), config, BINARY)


BINARY = "binary_crossentropy"

INTEGER_LOOKUP = Program(
    tokens,
    known_numbers,
    (
        {"rate": 1e-2, "known": [3, 5, 8, 13, 21]},
        {"rate": 1e-2, "known": [40, 41, 42, 43, 44]},
        {"rate": 1e-2, "known": [21, 13, 8, 5, 3]},
    ),
)


def hashed(config: Any, data: Any) -> Any:
    """Hash numbers into few bins, with a salt."""
    net = keras.Sequential([
        keras.Input((12,), dtype="int32"),
        layers.Hashing(num_bins=config["bins"], salt=config["salt"]),
        layers.CategoryEncoding(num_tokens=config["bins"], output_mode="count"),
    ])  # fmt: skip
    return head(net, config, BINARY)


HASHING = Program(
    tokens,
    hashed,
    (
        {"rate": 1e-2, "bins": 8, "salt": 1},
        {"rate": 1e-2, "bins": 8, "salt": 2},
        {"rate": 1e-2, "bins": 9, "salt": 1},
    ),
)


def sentences(_: Any) -> Any:
    """Return sentences as text, and whether they speak of a cat or a bird."""
    rng = np.random.default_rng(6)
    words = WORDS[rng.integers(0, len(WORDS), (400, 6))]
    y = np.isin(words, ["cat", "bird"]).any(axis=1).astype("int32")
    return np.array([[" ".join(each)] for each in words]), y


def text(config: Any, data: Any) -> Any:
    """Split text into words inside the model."""
    split = layers.TextVectorization(
        max_tokens=config["most"], output_sequence_length=6, standardize=config["standardize"]
    )
    split.adapt(tf.constant(data.train.x[: config["rows"], 0]))
    net = keras.Sequential([keras.Input((1,), dtype="string"), split])
    net.add(layers.Embedding(config["most"], 4))
    net.add(layers.GlobalAveragePooling1D())
    return head(net, config, BINARY)


TEXT_VECTORIZATION = Program(
    sentences,
    text,
    (
        {"rate": 1e-2, "most": 16, "rows": 200, "standardize": "lower"},
        {"rate": 1e-2, "most": 16, "rows": 2, "standardize": "lower"},
        {"rate": 1e-2, "most": 8, "rows": 200, "standardize": None},
    ),
)


def categories(_: Any) -> Any:
    """Return two columns of words, and what they are worth together."""
    rng = np.random.default_rng(7)
    x = rng.integers(0, len(WORDS), (400, 2))
    worth = np.sin(x).sum(axis=1, keepdims=True) + 0.1 * rng.normal(size=(400, 1))
    return WORDS[x], worth.astype("float32")


def looked_up(config: Any, data: Any) -> Any:
    """Look words up in a vocabulary."""
    lookup = layers.StringLookup(
        vocabulary=WORDS[config["first"] :: config["step"]].tolist(), output_mode="multi_hot"
    )
    return head(keras.Sequential([keras.Input((2,), dtype="string"), lookup]), config)


STRING_LOOKUP = Program(
    categories,
    looked_up,
    (
        {"rate": 1e-2, "first": 0, "step": 2},
        {"rate": 1e-2, "first": 1, "step": 2},
        {"rate": 1e-2, "first": 0, "step": 1},
    ),
)
