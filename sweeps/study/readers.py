"""How the values of options are read. A reader raises ValueError with what the value must be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from objectives.costs import COSTS
from objectives.costs import SECONDS as SECONDS_OF_EPOCH
from objectives.nearest import nearest
from objectives.training import TRAINERS

Reader = Callable[[str], Any]
NUMBER = r"[0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?"
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def whole(low: int, high: float = math.inf) -> Reader:
    """Return a reader of whole numbers from `low` to `high`."""
    bounds = f"{low} or more" if high == math.inf else f"from {low} to {high}"

    def read(text: str) -> int:
        if re.fullmatch(r"[+-]?[0-9]+", text) is None or not low <= int(text) <= high:
            raise ValueError(f"it must be a whole number, {bounds}")
        return int(text)

    return read


def one_of(choices: tuple[str, ...]) -> Reader:
    """Return a reader of one of some words."""

    def read(text: str) -> str:
        if text not in choices:
            near = nearest(text, choices)
            hint = f", did you mean {near[0]}?" if near else ""
            raise ValueError(f"it must be one of {', '.join(choices)}{hint}")
        return text

    return read


def engine(text: str) -> str:
    """Return one of `TRAINERS`, or `module:name`, a function of an objective and data."""
    own = all(part.isidentifier() for part in text.replace(":", ".").split("."))
    return text if own and text.count(":") == 1 else one_of(TRAINERS)(text)


def switch(text: str) -> bool:
    """Return whether it is on."""
    found = {"on": True, "true": True, "off": False, "false": False}.get(text.casefold())
    if found is None:
        raise ValueError("it must be on or off")
    return found


def duration(text: str) -> float:
    """Return seconds from `90`, `90s`, `30m`, `1.5h` or `2d`."""
    match = re.fullmatch(rf"({NUMBER})([smhd]?)", text)
    if not match or not 0 < float(match[1]) < math.inf:
        raise ValueError("it must be a time, such as 90s, 30m or 2h")
    return float(match[1]) * SECONDS[match[2]]


def time_text(seconds: float) -> str:
    """Return `42s`, `6m12s` or `1h05m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def interval(text: str) -> float:
    """Return seconds as `duration` does, infinity for `off`."""
    return math.inf if text in ("off", "inf") else duration(text)


def epochs(text: str) -> int:
    """Return epochs, 0 for `off`."""
    try:
        return 0 if text == "off" else int(whole(0)(text))
    except ValueError:
        raise ValueError("it must be a number of epochs, or off") from None


def share(text: str) -> float:
    """Return a share of the rows."""
    if re.fullmatch(NUMBER, text) is None or not 0.0 < float(text) < 1.0:
        raise ValueError("it must be a share of the rows, such as 0.2")
    return float(text)


def validated(text: str) -> str:
    """Return the name of a metric that is computed on the validation set, and further ones."""
    first, comma, others = text.partition(",")
    if comma:
        rest = [
            one if one in (*COSTS, SECONDS_OF_EPOCH) else validated(one)
            for one in others.split(",")
        ]
        return ",".join([validated(first), *rest])
    if not text.startswith("val_"):
        raise ValueError(
            f"it is not of the validation part: take val_{text}, or another that begins with val_"
        )
    return text
