"""Tables from files: CSV, TSV (also compressed) and Parquet, as Arrow columns."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from objectives import BadInput
from objectives.nearest import nearest
from objectives.reading import MISSING, check_memory, counted
from objectives.reading.commas import without_points
from objectives.reading.headers import distinct
from objectives.reading.values import padded

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".npz")
PACKED = {".gz": gzip.open, ".bz2": bz2.open}
BLOCK = 8 << 20  # bytes of text that are parsed at once, and the longest row


def kind(path: Path) -> str:
    """Return `text`, `parquet` or `npz`; raise BadInput where there is no such file."""
    if not path.exists():
        raise BadInput(f"{str(path)!r}: no such file{_neighbours(path)}")
    if path.is_dir():
        raise BadInput(f"{str(path)!r} is a folder: name one file")
    if path.stat().st_size == 0:
        raise BadInput(f"{str(path)!r} is empty")
    suffix = _suffix(path)
    if suffix not in SUFFIXES:
        raise BadInput(
            f"{path.name!r}: cannot read {suffix or 'a file without an ending'}; "
            "CSV, TSV (also .gz), Parquet and NPZ can be read"
        )
    return {".parquet": "parquet", ".pq": "parquet", ".npz": "npz"}.get(suffix, "text")


def _suffix(path: Path) -> str:
    bare = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return bare.suffix.lower()


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no folder {str(path.parent)!r}"
    names = [item.name for item in itertools.islice(path.parent.iterdir(), 1000)]
    close = nearest(path.name, names)
    return f"; did you mean {str(path.parent / close[0])!r}?" if close else ""


def read_table(path: Path) -> pa.Table:
    """Return the columns of a text or Parquet file. Raises BadInput."""
    what = kind(path)
    try:
        table = _read_parquet(path) if what == "parquet" else _read_text(path)
    except UnicodeDecodeError:
        raise BadInput(_not_utf8(path) or f"{str(path)!r} has names that are no text") from None
    except (pa.ArrowException, OSError, EOFError, zlib.error) as error:
        detail = str(error).splitlines()[0]
        raise BadInput(f"cannot read {str(path)!r}: {detail}") from None
    if table.num_rows == 0:
        raise BadInput(f"{str(path)!r} has no row below its column names")
    named = table.rename_columns(distinct(table.column_names, repr(str(path))))
    return named.replace_schema_metadata(table.schema.metadata)


def _read_parquet(path: Path) -> pa.Table:
    meta = pa.parquet.read_metadata(path)
    bytes_ = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    check_memory(2 * bytes_, f"reading {path.name}", "take a sample of its rows")
    # Named by the open file: a folder called `year=2020` must not become a column.
    with path.open("rb") as file:
        return pa.parquet.read_table(file)


def _read_text(path: Path) -> pa.Table:
    packed = path.suffix.lower() in PACKED
    check_memory(
        path.stat().st_size * (10 if packed else 2),
        f"reading {path.name}",
        "take a sample of its rows, or store it as Parquet",
    )
    head = _head(path)
    _refuse_binary(path, head)
    text = head.decode("utf-8-sig", errors="replace")
    said = re.match(r"""["']?sep=(.)["']?\r?\n""", text)  # Excel's first line
    text = text[said.end() :] if said else text
    delimiter = "\t" if _suffix(path) == ".tsv" else said[1] if said else _delimiter(text)
    skip = int(said is not None)
    comma = _decimal_comma(text, delimiter)
    options: dict[str, Any] = {
        "convert_options": pa.csv.ConvertOptions(
            strings_can_be_null=True,
            null_values=list(MISSING),
            decimal_point="," if comma else ".",
        ),
    }

    def read(threads: bool, handler: Callable[[Any], str] | None = None) -> pa.Table:
        return pa.csv.read_csv(
            path,
            read_options=pa.csv.ReadOptions(use_threads=threads, block_size=BLOCK, skip_rows=skip),
            parse_options=pa.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=handler
            ),
            **options,
        )

    try:
        table = read(threads=True)
    except pa.ArrowInvalid as error:
        wrong = _not_utf8(path) or _ragged(path, read)
        raise (BadInput(wrong) if wrong else error) from None
    if any(pa.types.is_binary(column.type) for column in table.columns):
        raise BadInput(_not_utf8(path) or f"{str(path)!r} holds bytes that are no text")
    _refuse_open_quote(path, table)
    table = _with_zeros(path, table, delimiter, skip)
    return without_points(table) if comma else table


