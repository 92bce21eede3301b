"""Stacked LSTM layers that classify a sequence.

The built-in task asks to recall the first of three steps, 0 or 1, past two random digits. It is
easy once learnt, and nothing is learnt for the first dozen epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from objectives import Data, Part, Source
from objectives.shared import of_sequences
from objectives.stacked import Stacked
from objectives.training import parts
from search_spaces import lstm

if TYPE_CHECKING:
    import keras

ROWS = {"train": 202, "validation": 1_000, "test": 1_000}


def embedded() -> Data:
    """Return rows x 3 steps x 1 channel, and the first step's value."""
    import numpy as np

    rng = np.random.default_rng(0)

    def part(rows: int) -> Part:
        first = rng.integers(0, 2, (rows, 1))
        digits = rng.integers(0, 10, (rows, 2))
        x = np.concatenate([first, digits], axis=1).astype(np.float32)[..., None]
        return Part(x, first.ravel().astype(np.int32))

    train, validation, test = (part(rows) for rows in ROWS.values())
    return Data(train, validation, test, source=Source(), details={"classes": ["0", "1"]})


def net(config: lstm.Lstm, data: Data, outputs: int, activation: str) -> list[keras.Layer]:
    """Return LSTM layers that pass over masked steps, then one dense output layer."""
    import keras

    found = [keras.layers.InputLayer(data.train.x.shape[1:])]
    if data.details.get("masked"):
        found.append(keras.layers.Masking(mask_value=float(data.details["mask_value"])))
    for layer in range(config.layers):
        last = layer == config.layers - 1
        found.append(keras.layers.LSTM(config.units, return_sequences=not last))
        if config.dropout:
            found.append(keras.layers.Dropout(config.dropout))
    return [*found, keras.layers.Dense(outputs, activation=activation)]


def layers(config: lstm.Lstm, data: Data) -> list[keras.Layer]:
    """Return LSTM layers, then one softmax over the classes."""
    return net(config, data, len(data.details["classes"]), "softmax")


def scale(config: lstm.Lstm) -> float:
    """Return the factor of the output's initial weights."""
    return config.output_scale


build = Stacked(layers, parts.classifier, scale)
LSTM_RECALL = of_sequences("multiclass", lstm.SPACE, build, embedded)
