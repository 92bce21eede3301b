"""What becomes of each column, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from objectives import BadInput, Source
from objectives.reading import counted, known, names, quoted, shown
from objectives.reading.dates import parts
from objectives.reading.spelled import Way
from objectives.reading.values import (
    Dates,
    Numbers,
    Text,
    dressed,
    is_number,
    padded,
    reading,
    span,
    text,
    values,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 50  # of a category that get a column of their own; fewer in very long tables
CELLS = 1 << 28  # of all categories together, about: 1 GiB
RARE = 10  # training rows below which a level is pooled with the unknown ones
DISTINCT = 0.95  # share of distinct values from which a column looks like an identifier
ENOUGH = 20  # training rows below which nothing looks like an identifier
IDENTIFIER = re.compile(
    r"(^|[^a-z])(id|ids|uuid|guid|key|index|idx|no|nr|number)$|^unnamed: ?\d+$"
    r"|^__index_level_\d+__$"
)


@dataclass(frozen=True)
class Number:
    """One numeric input: a raw column, or a `part` of a date. values: rows, as they are.

    format: of a date's text. way, strays, kind: of `Numbers`. span: of `values.span`.
    """

    column: str
    part: str | None
    values: NDArray[np.float64] | NDArray[np.int64]
    format: str | None = None
    way: Way | None = None
    strays: tuple[str, ...] = ()
    kind: str = ""
    span: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """The raw column's name, with the part behind a point."""
        return f"{self.column}.{self.part}" if self.part else self.column


@dataclass(frozen=True)
class Category:
    """codes: rows, int32 into `levels`, or -1 for a rare or unknown one. levels: "" is missing.

    pooled: whether training rows have rare levels. kind: of `Text`.
    """

    column: str
    codes: NDArray[np.int32]
    levels: list[str]
    pooled: bool
    kind: str = ""


@dataclass
class Roles:
    """What is learnt from, a row (column, what was done, why) for every column, and warnings."""

    numbers: list[Number] = field(default_factory=list)
    categories: list[Category] = field(default_factory=list)
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wishes:
    """Columns that the user decides on."""

    ignore: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    missing_allowed: bool = True

    @property
    def all(self) -> set[str]:
        """Every column that is wished for."""
        return {*self.ignore, *self.categorical, *self.numeric}

    def check(self, names: Iterable[str]) -> None:
        """Raise BadInput for columns that are not there, or are wished for twice."""
        there = list(names)
        said: dict[str, str] = {}
        for option in ("ignore", "categorical", "numeric"):
            for name in getattr(self, option):
                known(name, there, f"--{option}")
                if name in said:
                    raise BadInput(f"column {name!r} is in --{said[name]} and in --{option}")
                said[name] = option


def wishes_of(source: Source) -> Wishes:
    """Return the wishes among a source's options: names as a list, or with commas."""
    return Wishes(
        names(source.options.get("ignore")),
        names(source.options.get("categorical")),
        names(source.options.get("numeric")),
        missing_allowed=source.options.get("nan") != "refuse",
    )


