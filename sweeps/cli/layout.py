"""Lines as wide as the terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable


def columns() -> int | None:
    """Return the width of the terminal, None where the output goes elsewhere."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return None
    return shutil.get_terminal_size().columns


def fit(lines: Iterable[str], width: int | None) -> list[str]:
    """Break lines that are too long between words; what follows a name stays beside it."""
    found = []
    for line in lines:
        beside = re.match(r" *\S+ {2,}", line)
        indent = len(beside[0]) if beside else len(line) - len(line.lstrip()) + 2
        wrapper = textwrap.TextWrapper(
            width or sys.maxsize,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        found += wrapper.wrap(line) or [""]
    return found
