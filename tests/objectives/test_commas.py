"""A file with decimal commas: its text means the same to a scorer, however pandas reads it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from objectives import BadInput, Source
from objectives.reading import scoring
from objectives.tables import load_table

ROWS = 90
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "decimal": {"decimal": ","},
    "both": {"decimal": ",", "thousands": "."},
    "text": {"dtype": str},
}


def german(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}".translate(str.maketrans(",.", ".,"))


def columns() -> dict[str, tuple[list[str], list[float]]]:
    """Return each column as it is written, and its numbers."""
    rng = np.random.default_rng(0)
    kinds = {
        "large": (1000, 9000, 1),
        "mixed": (1, 3000, 1),
        "small": (1, 900, 1),
        "three decimals": (1, 900, 3),
        "grouped": (1000, 9000, 0),
        "whole": (1, 3000, 0),
        "few": (1, 900, 0),
    }
    found = {}
    for name, (low, high, decimals) in kinds.items():
        numbers = rng.uniform(low, high, ROWS).round(decimals)
        found[name] = [german(n, decimals) for n in numbers], numbers.tolist()
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """Return a file's text, and what a scorer knows of each column."""
    written = {name: cells for name, (cells, _) in columns().items()}
    frame = pd.DataFrame(written | {"y": np.arange(ROWS) % 2})
    path = tmp_path_factory.mktemp("commas") / "t.csv"
    frame.to_csv(path, sep=";", index=False)
    data = load_table(Source(path=str(path), target="y"), "binary")
    assert data.preprocessing is not None
    return path.read_text(), {one["column"]: one for one in data.preprocessing["inputs"]}


@pytest.mark.parametrize("rows", [None, 1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_it_is_read_alike_or_refused(
    way: str, rows: int | None, trained: tuple[str, dict[str, Any]]
) -> None:
    text, plan = trained
    frame = pd.read_csv(io.StringIO(text), sep=";", nrows=rows, **WAYS[way])
    for name, (_, numbers) in columns().items():
        given = scoring.named(frame)
        # pandas has taken groups of thousands for decimals.
        if frame[name].dtype == float and numbers[:rows] != frame[name].tolist():
            assert way == "plain"
            with pytest.raises(BadInput, match="give text, or numbers without points"):
                scoring.numbers(given, plan[name])
        else:
            read = scoring.numbers(given, plan[name])
            np.testing.assert_allclose(read, numbers[:rows], err_msg=f"{name} read {way}")


def test_text_of_another_kind_is_refused(trained: tuple[str, dict[str, Any]]) -> None:
    _, plan = trained
    for name, wrong in [("small", "1.5"), ("small", "1,234.5"), ("grouped", "70,183")]:
        with pytest.raises(BadInput, match=f"'{wrong}' where numbers belong as training had"):
            scoring.numbers({name: pd.Series([wrong])}, plan[name])
    assert scoring.numbers({"few": pd.Series([2.5, 7])}, plan["few"]).tolist() == [2.5, 7]
