"""The dense space, with batches for tables of a few hundred rows."""

from __future__ import annotations

from search_spaces.dense_multiclass import SPACE

__all__ = ["SPACE"]
