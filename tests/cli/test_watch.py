"""The page that follows a sweep: on this machine alone, read only, and over with the sweep."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeps.cli import watch as watching
from sweeps.cli.serving import Page, served
from sweeps.cli.watch import running
from sweeps.study.sole_driver import lock
from tests.cli.test_command_line import folder, go
from tests.scripted import SWEEP
from tests.study.test_loop import session

assert folder  # a fixture


def ask(port: int, path: str, host: str | None = None) -> tuple[int, str]:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    asked.request("GET", path, headers={} if host is None else {"Host": host})
    answer = asked.getresponse()
    body = answer.read().decode()
    asked.close()
    return answer.status, body


def test_a_page_is_served_to_this_machine_alone() -> None:
    page = Page("v1", b"<p>hello</p>", "Live")
    with served(page, None) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        assert address == f"http://127.0.0.1:{port}/"
        assert ask(port, "/") == (200, "<p>hello</p>")
        assert json.loads(ask(port, "/state")[1]) == {"version": "v1", "says": "Live"}
        assert ask(port, "/optuna.db")[0] == 404
        assert ask(port, "/", host=f"evil.example:{port}")[0] == 403
        with served(page, None) as other:
            assert other != address
    assert page.watched(60)
    with pytest.raises(OSError, match="refused"):
        ask(port, "/")


def test_whether_a_driver_runs_is_read_without_its_lock(tmp_path: Path) -> None:
    there = tmp_path / "study"
    assert running(there / "lock") is False
    with lock(there, "study"):
        (there / "kept").touch()
        assert running(there / "lock") is True
    assert running(there / "lock") is False


def test_it_ends_with_the_sweep_and_its_last_page_has_every_trial(
    folder: Path, capsys: Any, monkeypatch: Any
) -> None:
    go("--trials", "3", "--confirm", "0")
    for name in ("LOOK", "SOONEST", "LAST"):
        monkeypatch.setattr(watching, name, 0.01)
    pages: list[str] = []
    states: Iterator[bool] = iter([True, True])  # as told at first, and at the first look
    kept = watching._make

    def make(page: Page, *args: Any, **more: Any) -> Path:
        found = kept(page, *args, **more)
        pages.append(page.body.decode())
        return found

    def runs(_: Path) -> bool:
        if next(states, False):
            return True
        if len(pages) == 1:
            with session(folder, trials=5) as opened:  # the driver beside it goes on
                thread = threading.Thread(target=opened.loop(Quiet()).run)
                thread.start()
                thread.join()
        return False

    monkeypatch.setattr(watching, "_make", make)
    monkeypatch.setattr(watching, "running", runs)
    capsys.readouterr()
    assert go("watch") == 0
    said = capsys.readouterr().out
    assert "http://127.0.0.1:" in said
    assert "the sweep has ended" in said
    assert "Live: 3 of 3 trials" in pages[0]
    assert "The sweep has ended: 5 of 5 trials" in pages[-1]
    assert "connect-src 'self'" in pages[-1]


class Quiet:
    def started(self, spec: Any, label: str) -> None: ...
    def epoch(self, spec: Any, epoch: int, logs: Any) -> None: ...
    def ended(self, result: Any) -> None: ...


def test_ctrl_c_ends_it_and_no_study_is_made(folder: Path, capsys: Any, monkeypatch: Any) -> None:
    assert go("watch") == 2
    assert "run a sweep first" in capsys.readouterr().err
    assert not (folder / "optuna.db").exists()
    go("--trials", "2", "--confirm", "0")

    sleep = watching.time.sleep

    def interrupted(seconds: float) -> None:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr(watching.time, "sleep", interrupted)
    assert go("watch") == 130
    said = capsys.readouterr().out
    assert "no sweep is training it now" in said
    assert "stopped watching" in said
    assert SWEEP.name in said
