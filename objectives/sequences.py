"""A user's own sequences: NPZ or long CSV."""

from __future__ import annotations

from objectives import BadInput, Data, Source


def load_sequences(source: Source) -> Data:
    """Read, clean and split sequences. Raises BadInput."""
    raise BadInput(f"cannot read {source.path!r}: own data are not supported yet")
