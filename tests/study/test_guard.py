"""Waits for a database that does not answer are told, and ended."""

from __future__ import annotations

import socket
import threading
import weakref
from typing import Any

import pytest

from sweeps.study import guard as guards
from sweeps.study.guard import Guard, Interrupted


@pytest.fixture
def pair() -> Any:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def test_a_wait_without_an_answer_is_told_once_and_ends(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = pair
    told: list[bool] = []
    guard = Guard(lambda: told.append(True))
    monkeypatch.setattr(guards, "SLOW", 0.0)
    monkeypatch.setattr(guards, "LIMIT", 0.1)
    with guard.operation():
        connection = guard.connected(lambda: here)
        assert connection.recv(1) == b""  # for ever, if its socket were not closed
    assert told == [True]


def test_a_connection_that_is_answered_is_left_alone(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    guard = Guard(pytest.fail)
    guard.connected(lambda: here)
    monkeypatch.setattr(guards, "SLOW", 0.0)
    monkeypatch.setattr(guards, "LIMIT", 0.0)
    for _ in range(3):
        guard.look()  # nothing is waited for
    there.sendall(b"x")
    assert here.recv(1) == b"x"


def test_nothing_is_sent_after_the_first_fault_of_a_change() -> None:
    guard = Guard(lambda: None)

    def refused() -> Any:
        raise ConnectionRefusedError

    with guard.operation(once=True):
        with pytest.raises(ConnectionRefusedError):
            guard.connected(refused)
        with pytest.raises(Interrupted):
            guard.connected(object)
    with guard.operation(once=True):
        guard.connected(object)  # the next attempt is one of its own


def test_a_guard_and_its_connections_are_not_kept(pair: Any) -> None:
    class Connection:
        pass

    guard = Guard(lambda: None)
    made = weakref.ref(guard.connected(Connection))
    assert made() is None
    thread = next(t for t in threading.enumerate() if t.name == "databases")
    assert thread.daemon
