"""Files that are whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, then move it there: it is whole, or it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    os.close(handle)
    try:
        write(Path(name))
        os.chmod(name, 0o644)  # mkstemp's files are the owner's alone
        with open(name, "rb") as file:
            os.fsync(file.fileno())  # or a power cut may leave the name without the bytes
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def forget(name: Path | None) -> None:
    """Delete a trial's checkpoints, by the name in its spec."""
    if name is not None and name.parent.is_dir():
        for file in name.parent.glob(f"{name.name}.*.npz"):
            file.unlink(missing_ok=True)


def keep_only(folder: Path, names: set[str]) -> None:
    """Delete the checkpoints of a folder whose trials are not among these."""
    for file in folder.glob("*.npz") if folder.is_dir() else ():
        if file.name.split(".")[0] not in names:
            file.unlink(missing_ok=True)
