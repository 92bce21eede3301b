"""Where an export may go: never over that of another trial, unless that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput

if TYPE_CHECKING:
    from sweeps.study.session import Session
    from sweeps.study.summary import Summary

USUAL = "best"


def check_place(to: Path, study: str, number: int, *, force: bool) -> None:
    """Raise BadInput where a folder holds what another trial's export wrote."""
    if force or (found := _other(to, study, number)) is None:
        return
    other = "another config"
    if {"study", "trial"} <= found.keys():
        other = f"trial {found['trial']} of {found['study']}"
    raise BadInput(
        f"--to {str(to)!r} holds {other}: give another folder, or --force to replace it with "
        f"trial {number} of {study}"
    )


def free_place(session: Session, summary: Summary) -> str:
    """Return a folder for the export of the best trial: `best/`, unless another's is there."""
    number = summary.best.number if summary.best is not None else 0
    places = (USUAL, f"{USUAL}-{session.name}", f"{USUAL}-{session.name}-{number}")
    free = (p for p in places if _other(Path(p), session.name, number) is None)
    return f"{next(free, places[-1])}/"


def _other(to: Path, study: str, number: int) -> dict[str, Any] | None:
    """Return where what a folder holds comes from, None where nothing or this trial's is there."""
    from sweeps.export.model import CONFIG

    file = to / CONFIG
    if not file.is_file():
        return None
    found = _origin(file)
    same = (found.get("study"), found.get("trial")) == (study, number)
    return None if same else found


def _origin(file: Path) -> dict[str, Any]:
    """Return where a config file comes from, nothing where it does not say."""
    from sweeps.export.text import parse

    try:
        raw = parse(file.read_text(encoding="utf-8"), file)
    except (BadInput, OSError, UnicodeDecodeError):
        return {}
    found = raw.get("origin") if isinstance(raw, dict) else None
    return found if isinstance(found, dict) else {}
