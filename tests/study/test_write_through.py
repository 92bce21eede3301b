"""A store that cannot be written for a while: the study goes on and lacks nothing at the end."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection

from sweeps.study.connecting import connect
from sweeps.study.write_through import WriteThrough

MINIMIZE = [StudyDirection.MINIMIZE]


class Moody(InMemoryStorage):
    """A disk that refuses writes while it is `full`."""

    full = False

    def _refuse(self) -> None:
        if self.full:
            raise OSError(28, "No space left on device")

    def create_new_trial(self, *args: Any, **kwargs: Any) -> int:
        self._refuse()
        return super().create_new_trial(*args, **kwargs)

    def set_trial_intermediate_value(self, *args: Any) -> None:
        self._refuse()
        super().set_trial_intermediate_value(*args)

    def set_trial_user_attr(self, *args: Any) -> None:
        self._refuse()
        super().set_trial_user_attr(*args)

    def set_trial_state_values(self, *args: Any) -> bool:
        self._refuse()
        return super().set_trial_state_values(*args)


def plain(study: optuna.Study) -> list[Any]:
    return [
        (t.number, t.state, t.params, t.intermediate_values, t.user_attrs, t.values)
        for t in study.get_trials()
    ]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 90)), max_size=25))
def test_a_disk_that_is_full_now_and_then_gets_everything_in_order(
    moods: list[tuple[bool, int]],
) -> None:
    now = 0.0
    disk = Moody()
    through = WriteThrough(disk, "s", MINIMIZE, clock=lambda: now)
    study = optuna.load_study(study_name="s", storage=through)
    open_trials: list[optuna.trial.Trial] = []
    for step, (full, passing) in enumerate(moods):
        disk.full = full
        now += passing
        if len(open_trials) < 2:
            open_trials.append(study.ask())
        open_trials[0].report(float(step), step)
        open_trials[-1].set_user_attr("step", step)
        if step % 3 == 2:
            study.tell(open_trials.pop(0), float(step))
    disk.full = False
    assert through.flush() == 0
    assert plain(study) == plain(optuna.load_study(study_name="s", storage=disk))


def impatient(connection: Any, _: Any) -> None:
    """Have SQLite wait for a lock for a tenth of a second."""
    connection.execute("PRAGMA busy_timeout=100")


def test_a_locked_file_is_written_when_it_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = connect(f"sqlite:///{tmp_path / 'optuna.db'}")
    sqlalchemy.event.listen(disk.engine, "connect", impatient)
    through = WriteThrough(disk, "s", MINIMIZE)
    study = optuna.load_study(study_name="s", storage=through)
    with contextlib.closing(sqlite3.connect(tmp_path / "optuna.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        trial = study.ask()
        study.tell(trial, 1.0)
        assert through.flush() > 0
        other.rollback()
    assert "locked" in caplog.text
    assert through.flush() == 0
    assert plain(study) == plain(optuna.load_study(study_name="s", storage=disk))
    disk.engine.dispose()


def test_changes_of_running_trials_come_together(tmp_path: Path) -> None:
    now = 0.0
    disk = connect(f"sqlite:///{tmp_path / 'optuna.db'}")
    through = WriteThrough(disk, "s", MINIMIZE, clock=lambda: now)
    study = optuna.load_study(study_name="s", storage=through)
    there = optuna.load_study(study_name="s", storage=disk)
    commits: list[float] = []
    sqlalchemy.event.listen(disk.engine, "commit", lambda _: commits.append(now))
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING))
    trial = optuna.trial.Trial(study, study.get_trials(deepcopy=False)[0]._trial_id)
    assert len(commits) == 1
    for step in range(1, 31):
        now += 0.1
        trial.report(1.0 / step, step)
        trial.set_user_attr("step", step)
    assert 2 <= len(commits) <= 5  # one a second
    assert len(there.trials[0].intermediate_values) >= 20  # and none is much older
    study.tell(trial, 0.5)
    assert plain(study) == plain(there)
    del commits[:]
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING))
    trial = optuna.trial.Trial(study, study.get_trials(deepcopy=False)[1]._trial_id)
    trial.set_user_attr("result", {"value": 1.0})
    trial.report(float("nan"), 3)
    study.tell(1, state=optuna.trial.TrialState.PRUNED)
    assert len(commits) == 2  # of its beginning and of its end
    assert repr(plain(study)) == repr(plain(there))
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        trial.set_user_attr("late", 1)
    assert through.flush() == 0
    disk.engine.dispose()
