"""Sending MLflow what a study's folder still holds, with no sweep under way."""

from __future__ import annotations

import logging
from pathlib import Path

from sweeps.tracking.client import reason
from sweeps.tracking.delivery import Delivery
from sweeps.tracking.journal import Journal
from sweeps.tracking.notices import announce

log = logging.getLogger("sweeps.tracking")


def sync(uri: str, folder: Path) -> tuple[int, int, bool]:
    """Deliver what a study's folder still holds.

    There is one attempt; its failure is logged as a warning. The caller holds the study's lock.

    Returns:
        How many items were sent, how many remain, and whether MLflow answered to the end.
    """
    journal = Journal(folder / "tracking")
    before, answered = journal.undelivered(), True
    try:
        Delivery(uri, journal).deliver_all()
    except Exception as error:
        announce(log, "MLflow does not accept the data: %s", reason(error))
        answered = False
    left = journal.undelivered()
    return max(0, before - left), left, answered
