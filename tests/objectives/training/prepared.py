"""Programs whose layers keep statistics, tables or vocabularies, which differ."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from objectives import Data
from tests.objectives.training.compare import Case, numbers, parts
from tests.objectives.training.kinds import sequential


def normalized(scale: float, data: Data) -> Any:
    layer = layers.Normalization()
    layer.adapt(scale * data.train.x + scale)
    return sequential(layer)


def discretized(edge: float, data: Data) -> Any:
    bins = layers.Discretization(bin_boundaries=[-edge, 0.0, edge])
    return sequential(bins, layers.Embedding(4, 2), layers.Flatten())


def table(value: float, data: Data) -> Any:
    """A table of constants, looked up by the sign of the inputs."""
    rows = np.full((2, 3), value, "float32") + np.arange(6, dtype="float32").reshape(2, 3)
    frozen = layers.Embedding(2, 3, keras.initializers.Constant(rows), trainable=False)
    return sequential(layers.Lambda(lambda x: ops.cast(x > 0, "int32")), frozen, layers.Flatten())


WORDS = np.array(["red", "green", "blue", "grey", "black"])


def strings() -> Data:
    """Return sentences of three words; their colours tell the target."""
    return parts(
        lambda rng, count: np.array(
            [[" ".join(row)] for row in rng.choice(WORDS, (count, 3))], object
        ),
        lambda rng, x: np.array([[float(row[0].count("re"))] for row in x], "float32"),
    )


def words() -> Data:
    return parts(
        lambda rng, count: rng.choice(WORDS, (count, 1)).astype(object),
        lambda rng, x: np.array([[float(len(row[0]))] for row in x], "float32"),
    )


def counted(vocabulary: list[str], data: Data) -> Any:
    text = layers.TextVectorization(output_mode="multi_hot", vocabulary=vocabulary)
    return sequential(text, shape=(1,), dtype="string")


def embedded_text(vocabulary: list[str], data: Data) -> Any:
    text = layers.TextVectorization(output_sequence_length=3)
    text.adapt(vocabulary)
    inner = [text, layers.Embedding(8, 2), layers.GlobalAveragePooling1D()]
    return sequential(*inner, shape=(1,), dtype="string")


def looked_up(vocabulary: list[str], data: Data) -> Any:
    table = layers.StringLookup(vocabulary=vocabulary, output_mode="one_hot")
    return sequential(table, shape=(1,), dtype="string")


def hashed(salt: int, data: Data) -> Any:
    inner = [layers.Hashing(4, salt=salt), layers.Embedding(4, 2), layers.Flatten()]
    return sequential(*inner, shape=(1,), dtype="string")


CASES = {
    "Normalization": Case(normalized, [1.0, 5.0], numbers),
    "Discretization": Case(discretized, [0.5, 1.5], numbers),
    "a table of constants": Case(table, [1.0, -2.0], numbers),
    "TextVectorization": Case(counted, [["red", "blue"], ["green", "grey"]], strings),
    "TextVectorization adapted": Case(
        embedded_text, [["red blue", "grey"], ["grey", "red red"]], strings
    ),
    "StringLookup": Case(looked_up, [["red", "blue"], ["blue", "red"]], words),
    "Hashing": Case(hashed, [1, 2], words),
}
