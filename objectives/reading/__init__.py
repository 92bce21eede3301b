"""The parts of reading a user's own data: files, columns, labels, splits, statistics.

`objectives.tables` and `objectives.sequences` put them together. Everything here raises
`BadInput` for what the user can mend. All that is fitted is fitted on training rows alone.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from objectives import BadInput
from objectives.nearest import nearest

# Cells that stand for a missing value: pandas' own list, and "?".
MISSING = (
    "", "?", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND",
    "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip


def shown(text: object, limit: int = 60) -> str:
    """Return one short line of what a file holds: its line breaks and control marks escaped."""
    cut = str(text)[: limit + 1]
    plain = "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in cut)
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


def quoted(cell: object) -> str:
    """Return a cell as `'text'`, or a number as it is, in one short line."""
    return f"'{shown(cell)}'" if isinstance(cell, str) else shown(cell)


def listing(names: Iterable[object], limit: int = 8) -> str:
    """Return the first names, and how many more there are; one with a comma is quoted."""
    found = [f"'{shown(name)}'" if "," in str(name) else shown(name) for name in names]
    more = f" and {len(found) - limit:,} more" if len(found) > limit else ""
    return ", ".join(found[:limit]) + more


def similar(name: str, names: Iterable[object]) -> str:
    """Return `did you mean 'x'?`, or the names there are."""
    found = [str(known) for known in names]
    close = nearest(name, found, most=3)
    if close:
        return "did you mean " + " or ".join(map(quoted, close)) + "?"
    return f"there are: {listing(found)}"


def known(name: str, names: Iterable[str], option: str, what: str = "column") -> str:
    """Return the name if it is among the names; raise BadInput with the nearest ones if not."""
    found = list(names)
    if name not in found:
        raise BadInput(f"{option} {name!r}: no such {what}; {similar(name, found)}")
    return name


def names(given: str | Iterable[str] | None, there: Collection[str] = ()) -> tuple[str, ...]:
    """Return names that come as a list, or in one text with commas.

    there: the columns, of which some may have commas in their names; quotes hold a name together.
    """
    if not isinstance(given, str):
        return tuple(part.strip() for part in given or () if part.strip())
    if '"' in given and given.strip() not in there:
        return names(next(csv.reader([given], skipinitialspace=True)))
    parts, found = given.split(","), []
    while parts:
        # The longest run of parts that is a column's name.
        runs = range(len(parts), 1, -1)
        run = next((n for n in runs if ",".join(parts[:n]).strip() in there), 1)
        found.append(",".join(parts[:run]))
        parts = parts[run:]
    return names(found)


def counted(number: int, noun: str) -> str:
    """Return `1 row` or `2,000 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def size(count: float) -> str:
    """Return a number of bytes as MB or GB."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"


def free_memory() -> int | None:
    """Return the bytes that this process may still take, or None where nobody says."""
    limits = []
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        found = re.search(r"MemAvailable:\s+(\d+) kB", text)
        if found:
            limits.append(1024 * int(found[1]))
        group = Path("/sys/fs/cgroup")
        allowed = (group / "memory.max").read_text(encoding="ascii").strip()
        if allowed != "max":
            used = int((group / "memory.current").read_text(encoding="ascii"))
            limits.append(int(allowed) - used)
    except (OSError, ValueError):
        pass
    if not limits and hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(limits) if limits else None


def check_memory(needed: float, what: str, advice: str) -> None:
    """Raise BadInput where more bytes are needed than are free."""
    free = free_memory()
    if free is not None and needed > free:
        raise BadInput(
            f"{what} takes about {size(needed)} of memory, {size(free)} is free: {advice}"
        )
