"""A long trial's whole state on disk, as plain arrays, so that it can go on in the middle."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import sys
import types
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.training.whole_files import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.training import Logs

    Array = NDArray[Any]

FORMAT = 1
# A damaged bit may ask zipfile for a version or an encryption that it does not know: RuntimeError.
DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile)
CODE = (  # what a fresh object of the same class holds just so
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    functools.partial,
    np.ufunc,
    type,
)


class Opaque(TypeError):
    """A value that is not made of plain data."""


class Unusable(ValueError):
    """A checkpoint that a trial cannot go on from. The message says why."""


@dataclass(frozen=True)
class Checkpoint:
    """A trial after its epoch `epoch`, whole.

    curve: the logs of its epochs. best: the weights of the best one, if they are wanted.
    variables, optimizer: of the model, random state included, and of its optimizer. callbacks:
    their plain attributes, one mapping each. seconds: trained so far.
    """

    epoch: int
    seconds: float
    curve: list[Logs]
    best: list[Array] | None
    variables: list[Array]
    optimizer: list[Array]
    callbacks: list[dict[str, Any]] = field(default_factory=list)


def write(path: Path, identity: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all. Raises OSError, and Opaque naming the value."""
    arrays: dict[str, Array] = {}
    plain = pack(vars(checkpoint), arrays)
    text = json.dumps({"format": FORMAT, "identity": identity, "state": plain})
    meta = np.frombuffer(text.encode(), np.uint8)
    replace(path, lambda file: np.savez(file, meta=meta, **arrays))  # type: ignore[arg-type]


def read(path: Path, identity: str) -> Checkpoint | None:
    """Return the checkpoint, None where there is none. Raises Unusable: torn, or another's."""
    try:
        with _opened(path) as kept:
            arrays = {name: kept[name] for name in kept.files}
        told = json.loads(arrays.pop("meta").tobytes())
        if told["format"] != FORMAT:
            raise Unusable(f"of format {told['format']!r}")
        if told["identity"] != identity:
            raise Unusable("of another trial, other data or other versions")
        return Checkpoint(**unpack(told["state"], arrays))
    except FileNotFoundError:
        return None
    except DAMAGE as fault:
        if isinstance(fault, Unusable):
            raise
        raise Unusable("torn") from fault


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    # Of a torn archive NumPy would leave the file open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        yield kept


def kept_epoch(name: Path) -> int:
    """Return the last epoch in a trial's checkpoint, by the name in its spec; 0 without one."""
    for path in name.parent.glob(f"{name.name}.*.npz"):
        try:
            with _opened(path) as kept:
                state = json.loads(kept["meta"].tobytes())["state"]
            return int(dict(state["dict"])["epoch"])
        except DAMAGE:
            continue
    return 0


def set_aside(path: Path) -> Path:
    """Rename a checkpoint that cannot be used; return its new name."""
    aside = path.with_suffix(".aside")
    path.replace(aside)
    return aside


def identity(*parts: object) -> str:
    """Return a digest of what a trial is made of."""
    return hashlib.sha256(json.dumps(parts, default=repr, sort_keys=True).encode()).hexdigest()


def attributes(thing: object, but: Sequence[str] = ()) -> dict[str, Any]:
    """Return the attributes that a checkpoint keeps. Raises Opaque for what it cannot.

    but: names of those that it leaves out.
    """
    found = {}
    for name, value in vars(thing).items():
        code = isinstance(value, CODE) and not keras_function(value)
        if code or name in ("_model", "params", *but):  # which Keras sets anew
            continue
        try:
            pack(value, {})
        except Opaque as why:
            raise Opaque(f"{type(thing).__name__}.{name} is {why}") from None
        found[name] = value
    return found


def keras_function(value: object) -> bool:
    """Return whether a value is a plain function of Keras's, found by its name.

    ReduceLROnPlateau chooses `monitor_op` at its first epoch's end, and turns `min_delta` then.
    """
    if not isinstance(value, types.FunctionType) or value.__module__.split(".")[0] != "keras":
        return False
    return getattr(sys.modules.get(value.__module__), value.__name__, None) is value


def pack(value: Any, arrays: dict[str, Array]) -> Any:
    """Return plain JSON for a value; arrays go where they are named. Raises Opaque."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if keras_function(value):
        return {"function": [value.__module__, value.__name__]}
    if isinstance(value, np.generic):
        value = np.asarray(value)
        return {"scalar": pack(value, arrays)["array"]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return {type(value).__name__: [pack(item, arrays) for item in value]}
    if isinstance(value, Mapping) and all(isinstance(key, (str, int)) for key in value):
        return {"dict": [[key, pack(item, arrays)] for key, item in value.items()]}
    raise Opaque(f"a {type(value).__name__}")


def unpack(value: Any, arrays: Mapping[str, Array]) -> Any:
    """Return what `pack` was given."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "function":
        function = getattr(sys.modules.get(content[0]), content[1], None)
        if not keras_function(function):  # nothing else is ever called
            raise ValueError(f"no function of Keras: {content!r}")
        return function
    if kind == "array":
        return arrays[content]
    if kind == "scalar":
        return arrays[content][()]
    if kind == "dict":
        return {key: unpack(item, arrays) for key, item in content}
    items = [unpack(item, arrays) for item in content]
    return tuple(items) if kind == "tuple" else items
