"""Files with decimal commas: how their numbers were written, for whoever scores text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from objectives.reading.spelled import Way

KEY = b"decimal commas"


def without_points(table: pa.Table) -> pa.Table:
    """Return the table of a file with decimal commas, in which 1.234 is a thousand and more.

    It knows which columns hold numbers, and which of them are whole ones with such points: see
    `ways`.
    """
    places: dict[int, int | None] = {}
    for place, column in enumerate(table.columns):
        if pa.types.is_string(column.type) and column.null_count < len(column):
            trimmed = pc.utf8_trim_whitespace(column)
            grouped = pc.match_substring_regex(trimmed, r"^[+-]?([1-9]\d{0,2}(\.\d{3})*|0)$")
            if pc.all(grouped).as_py():
                numbers = pc.cast(pc.replace_substring(trimmed, ".", ""), pa.int64())
                table = table.set_column(place, table.schema.field(place).name, numbers)
                places[place] = 0
        elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            places[place] = None
    return table.replace_schema_metadata({KEY: json.dumps(places)})


def ways(table: pa.Table) -> dict[str, Way]:
    """Return how the numeric columns of a file with decimal commas were written."""
    kept = json.loads((table.schema.metadata or {}).get(KEY, b"{}"))
    return {
        table.column_names[int(place)]: Way(".", ",", places=most) for place, most in kept.items()
    }


def with_ways(inputs: list[dict[str, Any]], written: Mapping[str, Way]) -> None:
    """Let a scorer read text in these columns as the file was read, and not 1.234 as 1.234."""
    for one in inputs:
        if one["column"] in written and not {"way", "kind", "part"} & one.keys():
            one |= {"way": vars(written[one["column"]]), "strays": []}
