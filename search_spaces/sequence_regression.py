"""The space of `sequence_binary`, with lower rates: squared errors have no bounded gradients."""

from __future__ import annotations

import functools

from search_spaces import Dimension, Narrowed, Space, Trial, lstm, sequence_binary

RATES = {"learning_rate": Dimension("float", low=1e-4, high=1e-2, log=True)}
BASELINE = sequence_binary.BASELINE


def suggest(trial: Trial, batch: int = BASELINE.batch_size) -> lstm.Lstm:
    """Sample a net. batch: the one batch size."""
    return sequence_binary.suggest(Narrowed(trial, RATES), batch)


SPACE = Space(
    suggest,
    BASELINE,
    lstm.params,
    lstm.label,
    own=functools.partial(sequence_binary.own, ask=suggest),
)
