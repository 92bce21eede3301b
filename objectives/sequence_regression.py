"""Stacked LSTM layers that predict a number for each sequence, in the target's own unit.

The built-in sequences are those of `sequence_binary`; to be predicted is the mean itself of the
marked values, between 0 and 100.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from objectives import Data
from objectives.lstm_recall import net
from objectives.sequence_binary import marked
from objectives.shared import of_sequences
from search_spaces import lstm, sequence_regression

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


def embedded() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return marked sequences, and the means of their marked values."""
    return marked(seed=1)


def build(config: lstm.Lstm, data: Data) -> keras.Model:
    """Return the compiled net: LSTM layers, one linear output, rescaled to the target's unit."""
    from objectives.training.parts import regressor

    return regressor(net(config, data, 1, "linear"), config.optimizer, data)


SEQUENCE_REGRESSION = of_sequences("regression", sequence_regression.SPACE, build, embedded)
