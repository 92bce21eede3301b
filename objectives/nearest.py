"""What a misspelt name may stand for."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(
    name: object, known: Iterable[object], most: int = 1, cutoff: float = 0.6
) -> list[str]:
    """Return the known names that a misspelt one may stand for, nearest first; often none."""
    folded = {str(one).casefold(): str(one) for one in known}
    near = difflib.get_close_matches(str(name).casefold(), folded, most, cutoff)
    return [folded[one] for one in near]
