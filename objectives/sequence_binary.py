"""Stacked LSTM layers that tell two classes of sequences apart.

The built-in sequences are made: ten values between 0 and 100, three of which are marked in a
second channel. The label says whether the mean of the marked values is above 50; the others say
nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from objectives import Data
from objectives.lstm_recall import net, scale
from objectives.shared import of_sequences
from objectives.stacked import Stacked
from objectives.training import parts
from search_spaces import lstm, sequence_binary

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

ROWS, STEPS, MARKED = 2_000, 10, 3


def marked(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return rows x steps x (value, whether it is marked), and the mean of the marked values."""
    import numpy as np

    rng = np.random.default_rng(seed)
    values = rng.uniform(0.0, 100.0, (ROWS, STEPS)).astype(np.float32)
    marks = rng.random((ROWS, STEPS)).argsort(axis=1) < MARKED
    means = (values.astype(np.float64) * marks).sum(axis=1) / MARKED
    return np.stack([values, marks.astype(np.float32)], axis=2), means


def embedded() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return marked sequences, and 1 where the mean of the marked values is above 50, else 0."""
    x, means = marked(seed=0)
    return x, (means > 50.0).astype(int)


def layers(config: lstm.Lstm, data: Data) -> list[keras.Layer]:
    """Return LSTM layers and one sigmoid output."""
    return net(config, data, 1, "sigmoid")


build = Stacked(layers, parts.binary_classifier, scale)
SEQUENCE_BINARY = of_sequences("binary", sequence_binary.SPACE, build, embedded)
