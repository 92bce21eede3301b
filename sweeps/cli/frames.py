"""Trials as a data frame, for Python and for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from sweeps.study.session import Session


def trials_frame(session: Session) -> pd.DataFrame:
    """Return a row an ended trial, by number: role, label, outcome, value, epochs, parameters."""
    import pandas as pd

    store = session.store
    fixed = ["number", "role", "label", "outcome", "value", "best_epoch", "epochs", "seconds"]
    rows = [
        {
            "number": t.number,
            "role": t.role,
            "label": store.space.label(store.config(t.params)),
            "outcome": t.outcome,
            "value": t.value,
            "best_epoch": t.best_epoch,
            "epochs": t.epochs,
            "seconds": t.seconds,
            **t.params,
        }
        for t in store.ended()
    ]
    return (pd.DataFrame(rows) if rows else pd.DataFrame(columns=fixed)).set_index("number")
