"""MLflow's limits on names, texts and batches."""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sweeps.tracking.redact import redact

METRICS, PARAMS, TAGS = 1000, 100, 100  # per call
KEY, PARAM, TAG, NOTE = 250, 6000, 5000, 5000  # characters
CALL = 200_000  # characters of parameters per call; a server refuses bodies of 1 MB

T = TypeVar("T")


def key(name: object) -> str:
    """Return a name that MLflow accepts; a changed name ends with a digest, to stay unique."""
    asked = str(name)
    fit = re.sub(r"[^\w./ -]", "_", asked)[:KEY]
    if posixpath.normpath(fit) != fit or fit.startswith(("/", ".")):
        fit = re.sub(r"[/.]", "_", fit) or "_"
    if fit == asked:
        return fit
    return (
        f"{fit[: KEY - 7]}_{hashlib.sha1(asked.encode(), usedforsecurity=False).hexdigest()[:6]}"
    )


def text(value: Any, limit: int = PARAM) -> str:
    """Return a value as text of limited length: containers as JSON, passwords in URLs hidden."""
    if isinstance(value, (Mapping, list, tuple)):
        shown = json.dumps(value, default=str, ensure_ascii=False)
    else:
        shown = str(value)
    shown = redact(shown) if "://" in shown else shown
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as a flat one, with keys joined by dots."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite metrics as floats: MLflow's pages cannot show the others."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if value is not None and math.isfinite(value)
    }


def chunks(items: Sequence[T], size: int, weight: int = 0) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size` items, and at most CALL characters.

    weight: the most characters that one item can have; 0 for no limit on characters.
    """
    step = size if not weight else max(1, min(size, CALL // weight))
    for start in range(0, len(items), step):
        yield list(items[start : start + step])


def note(summary: str) -> str:
    """Return Markdown in which HTML tags are escaped, cut to MLflow's limit."""
    shown = redact(re.sub(r"<(?=[A-Za-z/!?])", "&lt;", summary))
    if len(shown) <= NOTE:
        return shown
    lines = shown[: NOTE - 8].splitlines()[:-1] or [shown[: NOTE - 8]]
    fenced = sum(line.startswith("```") for line in lines) % 2
    return "\n".join([*lines, "```" if fenced else "…"])
