"""What is trained on: where it comes from, and its three parts."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.structures import is_array, keep, leaves, named, packed, plain_arrays, rows
from search_spaces import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

PARTS = ("train", "validation", "test")
OWN = "of load"  # in `details`: read by the `load` of a user, of no file that an option names
NO_FILE = ("embedded", "arrays")  # the names of data that come from no file of their own
# The options of a source that version 0.1 kept among the details of data.
EARLIER = ("ignore", "categorical", "numeric", "id", "time", "nan", "weights", "threshold_for")
AS_GIVEN = "as given"  # the split of what came in parts
OWN_VALIDATION = "validation as given"  # the test part is taken from the training part
FIELDS = ("x", "y", "sample_weight")
UNIT = "unit"  # of details: mean and deviation of the target by which a refitted net computes


@dataclass(frozen=True)
class Source:
    """Where data come from and how they are split; the default is no file.

    The user says it, and what was read of it keeps it, with what the reader made of open points:
    the target's and the columns' names, the positive class, the threshold's goal and the split.

    validation, test: shares of the rows. group: rows of one group stay on one side.
    time_order: the last part is the test. folds: into how many folds the rows that are not test
    rows are divided for cross-validation, 0 for none. arrays: in hand, in place of a path: (x, y),
    or what else `load` may give; empty once they are read. options: what one reader alone knows.
    kind: how the rows were split. joined: whether the validation rows are learned from too, as a
    net does that is refitted; no study is of such data.
    """

    path: str | None = None
    target: str | None = None
    positive: str | None = None
    group: str | None = None
    time_order: bool = False
    validation: float = 0.2
    test: float = 0.2
    seed: int = 0
    folds: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    arrays: tuple[Any, ...] | None = None
    kind: str = AS_GIVEN
    joined: bool = False

    @property
    def name(self) -> str:
        """The file's path; `embedded` or `arrays` where there is none."""
        return self.path or NO_FILE[self.arrays is not None]

    @property
    def shares(self) -> dict[str, float]:
        """The shares of the rows that are held out."""
        alone = self.kind == OWN_VALIDATION or self.folds
        return ({} if alone else {"validation": self.validation}) | {"test": self.test}

    @property
    def split(self) -> dict[str, Any]:
        """How the rows were split: what makes the same parts of the same rows again."""
        if self.kind == AS_GIVEN:
            return {"kind": self.kind}
        group = {"group": self.group} if self.kind == "group" else {}
        shares = {**self.shares, "seed": self.seed}
        folds = {"folds": self.folds} if self.folds else {}
        return {"kind": self.kind, **shares, **group, **folds}

    def plain(self) -> dict[str, Any]:
        """Return plain data, which `of` reads; arrays are left out, and so is `joined`."""
        found = {f.name: vars(self)[f.name] for f in dataclasses.fields(Source)}
        del found["joined"]
        arrays = None if self.arrays is None else ()
        return found | {"options": dict(found["options"]), "arrays": arrays}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Source:
        """Return the source of plain data, whose other keys are passed over."""
        return cls(**{f.name: plain[f.name] for f in dataclasses.fields(cls) if f.name in plain})

    @classmethod
    def named(cls, name: str, plain: Mapping[str, Any]) -> Source:
        """Return what reads what has this name; None among the plain data is the default."""
        found = {key: value for key, value in plain.items() if value is not None}
        time_order = found.get("kind", "").startswith("time")
        path = None if name in NO_FILE else name
        return cls.of({**found, "path": path, "time_order": time_order})


@dataclass(frozen=True, eq=False)
class Part:
    """x, y: arrays, rows first, or dicts, lists and tuples of arrays, as Keras takes them.

    y is None where the model needs none: it adds its loss itself. Rows of unequal length are
    `objectives.reading.ragged.Ragged`, whose `tensor()` is TensorFlow's own. sample_weight: one
    for all outputs, or one for each in the structure of y; or None. total: the rows, where the
    arrays are the first ones of a data set: its batches times their size.
    """

    x: Any
    y: Any
    sample_weight: Any = None
    total: int | None = None

    def __len__(self) -> int:
        return rows(self.x) if self.total is None else self.total


