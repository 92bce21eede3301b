"""What MLflow holds of a study that was told once, in parts, or twice."""

import threading
from pathlib import Path

import pytest

from sweeps.tracking import runs
from sweeps.tracking.client import connect
from sweeps.tracking.mlflow_tracker import MlflowTracker
from tests.tracking.told import Found, by_hand, expected, finals, logs, study, tell, trial

OUTCOMES = {"complete": "FINISHED", "pruned": "KILLED", "diverged": "FAILED", "failed": "FAILED"}


def test_a_study_from_start_to_end(uri: str, folder: Path, tmp_path: Path):
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study(tags={"team": "a"}))
    for number, outcome in enumerate(OUTCOMES):
        tell(tracker, number, epochs=3 - number % 2, outcome=outcome)
    tracker.mark_best(0)
    report = tmp_path / "report.html"
    report.write_text("<p>")
    tracker.end_study(
        {"best_val_loss": 0.5, "test_auc": float("nan")},
        summary="best: <b>#0</b>",
        files={"reports/all.html": report},
    )
    assert tracker.close() == 0

    found = Found(connect(uri))
    parent = found.parent
    assert (parent.info.run_name, parent.info.status) == ("toy", "FINISHED")
    assert parent.data.params["data.source"] == "embedded"
    assert parent.data.params["space.width"] == "8..64"
    assert parent.data.metrics == {"best_val_loss": 0.5}
    assert parent.data.tags["mlflow.note.content"] == "best: &lt;b>#0&lt;/b>"
    assert parent.data.tags["team"] == "a"
    assert parent.inputs.dataset_inputs[0].dataset.name == "embedded"
    (artifact,) = found.client.list_artifacts(parent.info.run_id, "reports")
    assert artifact.path == "reports/all.html"
    assert found.experiment.artifact_location == (tmp_path / "mlruns" / "sweep-toys").as_uri()
    for number, (outcome, status) in enumerate(OUTCOMES.items()):
        run = found.children[number]
        assert run.info.status == status
        assert run.data.params["outcome"] == outcome
        assert run.data.params["seed"] == str(7 + number)
        assert (
            run.data.params.items()
            >= {f"params_{k}": str(v) for k, v in trial(number).params.items()}.items()
        )
        assert found.points(number) == expected(number, 3 - number % 2)
        assert tracker.run_id(number) == run.info.run_id


def test_colours_say_what_became_of_a_trial(uri: str, folder: Path):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    for number, outcome in enumerate(["complete", "complete", *OUTCOMES]):
        tell(tracker, number, outcome=outcome)
    tracker.start_trial(trial(6))
    wanted = [
        runs.BASELINE, runs.USUAL, runs.USUAL, runs.STOPPED, runs.BROKEN, runs.BROKEN, runs.USUAL,
    ]  # fmt: skip
    for best in (None, 1, 2, 0):
        if best is not None:
            tracker.mark_best(best)
        tracker.delivery.deliver_all()
        found = Found(connect(uri))
        shown = [found.children[n].data.tags["mlflow.runColor"] for n in range(7)]
        assert shown == [runs.BEST if n == best else c for n, c in enumerate(wanted)]
    for also in ([0, 1], []):  # trials that none beats, where there are several monitors
        tracker.mark_best(2, also)
        tracker.delivery.deliver_all()
        found = Found(connect(uri))
        shown = [found.children[n].data.tags["mlflow.runColor"] for n in range(7)]
        assert shown == [runs.BEST if n in (2, *also) else c for n, c in enumerate(wanted)]


def test_a_curve_is_live_while_its_trial_runs(uri: str, folder: Path):
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    tracker.start_trial(trial(0))
    tracker.epoch(0, 1, logs(0, 1))
    seen = threading.Event()
    deliver = tracker.delivery.deliver_all

    def delivered() -> None:
        deliver()
        if not tracker.journal.pending():
            seen.set()

    tracker.delivery.deliver_all = delivered
    assert seen.wait(30)
    found = Found(connect(uri))
    assert found.epochs(0) == [1]
    assert found.children[0].info.status == "RUNNING"
    assert tracker.address() is not None
    assert tracker.close() == 0


