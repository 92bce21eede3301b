"""The options that name a user's own data, and the table that says what was done to them."""

from __future__ import annotations

import argparse
from typing import Any

from objectives import BadInput, Data, Source

DATA_HELP = """\
data      --data FILE --target NAME [--positive V]   CSV, TSV, Parquet, NPZ
          --group NAME | --time-order  --validation 0.2  --test 0.2  --split-seed 0
          --ignore A,B  --categorical A,B  --numeric A,B  --nan impute|refuse
          --threshold-for balanced_accuracy|f1|none  --weights off|balanced
          --id NAME --time NAME (sequences in a long table)
"""
READERS = ("ignore", "categorical", "numeric", "nan", "weights", "threshold_for", "id", "time")


def share(text: str) -> float:
    """Return a share of the rows."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: write a number like 0.2")
    return value


def add_options(parser: argparse.ArgumentParser, whole: Any) -> None:
    """Add the data options to a parser; `whole` reads whole numbers."""
    add = parser.add_argument
    add("--data", metavar="FILE")
    for name in ("target", "positive", "group", "ignore", "categorical", "numeric", "id", "time"):
        add(f"--{name}")
    add("--time-order", action="store_true")
    add("--validation", type=share)
    add("--test", type=share)
    add("--split-seed", type=whole(0))
    add("--nan", choices=("impute", "refuse"))
    add("--weights", choices=("off", "balanced"))
    add("--threshold-for", choices=("balanced_accuracy", "f1", "none"))


def source(options: argparse.Namespace) -> Source | None:
    """Return the source that the options name, None where they name none. Raises BadInput."""
    given = {name: getattr(options, name) for name in ("target", "positive", "group")}
    shares = {name: getattr(options, name) for name in ("validation", "test")}
    shares["seed"] = options.split_seed
    readers = {name: getattr(options, name) for name in READERS}
    if options.data is None:
        for name, value in {**given, **shares, **readers}.items():
            if value is not None:
                option = "split-seed" if name == "seed" else name.replace("_", "-")
                raise BadInput(f"--{option} {value} says how to read a file: add --data FILE")
        return None
    return Source(
        path=options.data,
        time_order=options.time_order,
        options={name: value for name, value in readers.items() if value is not None},
        **given,
        **{name: value for name, value in shares.items() if value is not None},
    )


def data_lines(data: Data) -> list[str]:
    """Return what was done to every column and why, and the warnings; nothing for arrays."""
    if "columns" not in data.details:
        return []
    from objectives.tables import describe

    rows = describe(data)
    widths = [min(max(len(row[place]) for row in rows), 30) for place in (0, 1)]
    lines = [
        f"  {name[:30]:<{widths[0]}}  {what[:30]:<{widths[1]}}  {why}" for name, what, why in rows
    ]
    lines += [f"note: {note}" for note in data.details.get("notes", [])]
    return lines + [f"warning: {warning}" for warning in data.details.get("warnings", [])]
