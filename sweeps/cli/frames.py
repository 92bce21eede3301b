"""Trials as a data frame, for Python and for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweeps.study.ended import STANDARD_ERROR
from sweeps.study.limits import costs_of
from sweeps.study.winner import confirmed_trials

if TYPE_CHECKING:
    import pandas as pd

    from sweeps.study.session import Session


PREFIX = "params_"
FIXED = [
    *("number", "role", "label", "outcome", "value"),
    *("confirmed", "confirmed_std", "confirmed_seeds", "best_epoch", "epochs", "seconds"),
]


def trials_frame(session: Session) -> pd.DataFrame:
    """Return a row an ended trial, by number: role, label, outcome, value, epochs, parameters.

    confirmed, confirmed_std: mean and standard deviation of the value on fresh seeds, missing
    where a trial was trained on none. confirmed_seeds: on how many. params, flops: what its model
    costs, where the study limits or monitors it. standard_error: of a value that is a mean over
    folds. Further monitors have a column each, with the
    value at the best epoch. A parameter's column is `params_NAME`, that of a note
    (`trial.set_user_attr`) `user_attrs_NAME`, as in Optuna's frame.
    """
    import pandas as pd

    store = session.store
    folded = bool(session.data.folds)
    fresh = {one.trial.number: one for one in confirmed_trials(session)}
    rows = [
        {
            "number": t.number,
            "role": t.role,
            "label": store.space.label(store.config(t.params)),
            "outcome": t.outcome,
            "value": t.value,
            "confirmed": fresh[t.number].mean if t.number in fresh else None,
            "confirmed_std": fresh[t.number].spread if t.number in fresh else None,
            "confirmed_seeds": len(fresh[t.number].values) if t.number in fresh else 0,
            "best_epoch": t.best_epoch,
            "epochs": t.epochs,
            "seconds": t.seconds,
            **({STANDARD_ERROR: t.metrics.get(STANDARD_ERROR)} if folded else {}),
            **costs_of(t),
            **t.beside,
            **{f"{PREFIX}{name}": value for name, value in t.params.items()},
            **{f"user_attrs_{name}": value for name, value in t.notes.items()},
        }
        for t in store.ended()
    ]
    return pd.DataFrame(rows, columns=None if rows else FIXED).set_index("number")
