"""Changes that are sent again after a fault: every one is made, in order, and none twice."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from objectives import BadInput
from sweeps.study import outbox as outboxes
from sweeps.study.changes import Changing, Conflict, plain_trial, trial_of
from sweeps.study.guard import Guard
from sweeps.study.outbox import Outbox
from sweeps.study.posted import Posted
from sweeps.study.sole_driver import UNSENT, behind
from sweeps.study.write_through import WriteThrough

MINIMIZE = [StudyDirection.MINIMIZE]
X = optuna.distributions.FloatDistribution(0.1, 1.0, log=True)
BEFORE, AFTER = "nothing was done", "the answer was lost"


class Flaky(InMemoryStorage):
    """A server in memory: each write takes the next of its `faults`, before or after it."""

    shown = "postgresql://me:***@db/x"

    def __init__(self, faults: list[str | None]) -> None:
        super().__init__()
        self.guard = Guard(lambda: None)
        self.faults = faults
        self.away = False

    def _write(self, write: Callable[[], Any]) -> Any:
        fault = self.faults.pop(0) if self.faults else None
        if fault == BEFORE or self.away:
            raise optuna.exceptions.StorageInternalError(BEFORE)
        done = write()
        if fault == AFTER:
            raise optuna.exceptions.StorageInternalError(AFTER)
        return done

    def create_new_trial(self, *args: Any, **kwargs: Any) -> Any:
        return self._write(lambda: InMemoryStorage.create_new_trial(self, *args, **kwargs))

    def set_trial_user_attr(self, *args: Any) -> Any:
        return self._write(lambda: InMemoryStorage.set_trial_user_attr(self, *args))

    def set_study_user_attr(self, *args: Any) -> Any:
        return self._write(lambda: InMemoryStorage.set_study_user_attr(self, *args))

    def set_trial_intermediate_value(self, *args: Any) -> Any:
        return self._write(lambda: InMemoryStorage.set_trial_intermediate_value(self, *args))

    def set_trial_state_values(self, *args: Any, **kwargs: Any) -> Any:
        return self._write(lambda: InMemoryStorage.set_trial_state_values(self, *args, **kwargs))


class Free:
    """A lock that nobody else wants."""

    def ensure(self) -> None: ...
    def doubt(self) -> None: ...


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "pause", lambda tries: 0.0)


def opened(server: Any, folder: Path) -> tuple[Outbox, WriteThrough]:
    box = Outbox(server, "s", folder, Free())  # type: ignore[arg-type]
    box.send_left()
    return box, WriteThrough(Posted(box), "s", MINIMIZE)  # type: ignore[arg-type]


def worked(through: WriteThrough, trials: int = 3) -> optuna.Study:
    """Do what a search does; some trials stay open."""
    study = optuna.load_study(study_name="s", storage=through)
    study.set_user_attr("instance", study.user_attrs.get("instance", "a"))
    for n in range(trials):
        number = len(study.trials)
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.RUNNING, params={"x": 0.1 + n / 7}, distributions={"x": X}
            )
        )
        trial = optuna.trial.Trial(study, study.trials[number]._trial_id)
        trial.report(float("nan") if n else 0.5, 1)
        trial.set_user_attr("role", "trial")
        if n != 1:
            study.tell(trial, 0.25 * n)
    return study


def plain(storage: Any) -> list[Any]:
    study = optuna.load_study(study_name="s", storage=storage)
    trials = [(t.number, t.state, t.params, t.user_attrs, t.values) for t in study.get_trials()]
    reports = [str(t.intermediate_values) for t in study.get_trials()]
    return [study.user_attrs, trials, reports]


@given(st.lists(st.sampled_from([None, BEFORE, AFTER]), max_size=40))
def test_every_change_is_made_once_and_in_order_whatever_gets_lost(
    tmp_path_factory: pytest.TempPathFactory, faults: list[str | None]
) -> None:
    folder = tmp_path_factory.mktemp("study")
    server = Flaky([])
    box, through = opened(server, folder)
    server.faults = list(faults)
    worked(through)
    assert through.settle() == 0
    box.close()
    assert plain(server) == plain(through)
    assert not list(folder.iterdir())


@given(st.integers(0, 14), st.lists(st.sampled_from([None, AFTER]), max_size=10))
def test_what_a_server_lacks_when_a_process_is_killed_is_sent_by_the_next_one(
    tmp_path_factory: pytest.TempPathFactory, made: int, faults: list[str | None]
) -> None:
    folder = tmp_path_factory.mktemp("study")
    server = Flaky([])
    box, through = opened(server, folder)
    server.faults = [None] * made + [BEFORE] * 10_000
    worked(through)
    box.close()  # before all is sent, as at a kill: the journal is what is left
    if (lines := folder / UNSENT).exists():
        with lines.open("a") as file:
            file.write('{"do": "set_trial_us')  # half a line
    server.faults = list(faults)
    for _ in range(len(faults)):
        with contextlib.suppress(BadInput):  # while faults last, the command is repeated
            outboxes.Outbox(server, "s", folder, Free()).send_left()  # type: ignore[arg-type]
    again, whole = opened(server, folder)
    assert plain(server) == plain(whole) == plain(through)
    worked(whole)
    assert whole.settle() == 0
    again.close()
    assert plain(server) == plain(whole)
    assert not list(folder.iterdir())


def unsent(server: Flaky, folder: Path) -> None:
    """Leave a trial unsent."""
    box, through = opened(server, folder)
    worked(through, 1)
    assert through.settle() == 0
    server.away = True
    worked(through, 1)
    box.close()
    server.away = False


def test_changes_that_no_longer_fit_are_set_aside_and_never_sent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Flaky([])
    unsent(server, tmp_path)
    elsewhere = optuna.load_study(study_name="s", storage=server)
    elsewhere.tell(elsewhere.ask(), 7.0)  # the number that the trial has here
    before = plain(server)
    assert "the database lacks" in behind(tmp_path)[0]
    box, through = opened(server, tmp_path)
    assert plain(server) == plain(through) == before
    assert behind(tmp_path) == []
    assert "do not fit study 's'" in caplog.text
    assert "trial 1 is another one there" in caplog.text
    assert [file.name for file in tmp_path.iterdir()] == [f"{UNSENT}.old1"]
    box.close()


def test_changes_of_a_deleted_study_are_not_sent_to_its_namesake(tmp_path: Path) -> None:
    server = Flaky([])
    unsent(server, tmp_path)
    optuna.delete_study(study_name="s", storage=server)
    study = optuna.create_study(study_name="s", storage=server)
    study.set_user_attr("instance", "b")
    box, _ = opened(server, tmp_path)
    assert plain(server) == [{"instance": "b"}, [], []]
    box.close()


def test_a_study_that_another_driver_has_taken_over_stops_the_search(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Flaky([])
    box, through = opened(server, tmp_path)
    worked(through, 1)
    assert through.settle() == 0
    optuna.load_study(study_name="s", storage=server).ask()
    worked(through, 1)
    assert through.settle() > 0
    with pytest.raises(RuntimeError, match=r"trial 1 is another one there; changes are kept in "):
        worked(through, 1)
    assert through.settle() > 0  # said once
    box.close()
    assert len(plain(server)[1]) == 2
    assert (tmp_path / UNSENT).exists()


def test_a_fault_is_announced_once_and_so_is_its_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Flaky([])
    box, through = opened(server, tmp_path)
    server.faults = [BEFORE] * 5
    worked(through)
    assert through.settle() == 0
    said = [record.getMessage() for record in caplog.records if hasattr(record, "announced")]
    assert len(said) == 2
    assert said[0].startswith(f"the study's database cannot be written to ({BEFORE})")
    assert said[1] == "the study's database is back, and has everything"
    box.close()


def test_a_trial_is_the_same_after_it_was_written_down() -> None:
    made = optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params={"a": 3, "b": "x", "c": 0.1},
        distributions={
            "a": optuna.distributions.IntDistribution(1, 9),
            "b": optuna.distributions.CategoricalDistribution(["w", "x", None]),
            "c": optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
        },
        user_attrs={"params": {"a": 3}},
        system_attrs={"s": [1, None]},
        intermediate_values={1: 0.5, 10: float("inf")},
    )
    there = trial_of(json.loads(json.dumps(plain_trial(made))))
    for part in ("params", "distributions", "user_attrs", "system_attrs", "datetime_start"):
        assert getattr(there, part) == getattr(made, part)
    assert there.intermediate_values == made.intermediate_values


def test_an_end_that_differs_from_the_one_that_is_there_is_a_conflict() -> None:
    store = InMemoryStorage()
    study = store.create_new_study(MINIMIZE, "s")
    changing = Changing(store, study)
    trial = plain_trial(optuna.trial.create_trial(state=TrialState.RUNNING))
    changing.make({"do": "create_new_trial", "number": 0, "args": [trial]}, again=False)
    end = {"do": "set_trial_state_values", "number": 0, "args": [int(TrialState.COMPLETE), [1.0]]}
    changing.make(end, again=False)
    changing.make(end, again=True)
    with pytest.raises(Conflict, match="trial 0 has ended otherwise there"):
        changing.make({**end, "args": [int(TrialState.COMPLETE), [2.0]]}, again=True)
    with pytest.raises(Conflict, match="trial 0 has ended otherwise there"):
        changing.make({"do": "set_trial_user_attr", "number": 0, "args": ["a", 1]}, again=True)