def decide(columns: dict[str, pa.ChunkedArray], train: NDArray[np.int64], wishes: Wishes) -> Roles:
    """Return what becomes of each column, judged by its training rows; empties `columns`."""
    roles = Roles()
    texts = sum(not is_number(column.type) for column in columns.values())
    rows = max((len(column) for column in columns.values()), default=1)
    levels = int(np.clip(CELLS // (rows * max(1, texts)), 8, LEVELS))
    for name in list(columns):
        column = columns.pop(name)  # freed one by one: a large table is not held twice
        if name in wishes.ignore:
            roles.rows.append((name, "left out", "--ignore"))
            continue
        forced = name in wishes.numeric or name in wishes.categorical
        if name in wishes.categorical and pa.types.is_nested(column.type):
            raise BadInput(
                f"--categorical {name!r}: {column.type} values are no levels: make them text, or "
                "columns of their own"
            )
        codes = name not in wishes.numeric
        # A data frame's or Parquet's own type for categories, whatever their labels are.
        labelled = pa.types.is_dictionary(column.type) and is_number(column.type.value_type)
        as_text = name in wishes.categorical or (labelled and codes)
        found = text(column) if as_text else values(column, name, codes=codes)
        if name in wishes.numeric and not isinstance(found, Numbers):
            raise BadInput(_no_number(name, column, found))
        if found is None:
            why = "empty" if pa.types.is_null(column.type) else f"{column.type} values"
            roles.rows.append((name, "left out", why))
        elif isinstance(found, Numbers):
            _number(roles, name, found, train, forced)
        elif isinstance(found, Dates):
            _date(roles, name, found, train)
        else:
            _category(roles, name, found, train, levels if not forced else LEVELS, forced)
            if not forced and (example := dressed(found)) is not None:
                roles.warnings.append(
                    f"column {name!r} looks like numbers that are not plain ({quoted(example)}): "
                    "write 1234.5, and leave missing cells empty, to learn from them as numbers"
                )
        if roles.rows[-1][1] != "left out" and not wishes.missing_allowed and _gaps(found):
            raise BadInput(
                f"column {name!r} has {counted(_gaps(found), 'missing cell')} and missing values "
                f"are refused: fill them, or say --ignore {name}"
            )
    if not roles.numbers and not roles.categories:
        reasons = "; ".join(f"{name}: {why}" for name, _, why in roles.rows[:5])
        raise BadInput(f"no column is left to learn from ({reasons or 'only the target'})")
    return roles


def _no_number(name: str, column: pa.ChunkedArray, found: object) -> str:
    if isinstance(found, Dates):
        return f"--numeric {name!r}: it holds dates, which become numbers anyway; leave it out"
    for row, cell in enumerate(column.to_pylist()):
        try:
            float("nan" if cell is None else cell)
        except (TypeError, ValueError):
            return (
                f"--numeric {name!r}: {quoted(cell)} (row {row + 1}) is text where numbers belong"
            )
    return f"--numeric {name!r}: it holds no number"


def _gaps(found: object) -> int:
    if isinstance(found, Text):
        return int((found.codes < 0).sum())
    if isinstance(found, Dates):
        return int(np.isnat(found.seconds).sum())
    return int(np.isnan(found.values).sum()) if isinstance(found, Numbers) else 0


def _number(
    roles: Roles, name: str, found: Numbers, train: NDArray[np.int64], forced: bool
) -> None:
    _refuse_infinite(name, found.values)
    there = found.values[train]
    filled = there[~np.isnan(there)]
    gaps = len(there) - len(filled)
    constant = not len(filled) or filled.min() == filled.max()
    if not forced and constant and (not len(filled) or not gaps):
        why = f"constant: {filled[0]:g}" if len(filled) else "empty"
        roles.rows.append((name, "left out", why))
        return
    if found.whole and not forced and (says := _identifier(name, found, filled)):
        keep = f"; --numeric {shown(name)} keeps it"
        roles.rows.append((name, "left out", says + keep))
        return
    gap = f"; {counted(gaps, 'missing cell')}: the mean, and an indicator" if gaps else ""
    roles.rows.append((name, "number", "standardized" + reading(found) + gap))
    written = (found.way, found.strays, found.kind)
    roles.numbers.append(Number(name, None, found.values, None, *written, span(found, train)))


def _refuse_infinite(name: str, array: NDArray[np.float64] | NDArray[np.int64]) -> None:
    # Keras reads float32, whose largest value is 3.4e38.
    bad = np.flatnonzero(np.abs(array) > 1e37)
    if len(bad):
        raise BadInput(
            f"column {name!r} is {array[bad[0]]:g} in row {bad[0] + 1}: infinite or too large a "
            f"number; mend it, leave the cell empty, or say --ignore {name}"
        )


def _identifier(
    name: str, found: Numbers, filled: NDArray[np.float64] | NDArray[np.int64]
) -> str | None:
    """Return why whole numbers look like an identifier: a name, a sequence, or equal lengths."""
    rows, distinct = len(filled), len(np.unique(filled))
    if rows < ENOUGH or distinct < DISTINCT * rows:
        return None
    low, high = float(filled.min()), float(filled.max())
    steps = np.sign(np.diff(found.values[~np.isnan(found.values)]))
    in_order = bool(np.all(steps > 0) or np.all(steps < 0))
    dense = distinct == rows and high - low + 1 <= 2.5 * rows
    alike = distinct == rows and low >= 1e5 and len(f"{low:.0f}") == len(f"{high:.0f}")
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold()
    if IDENTIFIER.search(words) or in_order or dense or alike:
        return f"looks like an identifier: {distinct:,} different values in {rows:,} rows"
    return None


def _date(roles: Roles, name: str, found: Dates, train: NDArray[np.int64]) -> None:
    used, form = [], found.format or "typed"
    for part, array in parts(found.seconds).items():
        there = array[train]
        if len(np.unique(there[~np.isnan(there)])) > 1:
            used.append(part)
            roles.numbers.append(Number(name, part, array, form, span=span(found, train)))
    if used:
        how = f"; read as {found.format}" if found.format else ""
        how += f", though {found.other} would fit as well" if found.other else ""
        roles.rows.append((name, "date", "as numbers: " + ", ".join(used) + how))
    else:
        roles.rows.append((name, "left out", "constant"))


def _category(
    roles: Roles, name: str, found: Text, train: NDArray[np.int64], limit: int, forced: bool
) -> None:
    there = found.codes[train]
    rows = int((there >= 0).sum())
    counts = np.bincount(there + 1, minlength=len(found.levels) + 1)
    distinct = int((counts[1:] > 0).sum())
    if distinct + (counts[0] > 0) <= 1 and not forced:
        why = "empty" if not distinct else f"constant: {quoted(_level(found, int(there.max())))}"
        roles.rows.append((name, "left out", why))
        return
    if not forced and rows >= ENOUGH and distinct >= DISTINCT * rows:
        why = f"looks like an identifier or free text: {distinct:,} different in {rows:,} rows"
        why += f"; --categorical {shown(name)} keeps it"
        roles.rows.append((name, "left out", why))
        return
    rare = min(RARE, max(2, len(train) // 100))
    order = np.argsort(-counts, kind="stable")
    kept = [int(place) for place in order[:limit] if counts[place] >= (1 if forced else rare)]
    if not kept:
        why = f"every level is rare: {counted(distinct, 'level')} in {counted(rows, 'row')}"
        roles.rows.append((name, "left out", why))
        return
    recode = np.full(len(counts), -1, np.int32)
    recode[kept] = np.arange(len(kept), dtype=np.int32)
    pooled = int((counts > 0).sum()) - len(kept)
    levels = ["" if place == 0 else _level(found, place - 1) for place in kept]
    why = counted(len(kept), "level") + (", one of them for missing cells" if 0 in kept else "")
    if padded(found.levels):
        why += "; kept as text for their leading zeros"
    if pooled:
        why += f"; {counted(pooled, 'rare one')} pooled as other"
    roles.rows.append((name, "category", why))
    roles.categories.append(
        Category(name, recode[found.codes + 1], levels, pooled > 0, found.kind)
    )


def _level(found: Text, code: int) -> str:
    return str(found.levels[code].as_py())
