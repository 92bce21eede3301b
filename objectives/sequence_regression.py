"""Stacked LSTM layers that predict a number for each sequence, in the target's own unit.

The built-in sequences are those of `sequence_binary`; to be predicted is the mean itself of the
marked values, between 0 and 100.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from objectives import Data
from objectives.lstm_recall import net, scale
from objectives.sequence_binary import marked
from objectives.shared import of_sequences
from objectives.stacked import Stacked
from objectives.training import parts
from search_spaces import lstm, sequence_regression

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


def embedded() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return marked sequences, and the means of their marked values."""
    return marked(seed=1)


def layers(config: lstm.Lstm, data: Data) -> list[keras.Layer]:
    """Return LSTM layers and one linear output, rescaled to the target's unit."""
    return [*net(config, data, 1, "linear"), parts.rescaling(data)]


build = Stacked(layers, parts.regressor, scale)
SEQUENCE_REGRESSION = of_sequences("regression", sequence_regression.SPACE, build, embedded)
