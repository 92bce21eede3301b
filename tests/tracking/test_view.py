"""The prepared page: its state is whole and small, its address leads to it."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.tracking import view
from sweeps.tracking.client import all_runs, connect
from tests.tracking.told import by_hand, finals, study, tell, trial

PARENT = "0123456789abcdef" * 2


def state(**changes) -> dict:
    told = {
        "name": "toy",
        "monitor": "val_loss",
        "lowest": True,
        "columns": ["learning_rate", "width", "plateau_factor"],
        "axes": ["learning_rate", "width"],
    }
    return json.loads(view.tag(PARENT, told | changes)[1])


def test_the_best_trial_comes_first():
    assert state()["orderByKey"] == "metrics.`trial_best_val_loss`"
    assert state()["orderByAsc"] is True
    assert state(monitor="val_auc", lowest=False)["orderByAsc"] is False


def test_losses_are_drawn_on_a_log_axis_and_scores_are_not():
    assert state()["compareRunCharts"][0]["scaleType"] == "log"
    assert state(lowest=False)["compareRunCharts"][0]["scaleType"] == "linear"


@pytest.mark.parametrize("columns", [[], ["width"], ["lr"], ["optimizer.learning_rate"]])
def test_a_scatter_needs_a_learning_rate(columns):
    forms = [chart["type"] for chart in state(columns=columns)["compareRunCharts"]]
    assert ("SCATTER" in forms) == (columns in (["lr"], ["optimizer.learning_rate"]))


def test_parallel_coordinates_have_only_what_every_trial_has():
    (chart,) = [chart for chart in state()["compareRunCharts"] if chart["type"] == "PARALLEL"]
    assert chart["selectedParams"] == ["params_learning_rate", "params_width"]
    assert "tags.`plateau_factor`" in state()["selectedColumns"]


@given(st.text(max_size=100), st.text(min_size=1, max_size=50), st.lists(st.text(), max_size=6))
def test_names_cannot_break_the_state(name, monitor, columns):
    key, value = view.tag(
        PARENT,
        {"name": name, "monitor": monitor, "lowest": True, "columns": columns, "axes": columns},
    )
    assert len(value) <= 20_000
    assert key == f"mlflow.sharedViewState.{PARENT[:12]}"
    found = json.loads(value)
    assert found["searchFilter"] == (
        f"tags.`mlflow.parentRunId` = '{PARENT}' and tags.`sweeps.kind` = 'trial'"
    )
    assert len({chart["uuid"] for chart in found["compareRunCharts"]}) >= 3


@pytest.mark.parametrize(
    ("uri", "start"),
    [
        ("sqlite:////a/mlflow.db", "http://127.0.0.1:5000/#/experiments/7/runs?"),
        ("https://me:pw@host:8080/mlflow/", "https://host:8080/mlflow/#/experiments/7/runs?"),
        ("postgresql://me:pw@host/db", "http://127.0.0.1:5000/#/experiments/7/runs?"),
    ],
)
def test_the_address_names_the_page_and_no_password(uri, start):
    found = view.address(uri, "7", PARENT)
    assert found.startswith(start)
    assert "pw" not in found
    query = parse_qs(urlsplit(urlsplit(found).fragment).query)
    assert query["viewStateShareKey"] == [PARENT[:12]]
    assert query["workflowType"] == ["machine_learning"]


def test_the_stored_view_finds_the_trials_of_the_search(uri, folder):
    tracker = by_hand(uri, folder)
    assert tracker.address() is None
    tracker.start_study(study())
    tell(tracker, 0)
    tell(tracker, 1)
    tracker.start_trial(trial(1, "confirm"))
    tracker.end_trial(1, "complete", finals(1, 1))
    tracker.delivery.deliver_all()
    client, experiment = connect(uri), tracker.journal.state.experiment
    tags = client.get_experiment(experiment).tags
    (value,) = [v for k, v in tags.items() if k.startswith("mlflow.sharedViewState.")]
    found = all_runs(client, [experiment], json.loads(value)["searchFilter"])
    assert sorted(run.info.run_name for run in found) == ["000 baseline", "001 trial"]
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    columns = {
        column.removeprefix("tags.").strip("`")
        for column in json.loads(value)["selectedColumns"]
        if column.startswith("tags.")
    }
    assert columns == {"best val_loss", "width", "learning_rate", "plateau"}
    assert columns <= found[0].data.tags.keys()
    assert all(len(found[0].data.tags[name]) <= 10 for name in columns)  # MLflow cuts longer ones
    (scatter,) = [c for c in json.loads(value)["compareRunCharts"] if c["type"] == "SCATTER"]
    assert float(found[0].data.params[scatter["xaxis"]["key"]]) == -2.0
    shown = {chart["metricKey"] for chart in json.loads(value)["compareRunCharts"][:2]}
    assert shown <= found[0].data.metrics.keys()
