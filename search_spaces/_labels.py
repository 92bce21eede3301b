"""Labels of configs that have none of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST = 18  # characters: with its number, a run's name is as long as MLflow's list shows
NAMES = {"learning_rate": "lr", "batch_size": "batch"}


def label_of(params: Mapping[str, Any]) -> str:
    """Return a label such as `units=16 lr=0.035`: what tells most, as far as there is place.

    The learning rate goes before other numbers, numbers before words; what is shown stands in
    the order of the parameters.
    """
    pieces = {name: text for name, value in params.items() if (text := _piece(name, value))}
    order = sorted(
        pieces, key=lambda name: (not pieces[name].startswith("lr="), "=" not in pieces[name])
    )
    kept: set[str] = set()
    for name in order:
        if len(" ".join(pieces[n] for n in {*kept, name})) <= LONGEST:
            kept.add(name)
    return " ".join(text for name, text in pieces.items() if name in kept)


def _piece(name: str, value: Any) -> str:
    """Return `units=16`; a word stands for itself, and a switch for its name."""
    stem, number = re.findall(r"^(.*?)_?(\d*)$", name, re.DOTALL)[0]
    short = NAMES.get(name, stem[:8].rstrip("_") + number)
    if isinstance(value, bool):
        return short if value else f"no {short}"
    if isinstance(value, int | float):
        return f"{short}={_number(value)}"
    return value[:LONGEST] if isinstance(value, str) else ""


def _number(value: float) -> str:
    """Return a number in few characters: 0.000123 -> `1.2e-4`."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.2g}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    if not exponent:  # not finite
        return text
    return min(text, f"{mantissa.removesuffix('.0')}e{int(exponent)}", key=len)