def _with_zeros(path: Path, table: pa.Table, delimiter: str, skip: int) -> pa.Table:
    """Return the table with codes such as 00501 as text: as numbers they lose their zeros."""
    whole = [k for k, f in enumerate(table.schema) if pa.types.is_integer(f.type)]
    if not whole or not _leading_zeros(path, delimiter):
        return table
    # By their places, since names may be empty or repeated; the header is then a row.
    texts = pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(
            block_size=BLOCK, skip_rows=skip, column_names=list(map(str, range(table.num_columns)))
        ),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(map(str, whole)),
            column_types={str(place): pa.string() for place in whole},
            strings_can_be_null=True,
            null_values=list(MISSING),
        ),
    ).slice(1)
    for place in whole:
        if padded(texts.column(str(place))):
            name = table.schema.field(place).name
            table = table.set_column(place, name, texts.column(str(place)))
    return table


def _leading_zeros(path: Path, delimiter: str) -> bool:
    """Return whether any cell of the file begins with a 0 and a digit."""
    mark = re.escape(delimiter).encode()
    begins = re.compile(rb'(?:^|[\n\r"]|' + mark + rb")\s*0\d")
    before = b"\n"
    with _open(path) as file:
        while piece := file.read(1 << 20):
            if begins.search(before + piece):
                return True
            before = piece[-8:]
    return False


def _refuse_open_quote(path: Path, table: pa.Table) -> None:
    """Raise BadInput where the last cell has swallowed the rest of the file.

    Arrow takes a quote that is never closed as closed at the end.
    """
    last = table.column(table.num_columns - 1)
    if not table.num_rows or not pa.types.is_string(last.type):
        return
    cell = last[-1].as_py() or ""
    if "\n" in cell and not _tail(path).rstrip(b"\r\n ").endswith(b'"'):
        raise BadInput(
            f"{str(path)!r}: row {table.num_rows:,} opens a quote that is never closed "
            f"({cell[:40]!r}): the {counted(cell.strip().count(chr(10)), 'line')} after it would "
            "be lost"
        )


def _ragged(path: Path, read: Callable[..., pa.Table]) -> str | None:
    """Read again, slowly, and say which is the first line with too many or too few cells."""
    rows: list[Any] = []

    def skip(row: Any) -> str:
        rows.append(row)
        return "skip"

    try:
        read(threads=False, handler=skip)
    except pa.ArrowInvalid:
        return None
    if not rows:
        return None
    row = rows[0]
    return (
        f"{str(path)!r}: line {row.number} has {counted(row.actual_columns, 'cell')}, the first "
        f"line {row.expected_columns} ({row.text[:60]!r}); {counted(len(rows), 'line')} like "
        "that: is a cell with a comma not quoted?"
    )


def _open(path: Path) -> IO[bytes]:
    opener: Any = PACKED.get(path.suffix.lower(), open)
    file: IO[bytes] = opener(path, "rb")
    return file


def _head(path: Path) -> bytes:
    with _open(path) as file:
        return file.read(1 << 16)


def _tail(path: Path) -> bytes:
    last = b""
    with _open(path) as file:
        while piece := file.read(1 << 20):
            last = (last + piece)[-16:]
    return last


def _refuse_binary(path: Path, head: bytes) -> None:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput(f"{str(path)!r} is UTF-16: save it as UTF-8")
    if head[:4] == b"PK\x03\x04":
        raise BadInput(f"{str(path)!r} is a zip or Excel file: save it as CSV")
    if b"\x00" in head:
        raise BadInput(f"{str(path)!r} is no text: it holds zero bytes")


def _delimiter(text: str) -> str:
    """Return the delimiter that cuts most of the first lines into the most cells."""
    lines = text.splitlines()[:20]
    if len(text) >= 1 << 15 and len(lines) > 1:
        lines = lines[:-1]  # the last may be cut off

    def cells(delimiter: str) -> int:
        rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
        widths = [len(row) for row in rows if row]
        alike = sum(width == widths[0] for width in widths)
        return widths[0] if 2 * alike > len(widths) else 1

    try:
        return max(",;\t|", key=cells)
    except (csv.Error, IndexError):
        return ","


def _decimal_comma(text: str, delimiter: str) -> bool:
    """Return whether numbers are written as 1,5: where commas do not delimit."""
    if delimiter == ",":
        return False
    edge = rf'[{re.escape(delimiter)}\r\n"]'
    commas = re.findall(rf"{edge}[+-]?\d+,(\d+)(?={edge})", text)
    points = re.findall(rf"{edge}[+-]?\d+\.\d+(?={edge})", text)
    # 1,234 alone may be a thousand, except where the semicolon says whose Excel it was.
    sure = delimiter == ";" or any(len(digits) != 3 for digits in commas)
    return sure and len(commas) > len(points)


def _not_utf8(path: Path) -> str | None:
    """Say where a file is not UTF-8, or return None if it is."""
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return (
                    f"{str(path)!r} is not UTF-8: byte 0x{line[error.start]:02x} in line "
                    f"{number}; save it as UTF-8 (Excel: 'CSV UTF-8')"
                )
    return None
