"""A study that is there, opened to be read; and what was found, as plain data."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sweeps.cli.readable import readable
from sweeps.cli.work import no_tracker
from sweeps.study.confirm import confirmed
from sweeps.study.session import Session, opened

if TYPE_CHECKING:
    from objectives import Data
    from sweeps.study.settings import Settings
    from sweeps.study.summary import Summary
    from sweeps.study.sweep import Sweep


@contextlib.contextmanager
def reading(
    sweep: Sweep,
    settings: Settings,
    make_trainer: Any = None,
    data: Data | None = None,
    *,
    absent: bool = False,
) -> Iterator[Session]:
    """Open a study to read it, in a read-only folder too. Raises BadInput where there is none.

    make_trainer: None where nothing is trained. absent: the study need not be there, unless it is
    named.
    """
    with (
        uncollected() if make_trainer is None else contextlib.nullcontext(),
        readable(settings) as found,
        opened(
            sweep, found, make_trainer, no_tracker, data, reading=True, absent=absent
        ) as session,
    ):
        yield session


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Spare a third of the time: while half a million points are read, there is no garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def plain(session: Session, summary: Summary) -> dict[str, Any]:
    """Return what was found as plain data, as `--json` writes it."""
    found = confirmed(session)
    return summary.to_json() | {
        "confirm": None if found is None else dataclasses.asdict(found),
        "address": session.store.study.user_attrs.get("address"),
    }
