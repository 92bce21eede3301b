"""The way back: from a data set's details, or an exported config, to its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from objectives import BadInput, Data, Source
from objectives.reading import names

OPTIONS = ("ignore", "categorical", "numeric", "id", "time", "nan", "weights")
NAMES = {"ignore", "categorical", "numeric"}


def details(source: Source, kind: str) -> dict[str, Any]:
    """Return what of a source the details of its data repeat: plain values alone."""
    found: dict[str, Any] = {"target": source.target, "positive": source.positive}
    for option in OPTIONS:
        value = source.options.get(option)
        if value:
            found[option] = list(names(value)) if option in NAMES else value
    found["split"] = {
        "kind": kind,
        "validation": source.validation,
        "test": source.test,
        "seed": source.seed,
    }
    if source.group is not None:
        found["split"]["group"] = source.group
    return found


def to_config(data: Data) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the `data` and `split` sections of an exported config."""
    known = ("target", "positive", *OPTIONS)
    section = {"source": data.source, "digest": data.digest, "rows": data.shape[0]}
    section |= {k: data.details[k] for k in known if data.details.get(k)}
    return section, dict(data.details.get("split", {}))


def from_config(
    data: Mapping[str, Any],
    split: Mapping[str, Any],
    *,
    path: str | None = None,
    metrics: tuple[str, ...] = (),
) -> Source:
    """Return the source from which the same data are read again; `path` replaces the file.

    data, split: the sections of an exported config, or the same keys of `Data.details`.
    """
    shares = {k: split[k] for k in ("validation", "test", "seed") if k in split}
    kind = split.get("kind")
    if kind == "group" and not split.get("group"):
        raise BadInput("split: kind is 'group', but no group is named: add group: NAME")
    source = path or data.get("source")
    return Source(
        path=None if source in (None, "embedded", "arrays") else str(source),
        target=data.get("target"),
        positive=data.get("positive"),
        group=split.get("group") if kind == "group" else None,
        time_order=kind == "time",
        metrics=metrics,
        options={k: data[k] for k in OPTIONS if data.get(k)},
        **shares,
    )
