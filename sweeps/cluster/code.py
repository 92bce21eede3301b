"""The user's code as a file that machines get: the folder that the sweep is imported from."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import os
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from objectives import BadInput
from sweeps.workers.reference import Reference, module_name

LARGE = 1 << 20  # bytes of a file that is data: only source files may be larger
MOST, FILES = 50 << 20, 10_000  # bytes and files of all
LEFT_OUT = {"__pycache__", "node_modules", "mlruns", "site-packages"}
STORES = (".db", ".db-wal", ".db-shm", ".db-journal", ".log", ".pyc", ".npz", ".npy", ".keras")


@dataclass(frozen=True)
class Code:
    """Files as a zip archive, and the sweep among them; without files, it is installed there."""

    reference: Reference
    archive: bytes | None = None
    file: str | None = None  # of the sweep, in the archive

    @classmethod
    def of(cls, reference: Reference) -> Code:
        """Pack what a sweep is imported from. Raises BadInput where that is too large to send."""
        root = _root(reference)
        if root is None:
            return cls(reference)
        archive, files, size = io.BytesIO(), 0, 0
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for path in _sources(root):
                files, size = files + 1, size + path.stat().st_size
                if size > MOST or files > FILES:
                    raise BadInput(
                        f"--cluster sends the folder of the sweep to every machine, and {root} is "
                        "too large: put the sweep and what it imports into a folder of their own"
                    )
                packed.write(path, path.relative_to(root).as_posix())
        if reference.file is None:
            return cls(reference, archive.getvalue())
        path = Path(reference.file).resolve()
        known = dataclasses.replace(reference, known_as=module_name(path))
        return cls(known, archive.getvalue(), path.relative_to(root).as_posix())

    def unpack(self, folder: Path) -> Reference:
        """Write the files to a folder, put it first on the path; return where the sweep is."""
        if self.archive is None:
            return self.reference
        with zipfile.ZipFile(io.BytesIO(self.archive)) as packed:
            packed.extractall(folder)
        sys.path.insert(0, str(folder))
        if self.file is None:
            return self.reference
        return dataclasses.replace(self.reference, file=str(folder / self.file))


def _root(reference: Reference) -> Path | None:
    """Return the folder that a sweep is imported from, None where packages are installed."""
    if reference.file is not None:
        return Path(reference.file).resolve().parent
    spec = importlib.util.find_spec((reference.module or "").partition(".")[0])
    if spec is None:
        return None
    inner = list(spec.submodule_search_locations or [])
    root = Path(inner[0] if inner else spec.origin or "").resolve().parent
    installed = {Path(path).resolve() for path in sysconfig.get_paths().values()}
    return None if installed & {root, *root.parents} - {Path(sys.prefix).resolve()} else root


def _sources(root: Path) -> Iterator[Path]:
    """Yield the files that are sent: no stores, no environments, and no large data."""
    for name, folders, files in os.walk(root):
        here = Path(name)
        folders[:] = sorted(
            one
            for one in folders
            if not one.startswith(".")
            and one not in LEFT_OUT
            and not (here / one / "pyvenv.cfg").exists()
        )
        for file in sorted(files):
            path = here / file
            if file.startswith(".") or file.endswith(STORES) or not path.is_file():
                continue
            if file.endswith(".py") or path.stat().st_size <= LARGE:
                yield path
