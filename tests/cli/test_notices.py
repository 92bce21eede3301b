"""What the terminal shows of servers that are away."""

from __future__ import annotations

import logging

import pytest

from sweeps.cli.notices import notices
from sweeps.tracking import courier as couriers
from sweeps.tracking.courier import Courier
from sweeps.tracking.notices import announce


def test_announcements_are_shown_and_other_records_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = logging.getLogger("sweeps.tracking")
    with notices(shown=True):
        announce(log, "%s is away", "MLflow")
        log.warning("a detail")
    with notices(shown=False):
        announce(log, "unseen")
    announce(log, "unseen")
    assert capsys.readouterr().err == "MLflow is away\n"


class Stuck:
    """A delivery with a fault, then one that hangs, then one that works."""

    class journal:  # noqa: N801
        folder, on_disk = "here", True

    def __init__(self) -> None:
        self.now: Courier | None = None
        self.fault: Exception | None = None
        self.alive = 0.0

    def deliver(self, among: object) -> None:
        self.deliver_all()

    def deliver_all(self) -> None:
        if self.fault is not None:
            raise self.fault
        if self.now is not None:
            self.now.look()  # as the search does meanwhile, at every epoch


def test_mlflow_away_and_back_is_a_line_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = Stuck()
    courier = Courier(delivery)  # type: ignore[arg-type]
    with notices(shown=True):
        delivery.fault = PermissionError("401: not authenticated")
        assert not courier._try()
        assert not courier._try()
        first = capsys.readouterr().err
        delivery.fault = None
        assert courier._try()
        assert (
            capsys.readouterr().err
            == "MLflow is back, and everything that was kept has been sent\n"
        )
        monkeypatch.setattr(couriers, "SLOW", 0.0)
        delivery.now = courier
        assert courier._try()
        slow = capsys.readouterr().err.splitlines()
    assert first.count("\n") == 1
    assert first.startswith(
        "MLflow cannot be written to (401: not authenticated): training continues"
    )
    assert slow[0].startswith("MLflow cannot be written to (nothing was sent in 0 s)")
    assert slow[1].startswith("MLflow is back")
