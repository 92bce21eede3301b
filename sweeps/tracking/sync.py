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
        How many items were sent, as far as it is known (0 where some were of runs that MLflow has
        deleted), how many remain, and whether MLflow answered to the end.
    """
    journal = Journal(folder / "tracking")
    delivery, before, answered = Delivery(uri, journal), journal.undelivered(), True
    try:
        delivery.deliver_all()
    except Exception as error:
        announce(log, "MLflow does not accept the data: %s", reason(error))
        answered = False
    left = journal.undelivered()
    sent = 0 if delivery.deleted else max(0, before - left)
    return sent, left, answered
