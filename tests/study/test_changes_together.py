"""Changes that are sent many at a time: every one is made once, whatever gets lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from optuna.storages import RDBStorage

from sweeps.study import outbox as outboxes
from sweeps.study.guard import Guard
from sweeps.study.outbox import Outbox
from sweeps.study.posted import Posted
from sweeps.study.sole_driver import UNSENT
from sweeps.study.write_through import WriteThrough
from tests.study.test_changes import AFTER, BEFORE, MINIMIZE, Free, plain, worked


class Server(RDBStorage):
    """A database whose transactions of many changes take the next of its `faults`."""

    shown = "postgresql://me:***@db/x"

    def __init__(self, file: Path) -> None:
        super().__init__(f"sqlite:///{file}")
        self.guard = Guard(lambda: None)


def opened(server: Any, folder: Path, faults: list[str | None]) -> tuple[Outbox, WriteThrough]:
    box = Outbox(server, "s", folder, Free())  # type: ignore[arg-type]
    box.send_left()
    through = WriteThrough(Posted(box), "s", MINIMIZE)  # type: ignore[arg-type]
    rows = box._rows
    assert rows is not None
    make = rows.make

    def flaky(*args: Any) -> None:
        fault = faults.pop(0) if faults else None
        if fault == BEFORE:
            raise optuna.exceptions.StorageInternalError(BEFORE)
        make(*args)
        if fault == AFTER:
            raise optuna.exceptions.StorageInternalError(AFTER)

    rows.make = flaky  # type: ignore[method-assign]
    return box, through


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "pause", lambda tries: 0.0)
    monkeypatch.setattr(outboxes, "GATHER", 0.001)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.sampled_from([None, BEFORE, AFTER]), max_size=12), st.integers(1, 9))
def test_many_changes_are_made_once_and_in_order_whatever_gets_lost(
    tmp_path_factory: pytest.TempPathFactory, faults: list[str | None], most: int
) -> None:
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outboxes, "MOST", most)
        patch.setattr(outboxes, "LARGEST", 500)  # so that what was sent is cut off meanwhile
        server = Server(folder / "a.db")
        (folder / "kept").mkdir()
        box, through = opened(server, folder / "kept", faults)
        worked(through)
        worked(through)
        assert through.settle() == 0
        box.close()
        assert plain(server) == plain(through)
        assert not list((folder / "kept").iterdir())


def test_what_is_cut_off_the_journal_was_sent(tmp_path: Path) -> None:
    server = Server(tmp_path / "a.db")
    folder = tmp_path / "kept"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outboxes, "MOST", 3)
        patch.setattr(outboxes, "LARGEST", 1)
        box, through = opened(server, folder, [None, None, *[BEFORE] * 10_000])
        worked(through, 3)
        box.close()  # as at a kill: the journal is what is left
        assert (folder / UNSENT).exists()
    again, whole = opened(server, folder, [])
    assert plain(server) == plain(whole) == plain(through)
    again.close()
