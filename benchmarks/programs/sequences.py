"""Nets on series and on sentences of numbers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from benchmarks.programs import Program
from benchmarks.programs.data import series, tokens

INPUTS = (16, 3)


def binary(net: Any, config: Any) -> Any:
    """Compile for one class or the other."""
    rate = keras.optimizers.Adam(config["rate"])
    net.compile(rate, "binary_crossentropy", metrics=["accuracy"])
    return net


def conv1d(config: Any, data: Any) -> Any:
    """Convolve along time, with growing holes."""
    net = keras.Sequential([keras.Input(INPUTS)])
    for hole in config["holes"]:
        net.add(layers.Conv1D(6, 3, padding="causal", dilation_rate=hole, activation="relu"))
    net.add(layers.GlobalMaxPooling1D())
    net.add(layers.Dense(1, activation="sigmoid"))
    return binary(net, config)


CONV1D = Program(
    series,
    conv1d,
    (
        {"rate": 1e-2, "holes": [1, 2]},
        {"rate": 1e-3, "holes": [1, 2]},
        {"rate": 1e-2, "holes": [2, 1]},
    ),
)


def gru(config: Any, data: Any) -> Any:
    """Stack two GRU layers."""
    net = keras.Sequential([
        keras.Input(INPUTS),
        layers.GRU(8, return_sequences=True, activation=config["activation"]),
        layers.GRU(8, kernel_regularizer=keras.regularizers.L2(config["l2"])),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    return binary(net, config)


GRU = Program(
    series,
    gru,
    (
        {"rate": 1e-2, "activation": "tanh", "l2": 0.0},
        {"rate": 1e-2, "activation": "relu", "l2": 0.0},
        {"rate": 1e-3, "activation": "tanh", "l2": 0.1},
    ),
    digits="recurrent",
)


def masked(config: Any, data: Any) -> Any:
    """Read sentences from both ends, up to where they end."""
    net = keras.Sequential([
        keras.Input((12,), dtype="int32"),
        layers.Embedding(50, 8, mask_zero=True),
        layers.Bidirectional(layers.LSTM(8, go_backwards=False), merge_mode=config["merge"]),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    return binary(net, config)


BIDIRECTIONAL = Program(
    tokens,
    masked,
    (
        {"rate": 1e-2, "merge": "concat"},
        {"rate": 1e-3, "merge": "concat"},
        {"rate": 1e-2, "merge": "ave"},
    ),
    digits="recurrent",
)


def shifted_series(source: Any) -> Any:
    """Return series, and the second half of each from its first."""
    x, _ = series(source)
    return x[:, :8], x[:, 8:, :1]


def sequence_to_sequence(config: Any, data: Any) -> Any:
    """Read one half of a series and write the other."""
    start = keras.Input((8, 3))
    hidden, *state = layers.LSTM(config["units"], return_state=True)(start)
    x = layers.RepeatVector(8)(hidden)
    x = layers.LSTM(config["units"], return_sequences=True)(x, initial_state=state)
    net = keras.Model(start, layers.TimeDistributed(layers.Dense(1))(x))
    net.compile(keras.optimizers.Adam(config["rate"]), keras.losses.Huber(config["delta"]))
    return net


SEQ2SEQ = Program(
    shifted_series,
    sequence_to_sequence,
    (
        {"rate": 1e-2, "units": 8, "delta": 1.0},
        {"rate": 1e-2, "units": 8, "delta": 0.1},
        {"rate": 1e-2, "units": 6, "delta": 1.0},
    ),
    digits="recurrent",
)


class Leaky(layers.Layer):
    """A recurrent cell of the user's own; its list of leaks is in no config."""

    def __init__(self, units: int, leaks: list[float]) -> None:
        super().__init__()
        self.state_size = units
        self.leaks = leaks

    def build(self, shape: Any) -> None:
        """Make weights for the input and for the state."""
        self.entry = self.add_weight(shape=(shape[-1], self.state_size))
        self.again = self.add_weight(shape=(self.state_size,) * 2, initializer="orthogonal")

    def call(self, x: Any, states: Any) -> Any:
        """Return the output and the next state."""
        new = ops.tanh(ops.matmul(x, self.entry) + ops.matmul(states[0], self.again))
        state = self.leaks[0] * states[0] + self.leaks[1] * new
        return state, [state]


