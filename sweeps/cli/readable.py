"""A folder that cannot be written, read all the same: by a copy of its stores."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from objectives import BadInput
from sweeps.study.settings import ARRAYS, STATE
from sweeps.tracking.stores import moved, sqlite_url

if TYPE_CHECKING:
    from sweeps.study.settings import Settings

STORES = ("optuna.db", "mlflow.db")
CHECKPOINTS = "checkpoints"  # of trials that run: large, and of no use to a reader


@contextmanager
def readable(settings: Settings) -> Iterator[Settings]:
    """Give settings to read by: of a read-only folder, they name a copy until the block ends.

    SQLite writes beside a store that it only reads, and so do locks.
    """
    if writable(settings.folder):
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="keras-sweeps-") as copy:
        _copy(settings.folder, Path(copy))
        yield dataclasses.replace(settings, folder=Path(copy))


def writable(folder: Path) -> bool:
    """Return whether a folder and the stores in it can be written."""
    places = (folder, *(folder / name for name in STORES))
    return all(os.access(place, os.W_OK) for place in places if place.exists())


def require_writable(folder: Path) -> None:
    """Raise BadInput for a folder in which nothing can be kept."""
    if not writable(folder):
        raise BadInput(
            f"cannot write in {str(folder)!r}: run in a copy of it; only show, compare, report "
            "--to and export --to work in a read-only folder"
        )


def _copy(folder: Path, to: Path) -> None:
    """Copy stores and small files; link arrays and whatever else lies there, such as data."""
    for one in folder.iterdir():
        if one.name.startswith(STORES):
            if not one.name.endswith((".lock", "-shm")):
                shutil.copyfile(one, to / one.name)
        elif one.name != STATE:
            (to / one.name).symlink_to(one.resolve())
    for one in (folder / STATE).rglob("*"):
        place = to / one.relative_to(folder)
        kind = place.relative_to(to / STATE).parts[1:2]
        if kind == (ARRAYS,) and one.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(one.resolve())
        elif kind not in ((ARRAYS,), (CHECKPOINTS,)) and one.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one, place)
    moved(sqlite_url(to / "mlflow.db"))  # nobody needs to know where the copy lies
