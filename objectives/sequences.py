"""A user's own sequences (NPZ, or a long CSV or Parquet table) as three parts of numbers.

NPZ: `X`, rows x steps x channels (or rows x steps); `y`; optionally `length`, the steps of each
row. A long table: one row a step, with `--id`, `--time` and `--target`. Missing values are NaN,
and a row whose last steps are NaN in every channel ends before them.

The options of a `Source` that sequences understand: `id`, `time`, `ignore` (columns, as a list or
with commas between them), `nan` ("impute" or "refuse"), `weights` ("off" or "balanced") and
`threshold_for` ("balanced_accuracy", "f1" or "none").
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from objectives import BadInput, Data, Source
from objectives.reading import counted, known, result, series, splits, table_files
from objectives.reading.arrays import Arrays, floats, one_column, unmasked
from objectives.reading.matrix import labels
from objectives.reading.roles import wishes_of
from objectives.reading.scaling import CLIP, fit, merged
from objectives.reading.targets import SEQUENCES, target
from objectives.reading.values import text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32] | NDArray[np.float64]
    Rows = NDArray[np.int64]

OPTIONS = {"ignore", "id", "time", "nan", "weights", "threshold_for"}
MASK_VALUE = -20.0  # far below what clipped values can be


def load_sequences(source: Source, task: str = "multiclass") -> Data:
    """Read, clean and split sequences: x float32, rows x steps x channels.

    task: "binary" (y float32, 0 or 1), "multiclass" (int32) or "regression" (float32).
    Channels are scaled by the steps of the training rows that are no padding; a channel that
    has missing values there gets an indicator channel. Raises BadInput.
    """
    splits.check(source)
    result.check_options(source, OPTIONS, "sequences")
    if source.path is None:
        raise BadInput("sequences need a file: say --data FILE")
    path = Path(source.path)
    if table_files.kind(path) == "npz":
        return _load_npz(source, task, path)
    table = table_files.read_table(path)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    del table
    return _from_long(columns, source, task)


def from_arrays(
    x: Any,
    y: Any,
    source: Source,
    task: str = "multiclass",
    length: Any = None,
    groups: Any = None,
) -> Data:
    """Return the data of arrays: x, rows x steps x channels; y, a label a row; length, steps."""
    splits.check(source)
    result.check_options(source, OPTIONS, "sequences")
    return _from_arrays(unmasked(x, "X"), unmasked(y, "y"), source, task, length, groups)


def _load_npz(source: Source, task: str, path: Path) -> Data:
    for option in ("id", "time"):
        if source.options.get(option):
            raise BadInput(
                f"--{option} {source.options[option]!r} is for a long table; an NPZ has X and y"
            )
    archive = Arrays(path)
    name = archive.find(source.target or "y", "--target")
    x, y = archive.read(archive.find("X", "--data")), archive.read(name)
    length = archive.read("length") if "length" in archive.headers else None
    groups = None
    if source.group is not None:
        groups = archive.read(archive.find(source.group, "--group"))
    return _from_arrays(x, y, dataclasses.replace(source, target=name), task, length, groups)


def _from_arrays(
    x: NDArray[Any], y: NDArray[Any], source: Source, task: str, length: Any, groups: Any
) -> Data:
    if x.ndim == 2:
        x = x[:, :, None]
    if x.dtype.kind == "O":
        raise BadInput("X holds objects: fill the shorter series up with NaN, and give `length`")
    x = floats(x, "X", 3)
    if length is not None:
        x = _cut(x, one_column(np.asarray(length), "length", len(x)))
    column = labels(one_column(y, source.target or "y", len(x)), source.target or "y")
    if groups is not None:
        groups = one_column(np.asarray(groups), source.group or "groups", len(x))
        groups = np.unique(groups, return_inverse=True)[1]
    names = [f"x{place}" for place in range(x.shape[2])]
    return _finish(x, names, column, groups, source, task, [], {})


def _cut(x: Floats, length: NDArray[Any]) -> Floats:
    """Return x with NaN behind each row's length."""
    steps = x.shape[1]
    if length.dtype.kind not in "iuf":
        raise BadInput(f"length holds {str(length[0])!r}: whole numbers are needed")
    wrong = ~((length >= 1) & (length <= steps) & (length == np.floor(length)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadInput(f"length is {length[row]} in row {row}: X has {counted(steps, 'step')}")
    return np.where(
        np.arange(steps)[None, :, None] < length[:, None, None], x, x.dtype.type(np.nan)
    )


def _from_long(columns: dict[str, pa.ChunkedArray], source: Source, task: str) -> Data:
    source = result.resolved(source, columns)
    ids = _named(source.options.get("id"), "--id", "names the series")
    time = _named(source.options.get("time"), "--time", "orders the steps of a series")
    name = _named(source.target, "--target", "is the label")
    known(name, columns, "--target")
    wishes = wishes_of(source)
    wishes.check(columns)
    places = series.order(columns, ids, time)
    label = series.per_series(columns.pop(name), name, places, "--target")
    groups = None
    lines = [(ids, "series", f"{places.shape[0]:,} of them"), (time, "time", "the order of steps")]
    if source.group is not None and source.group != ids:
        known(source.group, columns, "--group")
        column = series.per_series(columns.pop(source.group), source.group, places, "--group")
        groups = text(column).codes.astype(np.int64)
        lines.append((source.group, "group", "no group is on both sides of a split"))
    elif source.group is not None:
        groups = np.arange(places.shape[0])
    for gone in (ids, time, *wishes.ignore):
        columns.pop(gone, None)
    lines += [(gone, "left out", "--ignore") for gone in wishes.ignore]
    found, more = series.channels(columns)
    x = series.fill(found, places)
    extra = {"columns_of": {"id": ids, "time": time}}
    return _finish(x, list(found), label, groups, source, task, [*lines, *more], extra)


def _named(given: str | None, option: str, what: str) -> str:
    if not given:
        raise BadInput(f"a long table needs {option}: which column {what}?")
    return given


def _finish(
    x: Floats,
    names: list[str],
    label: pa.ChunkedArray,
    groups: NDArray[Any] | None,
    source: Source,
    task: str,
    lines: list[result.Row],
    extra: dict[str, Any],
) -> Data:
    """Scale, split and mask: x is rows x steps x channels with NaN, `names` its channels."""
    belongs = _belongs(x)
    name = source.target or "y"
    if not np.all(belongs[:, 0]):
        row = int(np.argmin(belongs[:, 0]))
        raise BadInput(f"series {row} (counted from 0) holds no value at all: take it out")
    gaps = np.isnan(x) & belongs[:, :, None]
    if source.options.get("nan") == "refuse" and gaps.any():
        place = np.argwhere(gaps)[0].tolist()
        raise BadInput(
            f"series {place[0]}, step {place[1]}, channel {names[place[2]]!r} is missing, and "
            "missing values are refused: fill it"
        )
    found = target(label, name, task, source.positive, SEQUENCES)

    def make(rows: tuple[Rows, Rows, Rows]) -> Data:
        raw = [found.rows[part] for part in rows]
        masked = not bool(np.all(belongs))
        steps = x[raw[0]][belongs[raw[0]]]
        scaling = fit(steps)
        warnings = [
            f"channel {channel!r}: {says}"
            for place, channel in enumerate(names)
            if (says := merged(steps[:, place], scaling, place))
        ]
        xs = []
        for part in raw:
            out = np.empty((len(part), x.shape[1], scaling.width), np.float32)
            scaling.apply(x[part].reshape(-1, x.shape[2]), out.reshape(-1, scaling.width))
            out[~belongs[part]] = MASK_VALUE
            xs.append(out)
        done = [result.target_line(name, found, len(x)), *lines]
        for channel, gap in zip(names, scaling.missing.tolist(), strict=True):
            gaps_too = "; gaps: the mean, and an indicator" if gap else ""
            done.append((channel, "channel", "standardized" + gaps_too))
        preprocessing = {
            "kind": "sequence",
            "numbers": scaling.plain(),
            "clip": CLIP,
            "steps": x.shape[1],
            "channels": names,
            "masked": masked,
            "mask_value": MASK_VALUE,
            **extra,
        }
        lengths = belongs.sum(axis=1)
        details = {"steps": x.shape[1], "shortest": int(lengths.min())}
        if masked:
            details |= {"masked": True, "mask_value": MASK_VALUE}
        return result.finish(
            xs,
            found,
            rows,
            source,
            task,
            preprocessing=preprocessing,
            lines=done,
            warnings=warnings,
            extra=details,
        )

    return result.made(found, source, groups, make)


def _belongs(x: Floats) -> NDArray[np.bool_]:
    """Return rows x steps: whether the step, or any after it, holds a value."""
    filled: NDArray[np.bool_] = np.any(~np.isnan(x), axis=2)
    backwards: NDArray[np.bool_] = np.logical_or.accumulate(filled[:, ::-1], axis=1)
    return backwards[:, ::-1]
