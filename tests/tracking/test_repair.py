"""MLflow is made to agree with the study's store, and only what is wrong is touched."""

import threading
from pathlib import Path

from sweeps.tracking import EndedTrial
from sweeps.tracking.client import connect
from sweeps.tracking.mlflow_tracker import MlflowTracker
from sweeps.tracking.repair import Repair
from tests.tracking.told import Found, by_hand, expected, finals, logs, study, tell, trial


def ended(number: int, outcome: str = "complete", epochs: int = 3) -> EndedTrial:
    return EndedTrial(trial(number), outcome, epochs, finals(number, epochs))


def mend(tracker: MlflowTracker, *trials: EndedTrial) -> list[str]:
    tracker.delivery.deliver_all()
    repair = Repair(tracker.delivery, trials)
    repair.run()
    return repair.messages


def told(uri: str, folder: Path, *outcomes: str) -> MlflowTracker:
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    for number, outcome in enumerate(outcomes):
        tell(tracker, number, outcome=outcome)
    tracker.delivery.deliver_all()
    return tracker


def test_what_agrees_is_left_alone(uri, folder):
    tracker = told(uri, folder, "complete", "pruned", "diverged", "failed")
    before = {n: run.info for n, run in Found(connect(uri)).children.items()}
    trials = map(ended, range(4), ("complete", "pruned", "diverged", "failed"))
    assert mend(tracker, *trials) == []
    after = {n: run.info for n, run in Found(connect(uri)).children.items()}
    assert {n: (i.run_id, i.end_time) for n, i in before.items()} == {
        n: (i.run_id, i.end_time) for n, i in after.items()
    }


def test_a_trial_whose_end_was_never_told_is_ended(uri, folder):
    tracker = told(uri, folder, "complete")
    tracker.start_trial(trial(1))
    for epoch in (1, 2, 3):
        tracker.epoch(1, epoch, logs(1, epoch))
    tracker = by_hand(uri, folder)  # killed between the store's word and the tracker's
    tracker.start_study(study())
    assert mend(tracker, ended(0), ended(1, "pruned")) == [
        "trial 1: was unfinished in MLflow, now pruned"
    ]
    found = Found(connect(uri))
    assert found.points(1) == expected(1, 3)
    assert found.children[1].info.status == "KILLED"
    assert mend(tracker, ended(0), ended(1, "pruned")) == []


def test_a_trial_that_nothing_is_known_of_gets_its_run(uri, folder):
    tracker = told(uri, folder, "complete")
    assert mend(tracker, ended(0), ended(5, "failed", epochs=0), ended(6, epochs=4)) == [
        "trial 5: had no run in MLflow, now created",
        "trial 6: had no run in MLflow, now created; 4 of its 4 epochs are lost",
    ]
    found = Found(connect(uri))
    assert found.children[5].data.params["outcome"] == "failed"
    assert found.children[6].data.metrics == finals(6, 4)


def test_a_wrong_outcome_gets_a_new_run_with_the_same_points(uri, folder):
    tracker = told(uri, folder, "complete")
    assert mend(tracker, ended(0, "failed")) == ["trial 0: was complete in MLflow, now failed"]
    found = Found(connect(uri))
    assert found.children[0].data.params["outcome"] == "failed"
    assert found.children[0].info.status == "FAILED"
    assert {(k, s) for k, s, _ in found.points(0)} == {(k, s) for k, s, _ in expected(0, 3)}
    assert found.twins == {0: 1}
    assert mend(tracker, ended(0, "failed")) == []


def test_of_two_runs_of_a_trial_one_stays(uri, folder):
    tracker = told(uri, folder, "complete")
    client = connect(uri)
    run = client.get_run(tracker.run_id(0))
    client.create_run(run.info.experiment_id, run.info.start_time + 5, dict(run.data.tags))
    assert mend(tracker, ended(0)) == ["trial 0: had 2 runs in MLflow, now one"]
    found = Found(client)
    assert found.twins == {0: 1}
    assert found.points(0) == expected(0, 3)


def test_a_run_that_a_user_deleted_stays_deleted(uri, folder):
    tracker = told(uri, folder, "complete", "pruned")
    connect(uri).delete_run(tracker.run_id(1))
    assert mend(tracker, ended(0), ended(1, "pruned")) == []
    assert set(Found(connect(uri)).children) == {0}


def test_a_store_from_an_old_backup_gets_what_it_lacks(uri, folder, tmp_path):
    tracker = told(uri, folder, "complete")
    tracker.start_trial(trial(1))
    tracker.epoch(1, 1, logs(1, 1))
    tracker.delivery.deliver_all()
    file = tmp_path / "mlflow.db"
    backup = file.read_bytes()
    for epoch in (2, 3):
        tracker.epoch(1, epoch, logs(1, epoch))
    tracker.end_trial(1, "complete", finals(1, 3))
    tell(tracker, 2)
    tracker.delivery.deliver_all()
    file.write_bytes(backup)
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    assert mend(tracker, *map(ended, range(3))) == [
        "trial 1: was unfinished in MLflow, now complete",
        "trial 2: had no run in MLflow, now created",
    ]
    found = Found(connect(uri))
    assert [found.points(n) for n in range(3)] == [expected(n, 3) for n in range(3)]


def test_a_new_store_in_the_old_ones_place_gets_everything(uri, folder, tmp_path, empty_store):
    tracker = told(uri, folder, "complete", "pruned")
    tracker.close()
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    said: list[str] = []
    tracker.repair([ended(0), ended(1, "pruned")], said.append)
    tracker.close()
    assert said == []  # delivering it was enough
    found = Found(connect(uri))
    assert [found.points(n) for n in range(2)] == [expected(n, 3) for n in range(2)]


def test_what_was_left_last_time_is_mentioned(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0)
    left = tracker.close(0)
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    said: list[str] = []
    tracker.repair([ended(0)], said.append)
    tracker.close()
    assert said == [f"{left} items left from last time were sent to MLflow"]


def test_what_is_left_is_sent_without_a_study_that_is_started(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0)
    assert tracker.close(0) > 0
    tracker = MlflowTracker(uri, folder)
    tracker.resume()
    assert tracker.close() == 0
    assert Found(connect(uri)).points(0) == expected(0, 3)


def test_repair_runs_beside_the_training(uri, folder, monkeypatch):
    told(uri, folder, "complete").close()
    tracker = MlflowTracker(uri, folder)
    answers, real = threading.Event(), tracker.delivery.deliver_all
    monkeypatch.setattr(tracker.delivery, "deliver_all", lambda: (answers.wait(60), real()))
    tracker.start_study(study())
    said: list[str] = []
    tracker.repair([ended(0), ended(1, "pruned")], said.append)
    tell(tracker, 2)  # which no answer holds up
    assert not answers.is_set()
    assert said == []
    answers.set()
    assert tracker.close() == 0
    assert said == ["trial 1: had no run in MLflow, now created; 3 of its 3 epochs are lost"]
    assert Found(connect(uri)).points(2) == expected(2, 3)


def test_repair_does_not_wait_for_a_store_that_is_away(folder, tmp_path, caplog):
    (tmp_path / "mlflow.db").write_text("this is no database, " * 100)
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/mlflow.db", folder)
    tracker.start_study(study())
    said: list[str] = []
    tracker.repair([ended(0)], said.append)
    assert tracker.close(2) >= 1
    assert said == []
    assert "training continues" in caplog.text
