"""A binary classifier of dense layers on a table.

The built-in data are made, not measured: labels come from a fixed random relu net, so the truth
is known to be learnable, and a 16-wide net improves fast at first and then hardly at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from objectives import Data, Part, Source, binned
from objectives.shared import of_tables
from objectives.stacked import Stacked
from objectives.training import parts
from search_spaces import dense

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

ROWS = {"train": 40_000, "validation": 10_000, "test": 10_000}
FEATURES = 64


def teacher(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return 60,000 x 64 inputs and the 0/1 labels of a fixed random 64-16-16-1 relu net.

    Weights are N(0, (1.5 / sqrt(fan_in))^2), biases N(0, 0.3^2), hidden layers standardized, the
    output cut at its median; then the inputs are scaled by 0.03, as tables often come.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    x = rng.standard_normal((sum(ROWS.values()), FEATURES), dtype=np.float32)
    hidden = x
    for width in (16, 16):
        kernel = rng.normal(0.0, 1.5 / np.sqrt(hidden.shape[1]), (hidden.shape[1], width))
        hidden = np.maximum(hidden @ kernel + rng.normal(0.0, 0.3, width), 0.0)
        hidden = (hidden - hidden.mean(axis=0)) / (hidden.std(axis=0) + 1e-7)
    score = hidden @ rng.normal(0.0, 1.5 / np.sqrt(16), 16)
    return 0.03 * x, (score > np.median(score)).astype(np.float32)


def embedded() -> Data:
    """Return the teacher's rows, in the order in which they were drawn."""
    x, y = teacher(seed=8)
    a, b = ROWS["train"], ROWS["train"] + ROWS["validation"]
    return Data(Part(x[:a], y[:a]), Part(x[a:b], y[a:b]), Part(x[b:], y[b:]), source=Source())


def hidden(config: dense.Dense, data: Data) -> list[keras.Layer]:
    """Return an input, its bins, and `depth` hidden layers of `width`, without an output."""
    import keras

    found = [keras.layers.InputLayer(data.train.x.shape[1:])]
    if config.bins:
        found += binned.layers(data.train, config.bins)
    for _ in range(config.depth):
        found.append(keras.layers.Dense(config.width, activation=config.activation))
        if config.dropout:
            found.append(keras.layers.Dropout(config.dropout))
    return found


def layers(config: dense.Dense, data: Data) -> list[keras.Layer]:
    """Return hidden layers and one sigmoid output."""
    import keras

    return [*hidden(config, data), keras.layers.Dense(1, activation="sigmoid")]


build = Stacked(layers, parts.binary_classifier)
DENSE_BINARY = of_tables("binary", dense.SPACE, build, embedded)
