"""What is read back is what was told."""

import math

import pytest

from sweeps.tracking import history
from tests.tracking.told import by_hand, finals, logs, study, tell, trial


@pytest.fixture
def told(uri, folder) -> str:
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0, epochs=5)
    tell(tracker, 2, epochs=2, outcome="pruned")
    tracker.start_trial(trial(1))
    tracker.epoch(1, 1, logs(1, 1))
    tracker.start_trial(trial(3, "confirm"))
    tracker.epoch(3, 1, logs(3, 1))
    tracker.end_trial(3, "complete", finals(3, 1))
    tracker.delivery.round()
    return uri


def test_trials_are_rows_by_number(told):
    frame = history.trials(told, "toy")
    assert frame["number"].tolist() == [0, 1, 2]
    assert frame["role"].tolist() == ["baseline", "trial", "trial"]
    assert frame["outcome"].tolist() == ["complete", "", "pruned"]
    assert frame["params.params_width"].tolist() == ["8", "16", "24"]
    assert frame["metrics.trial_best_val_loss"].tolist()[0] == finals(0, 5)["trial_best_val_loss"]
    assert math.isnan(frame["metrics.epochs"].tolist()[1])
    assert "params.outcome" not in frame
    assert history.trials(told, "toy", "confirm")["number"].tolist() == [3]
    assert history.trials(told, "toy", "probe").empty


def test_curves_begin_at_epoch_one_and_leave_final_values_out(told):
    frame = history.curves(told, "toy", 0)
    assert frame.index.tolist() == [1, 2, 3, 4, 5]
    assert frame.index.name == "epoch"
    assert set(frame.columns) == {"loss", "val_loss", "learning_rate"}
    assert frame["val_loss"].tolist() == [logs(0, e)["val_loss"] for e in range(1, 6)]
    assert history.curves(told, "toy", 3, "confirm")["loss"].tolist() == [logs(3, 1)["loss"]]


def test_all_curves_are_the_single_ones(told):
    frames = history.all_curves(told, "toy")
    assert sorted(frames) == [0, 1, 2]
    for number, frame in frames.items():
        assert frame.equals(history.curves(told, "toy", number))


def test_a_metric_that_was_not_finite_leaves_a_gap(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tracker.start_trial(trial(0))
    for epoch, loss in enumerate([1.0, math.nan, 3.0], start=1):
        tracker.epoch(0, epoch, {"loss": loss, "learning_rate": 0.1})
    tracker.end_trial(0, "failed", finals(0, 0))
    tracker.delivery.round()
    frame = history.curves(uri, "toy", 0)
    assert frame.index.tolist() == [1, 2, 3]
    assert frame["loss"].isna().tolist() == [False, True, False]


def test_a_trial_without_an_epoch_has_empty_curves(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0, epochs=0, outcome="failed")
    tracker.delivery.round()
    assert history.curves(uri, "toy", 0).empty


def test_studies_are_listed_the_newest_first(told, tmp_path):
    tracker = by_hand(told, tmp_path / "other")
    tracker.start_study(study("other", experiment="others"))
    tracker.end_study({"best_val_loss": 1.0})
    tracker.delivery.round()
    found = history.studies(told)
    assert [(s.name, s.experiment, s.status) for s in found] == [
        ("other", "others", "FINISHED"),
        ("toy", "toys", "RUNNING"),
    ]
    assert found[0].metrics == {"best_val_loss": 1.0}
    assert found[1].params["seed"] == "0"


def test_what_is_not_there_is_named_with_what_is(told):
    with pytest.raises(history.NoSuchRun, match=r"no study 'to'; it has: toy"):
        history.curves(told, "to", 0)
    with pytest.raises(history.NoSuchRun, match="no trial 9"):
        history.curves(told, "toy", 9)
    with pytest.raises(ValueError, match="kind"):
        history.trials(told, "toy", "x' or 1=1")
