"""A job on a machine, and its files: which go there with it, and which come back."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from objectives.training import Decision, TrialResult, TrialSpec
from objectives.training.averages import Weighted
from objectives.training.whole_files import replace

Files = dict[str, bytes | None]  # by their names in a job's folder; None: deleted


class Sealed:
    """A pickled object. Whoever unpickles what holds it has the object itself.

    So a host passes on what it cannot import: a config of the user's own class.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text

    def __reduce__(self) -> tuple[Any, ...]:
        return pickle.loads, (self._text,)


class Parcel:
    """Paths of the driver as paths in a job's folder on a machine, and back.

    Every folder of the driver is a numbered one there. root: the job's folder. files: those that
    go there. config: of the job's first trial.
    """

    def __init__(self, root: Path) -> None:
        self.files: Files = {}
        self.config: Any = None
        self._root = root
        self._folders: dict[Path, str] = {}

    @property
    def folders(self) -> list[str]:
        """The folders that the job expects to be there."""
        return list(self._folders.values())

    def train(self, spec: TrialSpec, seen: int) -> tuple[Any, ...]:
        """Return the arguments of a training as the machine takes them."""
        found = self._spec(spec)
        if spec.checkpoint is not None:
            self._add(spec.checkpoint.parent.glob(f"{spec.checkpoint.name}.*.npz"))
        if spec.files is not None:
            self._add(spec.files.rglob("*"))
        return found, seen

    def evaluate(self, spec: TrialSpec, model: Path | None) -> tuple[Any, ...]:
        """Return the arguments of an evaluation."""
        return self._spec(spec, kept=True), self._path(model)

    def average(
        self, nets: list[TrialResult], folder: Path, given: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """Return the arguments of an average."""
        specs = [dataclasses.replace(net, spec=self._spec(net.spec, kept=True)) for net in nets]
        return specs, self._path(folder), {**given, "model": self._path(given["model"])}

    def together(
        self, nets: Sequence[Weighted], said: Path, given: Mapping[str, Path | None]
    ) -> tuple[Any, ...]:
        """Return the arguments of a judgement of nets together."""
        specs = [(self._spec(spec, kept=True), weight) for spec, weight in nets]
        if (beside := given["beside"]) is not None:
            self._add([beside])
        return specs, self._path(said), {name: self._path(path) for name, path in given.items()}

    def write(self, files: Files) -> None:
        """Write what came back to where the driver wants it."""
        homes = {name: folder for folder, name in self._folders.items()}
        for name, content in files.items():
            inner = PurePosixPath(name)
            if inner.parts[0] not in homes or ".." in inner.parts:
                raise ValueError(f"a machine sent a file for no folder of its job: {name!r}")
            path = homes[inner.parts[0]].joinpath(*inner.parts[1:])
            if content is None:
                path.unlink(missing_ok=True)
            else:
                replace(path, lambda file, content=content: file.write_bytes(content))  # type: ignore[misc]

    def _spec(self, spec: TrialSpec, *, kept: bool = False) -> TrialSpec:
        self.config = spec.config if self.config is None else self.config
        if kept and spec.weights is not None:
            self._add([spec.weights])
        return dataclasses.replace(
            spec,
            weights=self._path(spec.weights),
            checkpoint=self._path(spec.checkpoint),
            files=self._path(spec.files),
        )

    def _path(self, path: Path | None) -> Path | None:
        return None if path is None else self._root / self._named(path)

    def _named(self, path: Path) -> str:
        folder = self._folders.setdefault(path.parent, str(len(self._folders)))
        return f"{folder}/{path.name}"

    def _add(self, paths: Any) -> None:
        for path in paths:
            if path.is_file():
                self.files[self._relative(path)] = path.read_bytes()

    def _relative(self, path: Path) -> str:
        """Return a file's name in the job's folder: below the nearest of the known folders."""
        known = [folder for folder in self._folders if path.is_relative_to(folder)]
        if not known:
            return self._named(path)
        nearest = max(known, key=lambda folder: len(folder.parts))
        return f"{self._folders[nearest]}/{path.relative_to(nearest).as_posix()}"


class Contents:
    """A job's folder on a machine: what it was given, and what has changed there since."""

    def __init__(self, root: Path, folders: list[str], files: Files) -> None:
        self._root = root
        for name in folders:
            (root / name).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            if content is not None:
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        self._known = dict(self._there())

    def changed(self, *, unfinished: bool = False) -> Files:
        """Return the files that are new, changed or deleted since the last call.

        unfinished: the job still runs. Then files come with a new checkpoint alone.
        """
        now = dict(self._there())
        new = [name for name, state in now.items() if self._known.get(name) != state]
        if unfinished and not any(name.endswith(".npz") for name in new):
            return {}
        found: Files = dict.fromkeys(self._known.keys() - now.keys())
        for name in new:
            try:
                found[name] = (self._root / name).read_bytes()
            except OSError:  # it was replaced in the meantime
                now.pop(name)
        self._known = now
        return found

    def _there(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        for path in self._root.rglob("*"):
            try:
                if path.is_file() and not path.name.startswith("."):  # a file that is being made
                    known = path.stat()
                    state = known.st_size, known.st_mtime_ns, known.st_ino
                    yield path.relative_to(self._root).as_posix(), state
            except OSError:
                continue


@dataclass
class Job:
    """A job that the driver gave. structure: what tells the program of its config."""

    number: int
    name: str
    structure: Mapping[str, str]
    arguments: Sequence[bytes]
    contents: Contents
    answers: list[tuple[int, Decision]] = field(default_factory=list)
