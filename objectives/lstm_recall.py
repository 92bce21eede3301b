"""Stacked LSTM layers that classify a sequence.

The built-in task asks to recall the first of three steps, 0 or 1, past two random digits. It is
easy once learnt, and nothing is learnt for the first dozen epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from objectives import Data, Part, Source
from objectives.shared import of_sequences
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


def net(config: lstm.Lstm, data: Data, outputs: int, activation: str) -> keras.Sequential:
    """Return LSTM layers that pass over masked steps, then one dense output layer."""
    import keras

    masked = bool(data.details.get("masked"))
    model = keras.Sequential([keras.Input(data.train.x.shape[1:])])
    if masked:
        model.add(keras.layers.Masking(mask_value=float(data.details["mask_value"])))
    for layer in range(config.layers):
        last = layer == config.layers - 1
        model.add(keras.layers.LSTM(config.units, return_sequences=not last))
        if config.dropout:
            model.add(keras.layers.Dropout(config.dropout))
    output = keras.layers.Dense(outputs, activation=activation)
    model.add(output)
    # The scale enters as initial weights and not as an initializer, which a program would bake in.
    output.kernel.assign(config.output_scale * output.kernel)
    return model


def build(config: lstm.Lstm, data: Data, metrics: tuple[str, ...] = ()) -> keras.Model:
    """Return the compiled net: LSTM layers, then one softmax over the classes."""
    from objectives.training.parts import classifier

    model = net(config, data, len(data.details["classes"]), "softmax")
    return classifier(model, config.optimizer, data, metrics)


LSTM_RECALL = of_sequences("multiclass", lstm.SPACE, build, embedded)
