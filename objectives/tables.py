"""A user's own table: CSV, Parquet or NPZ."""

from __future__ import annotations

from objectives import BadInput, Data, Source


def load_table(source: Source, task: str) -> Data:
    """Read, clean and split a table. Raises BadInput."""
    raise BadInput(f"cannot read {source.path!r}: own data are not supported yet")
