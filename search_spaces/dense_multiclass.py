"""The dense space, with batches for tables of a few thousand rows."""

from __future__ import annotations

from search_spaces import Dimension, Narrowed, Space, Trial, dense

BASELINE = dense.Dense(batch_size=32)


def suggest(trial: Trial) -> dense.Dense:
    """Sample a net."""
    small = {"batch_size": Dimension("categorical", choices=(32,))}
    return dense.suggest(Narrowed(trial, small))


def own(rows: int, columns: int) -> Space[dense.Dense]:
    """Return the space of a table of the user's own, of so many training rows and columns."""
    from search_spaces import own_table

    return own_table.space("multiclass", rows, columns)


SPACE = Space(suggest, BASELINE, dense.params, dense.label, own=own, added=dense.ADDED)
