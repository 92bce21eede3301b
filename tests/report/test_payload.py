"""What the page's script is given to draw."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sweeps.report import payload
from tests.report.made import ended, study


def test_an_axis_holds_what_the_complete_trials_had() -> None:
    report = study(24)
    done = [trial for trial in report.trials if trial.outcome == "complete"]
    found = {axis["name"]: axis for axis in payload.axes(report)}
    assert next(iter(found)) == "learning_rate", "the most important one is first"
    assert list(found)[-1] == "patience", "what some trials had not is last"
    assert found["learning_rate"]["log"]
    assert found["width"]["choices"] == sorted(
        {str(trial.params["width"]) for trial in done}, key=int
    )
    gaps = [value is None for value in found["patience"]["values"]]
    assert gaps == [trial.params["plateau"] == "off" for trial in done]
    assert not any("activation" in name for name in found), "it never varied"


def test_long_curves_are_thinned_and_keep_their_best_epoch() -> None:
    values = 1.0 / np.arange(1.0, 1001.0)
    values[613] = -1.0
    frame = pd.DataFrame({"val_loss": values}, index=pd.Index(range(1, 1001)))
    made = payload.trial(study(1), ended(value=-1.0, best_epoch=614), frame, ["val_loss"])
    assert len(made["x"]) <= payload.MOST_POINTS + 2
    assert made["x"][0] == 1
    assert made["x"][-1] == 1000
    assert -1.0 in made["curves"]["val_loss"]


def test_what_is_not_finite_is_a_gap_not_a_fault() -> None:
    frame = pd.DataFrame({"val_loss": [0.5, np.nan, np.inf]}, index=pd.Index([1, 2, 3]))
    one = ended(outcome="diverged", value=float("nan"), params={"rate": float("inf")})
    made = payload.trial(study(1), one, frame, ["val_loss"])
    assert made["curves"]["val_loss"] == [0.5, None, None]
    assert made["value"] is None
    assert json.loads(payload.embedded({"v": [float("nan"), 1.0]})) == {"v": [None, 1.0]}


def test_of_many_trials_each_curve_has_fewer_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "ALL_POINTS", 20 * 30)
    few, many = (payload.payload(study(n))["trials"][0] for n in (4, 20))
    assert len(few["curves"]["val_loss"]) == 100
    assert payload.FEWEST_POINTS <= len(many["curves"]["val_loss"]) <= 30 + 2