def test_an_interrupted_trial_goes_on_without_a_second_point(uri: str, folder: Path):
    for last in (2, 4):  # its trainer begins at the first epoch again
        tracker = MlflowTracker(uri, folder)
        tracker.start_study(study())
        tracker.start_trial(trial(0))
        for epoch in range(1, last + 1):
            tracker.epoch(0, epoch, logs(0, epoch))
        tracker.interrupt_trial(0)
        assert tracker.close() == 0
        found = Found(connect(uri))
        assert found.children[0].info.status == "RUNNING"
        assert "outcome" not in found.children[0].data.params
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0, epochs=5)
    assert tracker.close() == 0
    found = Found(connect(uri))
    assert found.points(0) == expected(0, 5)
    assert found.twins == {0: 1}
    assert len(found.parents) == 1


def test_nothing_is_added_to_an_ended_trial(uri: str, folder: Path):
    for _ in range(2):
        tracker = MlflowTracker(uri, folder)
        tracker.start_study(study())
        tell(tracker, 0, epochs=3)
        tracker.close()
    assert Found(connect(uri)).points(0) == expected(0, 3)


@pytest.mark.parametrize("lost", ["state.json", "everything"])
def test_what_is_lost_locally_is_found_again_in_mlflow(uri, folder, tmp_path, lost):
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0)
    tracker.start_trial(trial(1))
    for epoch in (1, 2):
        tracker.epoch(1, epoch, logs(1, epoch))
    tracker.close()
    if lost == "everything":
        folder.rename(tmp_path / "gone")
    else:
        (folder / "tracking" / lost).unlink()
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    tell(tracker, 1, epochs=4)
    tracker.close()
    found = Found(connect(uri))
    assert [found.points(n) for n in (0, 1)] == [expected(0, 3), expected(1, 4)]
    assert found.twins == {0: 1, 1: 1}


def test_another_store_gets_all_and_the_first_one_nothing_twice(
    uri, folder, tmp_path, empty_store
):
    other = tmp_path / "other.db"
    other.write_bytes(empty_store.read_bytes())
    for address in (uri, f"sqlite:///{other}", uri):
        tracker = MlflowTracker(address, folder)
        tracker.start_study(study())
        tell(tracker, 0)
        assert tracker.close() == 0
        assert Found(connect(address)).points(0) == expected(0, 3)
    assert len(Found(connect(uri)).parents) == 1


def test_a_study_of_the_same_name_reopens_no_run_of_a_deleted_one(uri, folder, caplog):
    for instance in ("first", "second", "second"):
        tracker = MlflowTracker(uri, folder)
        tracker.start_study(study(instance=instance))
        tell(tracker, 0, epochs=2)
        tracker.close()
    found = Found(connect(uri))
    assert len(found.parents) == 2
    assert found.twins == {0: 2}
    assert (folder / "tracking.old1" / "trial-00000.jsonl").exists()
    assert caplog.text.count("is new: an older one") == 1


def test_a_number_that_is_given_away_again_means_the_new_trial(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tell(tracker, 1, epochs=4, outcome="pruned")
    tracker.delivery.deliver_all()
    tracker = by_hand(uri, folder)  # the study's store lost its last trial in a power cut
    tracker.start_study(study())
    tracker.start_trial(trial(1, width=999))
    tracker.epoch(1, 1, logs(1, 1))
    tracker.end_trial(1, "complete", finals(1, 1))
    tracker.delivery.deliver_all()
    found = Found(connect(uri))
    assert found.children[1].data.params["params_width"] == "999"
    assert found.points(1) == expected(1, 1)
    assert found.twins == {1: 1}


def test_confirm_and_probe_runs_are_numbered_apart(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    for role in ("trial", "confirm", "probe"):
        tracker.start_trial(trial(1, role))
        tracker.end_trial(1, "complete", {})
    tracker.delivery.deliver_all()
    found = Found(connect(uri))
    assert found.twins == {1: 3}
    assert tracker.run_id(1) == tracker.journal.state.sent["trial-00001"].run


def test_a_parameter_that_changed_is_kept_beside_the_first(uri, folder):
    for version in ("1", "2"):
        tracker = by_hand(uri, folder)
        tracker.start_study(study(params={"seed": 0, "version.keras": version}))
        tracker.delivery.deliver_all()
    parent = Found(connect(uri)).parent
    assert parent.data.params["version.keras"] == "1"
    assert parent.data.tags["sweeps.now.version.keras"] == "2"
    assert "sweeps.now.seed" not in parent.data.tags
