"""The dense space, for tables of a few hundred rows: small batches, more weight decay."""

from __future__ import annotations

from search_spaces import Dimension, Narrowed, Space, Trial, dense

BASELINE = dense.Dense(batch_size=32)


def suggest(trial: Trial) -> dense.Dense:
    """Sample a net. Decay is decoupled: in a step, weights shrink by rate times decay."""
    small = {
        "batch_size": Dimension("categorical", choices=(32,)),
        # Higher rates win on a small validation part by luck, and lose on the test part.
        "learning_rate": Dimension("float", low=1e-4, high=2e-2),
        "weight_decay": Dimension("float", low=0.0, high=1.0),
    }
    return dense.suggest(Narrowed(trial, small))


def own(rows: int, columns: int) -> Space[dense.Dense]:
    """Return the space of a table of the user's own, of so many training rows and columns."""
    from search_spaces import own_table

    return own_table.space("regression", rows, columns)


SPACE = Space(suggest, BASELINE, dense.params, dense.label, own=own, added=dense.ADDED)