@dataclass(frozen=True, eq=False)
class Data:
    """Three parts of one table. Nothing that decides anything looks at `test`.

    train, validation, test: each a `Part`, or a tuple (x, y) or (x, y, sample_weight). digest:
    hex, of the arrays. class_weight: class -> weight of the loss, or None; where y has several
    outputs, the name of one -> that. details: what the reader found, as plain data.
    preprocessing: plain data from which the exported model's preprocessing layers are made, or
    None. stream: where `load` gives data sets that `fit` trains from, the length of each. folds:
    for cross-validation, the data of each fold: its training and validation rows, and the test
    rows, all as preprocessed by what was fitted on its training rows. `train` then holds all rows
    but the test part's, and `validation` none.
    """

    train: Part
    validation: Part
    test: Part
    source: Source = Source(arrays=())
    digest: str = ""
    class_weight: Mapping[int, float] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] | None = None
    stream: Mapping[str, Any] | None = None
    folds: tuple[Data, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.source, Source):
            raise BadInput(f"Data(source={self.source!r}): give the Source that load was given")
        object.__setattr__(self, "source", Source.of(self.source.plain()))  # without the arrays
        from objectives.reading.parts import checked

        checked(self)
        if not self.digest:
            object.__setattr__(self, "digest", digest(self))

    @property
    def trained_on(self) -> int:
        """The rows that one net is trained on."""
        return len((*self.folds, self)[0].train)

    @property
    def shape(self) -> tuple[int, ...]:
        """(all rows, *shape of one input), of several inputs or ragged rows (all rows,)."""
        total = len(self.train) + len(self.validation) + len(self.test)
        return (total, *(self.train.x.shape[1:] if is_array(self.train.x) else ()))

    def save(self, folder: Path) -> None:
        """Write every array as one `.npy` file, to be mapped by other processes."""
        import numpy as np

        folder.mkdir(parents=True, exist_ok=True)
        for name in PARTS:
            part: Part = getattr(self, name)
            for key in FIELDS:
                for place, array in enumerate(_arrays(getattr(part, key))):
                    np.save(_file(folder, name, key, place), array, allow_pickle=False)
        plain = {
            "source": self.source.plain(),
            "digest": self.digest,
            "class_weight": self.class_weight,
            "details": self.details,
            "preprocessing": self.preprocessing,
            "structure": {
                name: {
                    key: keep(structure)
                    for key in FIELDS
                    if (structure := getattr(getattr(self, name), key)) is not None
                }
                for name in PARTS
            },
            "stream": self.stream,
            "total": {name: getattr(self, name).total for name in PARTS},
            "folds": len(self.folds),
        }
        for place, fold in enumerate(self.folds):
            fold.save(folder / _fold(place))
        (folder / "data.json").write_text(json.dumps(plain), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Data:
        """Map what `save` wrote: processes share the pages."""
        import numpy as np

        from objectives.reading.ragged import Ragged

        def array(file: Path) -> Array:
            try:
                loaded: Array = np.load(file, mmap_mode="r", allow_pickle=False)
            except ValueError:  # an array without rows cannot be mapped
                loaded = np.load(file, allow_pickle=False)
            return loaded

        def part(name: str) -> Part:
            found = dict.fromkeys(FIELDS)
            for key, kept in structure.get(name, dict.fromkeys(FIELDS)).items():
                counts = [count or 1 for count in leaves(kept)]  # None: an array, of version 0.1
                files = (_file(folder, name, key, place) for place in range(sum(counts)))
                if (
                    key == "sample_weight"
                    and kept is None
                    and not _file(folder, name, key).exists()
                ):
                    continue
                each = map(array, files)
                found[key] = packed(
                    kept, (Ragged.of(list(itertools.islice(each, count))) for count in counts)
                )
            return Part(**found, total=plain.get("total", {}).get(name))

        plain = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        structure = plain.get("structure", {})  # version 0.1 kept single arrays alone
        train, validation, test = map(part, PARTS)
        return cls(
            train,
            validation,
            test,
            source=_source(plain["source"], plain["details"]),
            digest=plain["digest"],
            class_weight=_weights(plain["class_weight"]),
            details=plain["details"],
            preprocessing=plain["preprocessing"],
            stream=plain.get("stream"),
            folds=tuple(cls.open(folder / _fold(k)) for k in range(plain.get("folds", 0))),
        )


def _arrays(structure: Any) -> list[Array]:
    """Return all arrays of a structure, which may be None."""
    return (
        [] if structure is None else [a for leaf in leaves(structure) for a in plain_arrays(leaf)]
    )


def _file(folder: Path, part: str, key: str, place: int = 0) -> Path:
    return folder / f"{part}_{key}{f'_{place}' if place else ''}.npy"


def _fold(place: int) -> str:
    return f"fold_{place + 1}"


def _weights(kept: Any) -> Any:
    """Return weights of classes, or of outputs' classes, with their keys as numbers again."""
    if not isinstance(kept, Mapping):
        return None if kept is None else float(kept)
    number = {key: int(key) if str(key).lstrip("-").isdecimal() else key for key in kept}
    return {number[key]: _weights(value) for key, value in kept.items()}


def _source(kept: Any, details: Mapping[str, Any]) -> Source:
    """Return the source of opened data; version 0.1 kept its name, and the rest as details."""
    if not isinstance(kept, str):
        return Source.of(kept)
    options = {name: details[name] for name in EARLIER if name in details}
    found = Source.named(kept, {**details, **details.get("split", {}), "options": options})
    return dataclasses.replace(found, arrays=() if kept == "arrays" else None)


def digest(data: Data) -> str:
    """Return a digest of all arrays, their order and their names included: 40 hex digits.

    Weights of classes are part of it, but for those that a reader has made of the arrays.
    """
    import numpy as np

    found = hashlib.sha1(usedforsecurity=False)
    for name in PARTS:
        part: Part = getattr(data, name)
        for structure in (part.x, part.y, part.sample_weight):
            for place, array in sorted(named(structure), key=lambda leaf: leaf[0]):
                for plain in () if array is None else plain_arrays(array):
                    found.update(f"{place}{plain.dtype.str}{plain.shape}".encode())
                    found.update(np.ascontiguousarray(plain).data)
    if data.class_weight is not None and "weights" not in data.source.options:
        found.update(json.dumps(data.class_weight, sort_keys=True).encode())
    for fold in data.folds:
        found.update(fold.digest.encode())
    return found.hexdigest()
