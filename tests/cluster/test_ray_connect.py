"""Connecting to a Ray cluster whose head does not always manage to take a driver."""

from __future__ import annotations

import platform
import socket
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from objectives import BadInput
from sweeps.workers import Reference
from sweeps.workers.orders import Orders

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="[ray] is not installed")
SAID = """Initialization failure from server:
Traceback (most recent call last):
  File "proxier.py", line 772, in Datapath
RuntimeError: Starting Ray client server failed. See ray_client_server_23000.err for detailed logs.
"""


@pytest.mark.parametrize("fails", [0, 1, 2, 3])
def test_a_head_that_fails_to_start_a_server_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, fails: int, capsys: pytest.CaptureFixture[str]
) -> None:
    from sweeps.cluster import ray_connect

    asked: list[str] = []

    def init(address: str, **_: Any) -> None:
        asked.append(address)
        if len(asked) <= fails:
            raise ConnectionAbortedError(SAID)

    monkeypatch.setattr(ray_connect, "ray", SimpleNamespace(init=init))
    if fails < ray_connect.TRIES:
        ray_connect.connect("ray://head:10001")
    else:
        with pytest.raises(ConnectionAbortedError) as error:
            ray_connect.connect("ray://head:10001")
        said = ray_connect.refusal_of(error.value)
        assert said.startswith("RuntimeError: Starting Ray client server failed.")
        assert "ray_client_server_23000.err" in said
        assert "on the head's machine" in said
    assert len(asked) == min(fails + 1, ray_connect.TRIES)
    assert capsys.readouterr().err.count("connecting again") == min(fails, ray_connect.TRIES - 1)


def test_a_service_that_is_no_ray_is_waited_for_with_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from sweeps.cluster import ray_engine

    monkeypatch.setattr(ray_engine, "SLOW", 0.0)
    monkeypatch.setattr(ray_engine, "CONNECT", 3.0)
    orders = Orders(Reference(module="tests.workers.scripts"), "auto", "cpu", 1, tmp_path / "log")
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        engine = ray_engine.RayEngine(address, tmp_path / "log", say=said.append)
        with pytest.raises(BadInput, match="Ray does not connect") as error:
            engine.start(orders, 1)
    assert f"Ray at {address} does not answer yet: waiting up to 3 s" in said[0]
    assert len(said) == 1
    assert "ray://HOST:10001" in str(error.value)


def test_what_is_refused_for_another_reason_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sweeps.cluster import ray_connect

    asked: list[str] = []

    def init(address: str, **_: Any) -> None:
        asked.append(address)
        raise ConnectionError("version mismatch")

    monkeypatch.setattr(ray_connect, "ray", SimpleNamespace(init=init))
    with pytest.raises(ConnectionError, match="version mismatch"):
        ray_connect.connect("auto")
    assert len(asked) == 1


def test_another_version_is_told_with_both_versions_in_one_line() -> None:
    from ray._private.utils import check_version_info

    from sweeps.cluster.ray_connect import line_of, refusal_of

    there = {"ray_version": "2.9.1", "python_version": "3.8.4"}
    with pytest.raises(RuntimeError) as error:
        check_version_info(there, "Ray Client")
    assert line_of(error.value) == refusal_of(error.value)
    said = refusal_of(error.value)
    assert "\n" not in said
    assert said.startswith("Version mismatch: The cluster was started with: Ray: 2.9.1 ")
    assert f"Python: {platform.python_version()}" in said
