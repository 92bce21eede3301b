"""Connecting to a Ray cluster whose head does not always manage to take a driver."""

from __future__ import annotations

from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

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
        assert ray_connect.cause_of(error.value).startswith("RuntimeError: Starting Ray client")
    assert len(asked) == min(fails + 1, ray_connect.TRIES)
    assert capsys.readouterr().err.count("connecting again") == min(fails, ray_connect.TRIES - 1)


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
