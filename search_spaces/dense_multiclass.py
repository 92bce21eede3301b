"""The dense space, with batches for tables of a few thousand rows."""

from __future__ import annotations

from search_spaces import Dimension, Narrowed, Space, Trial, dense

BASELINE = dense.Dense(batch_size=32)


def suggest(trial: Trial) -> dense.Dense:
    """Sample a net."""
    small = {"batch_size": Dimension("categorical", choices=(32,))}
    return dense.suggest(Narrowed(trial, small))


SPACE = Space(suggest, BASELINE, dense.params, dense.label)
