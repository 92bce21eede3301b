"""Labels of configs that have none of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST = 18  # characters: with its number, a run's name is as long as MLflow's list shows
LETTERS = (8, 6, 4)  # of a name; of a word, twice as many
NAMES = {"learning_rate": "lr", "batch_size": "batch"}


def label_of(params: Mapping[str, Any]) -> str:
    """Return a label such as `units=16 lr=0.035`: what tells most, as far as there is place.

    Names and words are as short as lets most of the parameters in. Where not all are, the learning
    rate goes before other numbers, numbers before words. What is shown stands in the order of the
    parameters.
    """
    return max((_fitting(params, letters) for letters in LETTERS), key=lambda found: found[0])[1]


def _fitting(params: Mapping[str, Any], letters: int) -> tuple[tuple[int, list[bool]], str]:
    """Return how many pieces find a place, which of the most telling ones do, and the label."""
    given = {name: _piece(name, value, letters) for name, value in params.items()}
    pieces = {name: text for name, text in given.items() if text}

    def key(name: str) -> tuple[bool, bool, bool]:
        piece = pieces[name]
        return not piece.startswith("lr="), "=" not in piece, isinstance(params[name], bool)

    kept: set[str] = set()
    order = sorted(pieces, key=key)
    for name in order:
        if len(" ".join(pieces[each] for each in {*kept, name})) <= LONGEST:
            kept.add(name)
    label = " ".join(text for name, text in pieces.items() if name in kept)
    return (len(kept), [name in kept for name in order]), label


def _piece(name: str, value: Any, letters: int) -> str:
    """Return `units=16`; a word stands for itself, and a switch for its name."""
    stem, number = re.findall(r"^(.*?)_?(\d*)$", name, re.DOTALL)[0]
    short = NAMES.get(name, stem[:letters].rstrip("_") + number)
    if isinstance(value, bool):
        return short if value else f"no {short}"
    if isinstance(value, int | float):
        return f"{short}={_number(value)}"
    return value[: 2 * letters] if isinstance(value, str) else ""


def _number(value: float) -> str:
    """Return a number in few characters: 0.000123 -> `1.2e-4`."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.2g}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    if not exponent:  # not finite
        return text
    return min(text, f"{mantissa.removesuffix('.0')}e{int(exponent)}", key=len)