def own_cell(config: Any, data: Any) -> Any:
    """Loop a cell of the user's own over time."""
    net = keras.Sequential([keras.Input(INPUTS), layers.RNN(Leaky(8, config["leaks"]))])
    net.add(layers.Dense(1, activation="sigmoid"))
    return binary(net, config)


OWN_CELL = Program(
    series,
    own_cell,
    (
        {"rate": 1e-2, "leaks": [0.5, 0.5]},
        {"rate": 1e-2, "leaks": [0.9, 0.1]},
        {"rate": 1e-3, "leaks": [0.1, 0.9]},
    ),
    digits="recurrent",
)


class Places(layers.Layer):
    """Adds sines of the place to a series, from a table that is a plain array."""

    def __init__(self, base: float) -> None:
        super().__init__()
        self.base = base

    def build(self, shape: Any) -> None:
        """Make the table."""
        at, depth = np.arange(shape[1])[:, None], np.arange(shape[2])[None]
        angles = at / self.base ** (2 * (depth // 2) / shape[2])
        self.table = np.where(depth % 2, np.cos(angles), np.sin(angles)).astype("float32")

    def call(self, x: Any) -> Any:
        """Add them."""
        return x + self.table


def transformer(config: Any, data: Any) -> Any:
    """Attend along a series, as the tutorials' block does."""
    start = keras.Input(INPUTS)
    x = Places(config["base"])(layers.Dense(32)(start))
    attend = layers.MultiHeadAttention(4, 8, dropout=config["dropout"])
    x = layers.LayerNormalization()(x + attend(x, x, use_causal_mask=config["causal"]))
    hidden = layers.Dense(64, activation="relu")(x)
    x = layers.LayerNormalization()(x + layers.Dense(32)(hidden))
    x = layers.GlobalAveragePooling1D()(x)
    return binary(keras.Model(start, layers.Dense(1, activation="sigmoid")(x)), config)


TRANSFORMER = Program(
    series,
    transformer,
    (
        {"rate": 1e-2, "base": 1e4, "dropout": 0.0, "causal": False},
        {"rate": 1e-2, "base": 10.0, "dropout": 0.0, "causal": False},
        {"rate": 1e-2, "base": 1e4, "dropout": 0.0, "causal": True},
    ),
)

ATTENTION_DROPOUT = Program(
    series,
    transformer,
    (
        {"rate": 1e-2, "base": 1e4, "dropout": 0.1, "causal": False},
        {"rate": 1e-2, "base": 10.0, "dropout": 0.1, "causal": False},
        {"rate": 1e-2, "base": 1e4, "dropout": 0.5, "causal": False},
    ),
    random=True,
)


def pooled_words(config: Any, data: Any) -> Any:
    """Average the vectors of words, taken from a table of an earlier training."""
    words = np.random.default_rng(config["earlier"]).normal(size=(50, 8))
    net = keras.Sequential([
        keras.Input((12,), dtype="int32"),
        layers.Embedding(
            50,
            8,
            embeddings_initializer=keras.initializers.Constant(words),
            trainable=config["trainable"],
            mask_zero=True,
        ),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    return binary(net, config)


EMBEDDING = Program(
    tokens,
    pooled_words,
    (
        {"rate": 1e-2, "earlier": 1, "trainable": False},
        {"rate": 1e-2, "earlier": 2, "trainable": False},
        {"rate": 1e-2, "earlier": 1, "trainable": True},
    ),
)
