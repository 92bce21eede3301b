"""A user's own data: the `Source` that options make, and the table of what was done to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from objectives import BadInput, Data, Source
from objectives.data import OWN
from objectives.reading import counted
from objectives.structures import is_array, words
from sweeps.study.identity import FROM_LOAD, source_words
from sweeps.study.options import DATA, OPTIONS

FEW = 100  # validation rows; benchmarks/few_rows.py compares with folds
CAN_FOLD = ("stratified", "group")
RENAMED = {"data": "path", "split_seed": "seed"}  # of a `Source`; others have their option's name
FIELDS = {field.name for field in dataclasses.fields(Source)}
PLACES = {
    name: RENAMED.get(name, name) for name, one in OPTIONS.items() if one.group == DATA
}  # what is no field is one of a source's options


def source_of(given: Mapping[str, Any]) -> Source | None:
    """Return the source that options name, None where they name none. Raises BadInput."""
    data = given.get("data")
    said = {name: given[name] for name in PLACES if given.get(name) is not None and name != "data"}
    if data is None and said.keys() == {"folds"}:
        return Source(**said)
    if said and (data is None or isinstance(data, Data | Source)):
        name, value = next(iter(said.items()))
        flag = OPTIONS[name].flag + ("" if value is True else f" {value}")
        raise BadInput(f"{flag} says how to read data: add --data FILE, or leave it out")
    if data is None or isinstance(data, Data):
        return None
    if isinstance(data, Source):
        return data
    known: dict[str, Any] = {"options": {}}
    if isinstance(data, str | Path):
        known["path"] = str(data)
    elif isinstance(data, tuple) and len(data) in (2, 3):
        known["arrays"] = data
    else:
        raise BadInput(f"data is {type(data).__name__}: give a path, (X, y), a Source or Data")
    for name, value in said.items():
        (known if PLACES[name] in FIELDS else known["options"])[PLACES[name]] = value
    return Source(**known)


def options_of(source: Source | None) -> dict[str, Any]:
    """Return the options that name a source, None for those that are left out."""
    if source is None or source.path is None:
        return dict.fromkeys(PLACES) | {"folds": source and (source.folds or None)}
    found = vars(source) | {"time_order": source.time_order or None, "folds": source.folds or None}
    return {name: found.get(place, source.options.get(place)) for name, place in PLACES.items()}


def data_text(data: Data) -> str:
    """Return `built-in data, 60,000 x 64; train 40,000 / validation 10,000 / test 10,000`."""
    if "said" in data.details:
        return str(data.details["said"])
    shape = " x ".join(f"{n:,}" for n in data.shape)
    if not is_array(data.train.x) or not is_array(data.train.y):
        named = words(data.train.x, "x"), words(data.train.y, "y")
        shape = f"{data.shape[0]:,} rows of {named[0]}; {named[1]}"
    if data.preprocessing is not None and len(data.shape) == 2:
        shape += " input features after encoding"
    parts = " / ".join(
        f"{name} {len(getattr(data, name)):,}" for name in ("train", "validation", "test")
    )
    if data.folds:
        parts = f"{len(data.train):,} in {len(data.folds)} folds / test {len(data.test):,}"
    if data.stream is not None:
        parts = " / ".join(f"{name} {_length(known)}" for name, known in data.stream.items())
        named = words(data.train.x, "x"), words(data.train.y, "y")
        shape = f"data sets of {named[0]}; {named[1]}"
    name = FROM_LOAD if OWN in data.details else source_words(data.source.name)
    return f"{name}, {shape}; {parts}"


def _length(known: Mapping[str, Any]) -> str:
    """Return how long a data set is: `12 batches of 32`, `600 rows`."""
    if known.get("rows"):
        return counted(known["rows"], "row")
    batches, size = known.get("batches"), known["size"]
    return f"{batches:,} batch{'es' * (batches > 1)} of {size}" if batches else "of unknown length"


def split_text(data: Data) -> str:
    """Return `stratified, validation 0.2, test 0.2, seed 0`; nothing where it came in parts."""
    kind, *known = data.source.split.items()
    return ", ".join([kind[1], *(f"{k} {value}" for k, value in known)]) if known else ""


def folds_text(data: Data, monitor: str) -> list[str]:
    """Return the line that says what folds mean, none without them."""
    if not data.folds:
        return []
    return [
        f"folds: a trial trains {len(data.folds)} nets, one for each fold; its {monitor} is their "
        "mean (± standard error), and test scores and export are of their average"
    ]


def few_text(data: Data) -> list[str]:
    """Return the line that says what folds would do, none where they do not help."""
    few, own = len(data.validation), OWN in data.details or data.source.name != Source().name
    given = data.source.validation != Source.validation
    if data.folds or few >= FEW or not own or given or data.source.split["kind"] not in CAN_FOLD:
        return []
    rows = len(data.train) + few
    return [
        f"note: {counted(few, 'validation row')} can hardly tell similar trials apart; with "
        f"--folds 5, each trial is judged by all {rows:,} rows outside the test set, at about "
        "five times the cost"
    ]


def data_lines(data: Data) -> list[str]:
    """Return what was done to every column and why, and the warnings."""
    warnings = [f"warning: {warning}" for warning in data.details.get("warnings", [])]
    if "columns" not in data.details:
        return [f"note: {note}" for note in data.details.get("notes", [])] + warnings
    from objectives.tables import describe

    rows = describe(data)
    widths = [min(max(len(row[place]) for row in rows), 30) for place in (0, 1)]
    lines = [
        f"  {name[:30]:<{widths[0]}}  {what[:30]:<{widths[1]}}  {why}" for name, what, why in rows
    ]
    lines += [f"note: {note}" for note in data.details.get("notes", [])]
    return lines + warnings
