"""The LSTM space for the user's own sequences: wider nets, dropout, Keras's initial weights."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

from search_spaces import Dimension, Narrowed, Space, Trial, lstm

BASELINE = lstm.Lstm(units=32, layers=1)
OWN = {
    "units": Dimension("categorical", choices=(16, 32, 64, 128)),
    "layers": Dimension("int", low=1, high=2),
    "output_scale": Dimension("float", low=1.0, high=1.0, log=True),
    "dropout": Dimension("float", low=0.0, high=0.5),
    "optimizer": Dimension("categorical", choices=("adam",)),
    "learning_rate": Dimension("float", low=1e-4, high=3e-2, log=True),
}


def suggest(trial: Trial, batch: int = BASELINE.batch_size) -> lstm.Lstm:
    """Sample a net. batch: the one batch size."""
    fixed = {"batch_size": Dimension("categorical", choices=(batch,))}
    return lstm.suggest(Narrowed(trial, OWN | fixed))


def own(rows: int, channels: int, ask: Callable[..., lstm.Lstm] = suggest) -> Space[lstm.Lstm]:
    """Return the space of the user's own sequences, of so many in the training part."""
    from search_spaces.own_table import batch_size

    batch = batch_size(rows)
    first = dataclasses.replace(BASELINE, batch_size=batch)
    return Space(functools.partial(ask, batch=batch), first, lstm.params, lstm.label)


SPACE = Space(suggest, BASELINE, lstm.params, lstm.label, own=own)
