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
    tracker.delivery.deliver_all()
    return uri


def test_curves_begin_at_epoch_one_and_leave_final_values_out(told):
    frames = history.all_curves(told, "toy")
    assert sorted(frames) == [0, 1, 2], "the search's trials alone"
    frame = frames[0]
    assert frame.index.tolist() == [1, 2, 3, 4, 5]
    assert frame.index.name == "epoch"
    assert set(frame.columns) == {"loss", "val_loss", "learning_rate"}
    for number, epochs in ((0, 5), (1, 1), (2, 2)):
        told_values = [logs(number, e)["val_loss"] for e in range(1, epochs + 1)]
        assert frames[number]["val_loss"].tolist() == told_values


def test_all_curves_are_the_single_ones(told):
    for number, frame in history.all_curves(told, "toy").items():
        assert frame.equals(history.curves(told, "toy", number))


def test_a_metric_that_was_not_finite_leaves_a_gap(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tracker.start_trial(trial(0))
    for epoch, loss in enumerate([1.0, math.nan, 3.0], start=1):
        tracker.epoch(0, epoch, {"loss": loss, "learning_rate": 0.1})
    tracker.end_trial(0, "failed", finals(0, 0))
    tracker.delivery.deliver_all()
    frame = history.all_curves(uri, "toy")[0]
    assert frame.index.tolist() == [1, 2, 3]
    assert frame["loss"].isna().tolist() == [False, True, False]


def test_a_trial_without_an_epoch_has_empty_curves(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0, epochs=0, outcome="failed")
    tracker.delivery.deliver_all()
    assert history.all_curves(uri, "toy")[0].empty


def test_of_two_studies_with_one_name_the_newest_is_read(told, tmp_path):
    tracker = by_hand(told, tmp_path / "other")
    tracker.start_study(study(experiment="others", instance="b"))
    tell(tracker, 0, epochs=1)
    tracker.delivery.deliver_all()
    assert [len(frame) for frame in history.all_curves(told, "toy").values()] == [1]


def test_what_is_not_there_is_named_with_what_is(told):
    with pytest.raises(history.NoSuchRun, match=r"no study 'to'; it has: toy"):
        history.all_curves(told, "to")
    with pytest.raises(history.NoSuchRun, match="no trial 9"):
        history.curves(told, "toy", 9)
