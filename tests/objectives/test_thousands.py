"""Points and commas that may part thousands or decimals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from objectives import BadInput, Source
from objectives.reading import scoring
from objectives.reading.values import Numbers, values
from objectives.tables import load_table

GROUPED = {
    "$1,234.50": ("70.183", "$70.183", "(70.183)", "-70.183"),
    "1,234": ("70.183",),
    "1.234,50": ("70,183",),
    "1 234.5": ("70.183",),
}


@pytest.mark.parametrize("cell", GROUPED)
def test_decimals_that_may_be_thousands_are_no_number(cell: str) -> None:
    cells = [cell.replace("34", str(10 + n)) for n in range(80)]
    for wrong in GROUPED[cell]:
        found = values(pa.chunked_array([pa.array([*cells, wrong])]), "income")
        assert isinstance(found, Numbers)
        assert found.strays == (wrong,)
        alone = values(pa.chunked_array([pa.array(cells)]), "income")
        assert isinstance(alone, Numbers)
        assert alone.way is not None
        assert alone.way == found.way
        one = {"column": "income", "way": vars(alone.way)}
        with pytest.raises(BadInput, match="where numbers belong"):
            scoring.numbers({"income": pd.Series([wrong])}, one)
        clear = ["0" + alone.way.decimal + "183", "70" + alone.way.decimal + "18"]
        read = scoring.numbers({"income": pd.Series(clear)}, one)
        np.testing.assert_allclose(read, [0.183, 70.18])


def test_three_decimals_are_read_where_a_column_has_them() -> None:
    for cells in (
        [f"{100.5 * n:,.3f}" for n in range(80)],
        [*[f"${n}.50" for n in range(1, 80)], "$70.183"],
        [*[f"{n},000.125" for n in range(1, 80)], "70.183"],
    ):
        found = values(pa.chunked_array([pa.array(cells)]), "income")
        assert isinstance(found, Numbers)
        assert not found.strays
        wanted = [float(cell.replace(",", "").replace("$", "")) for cell in cells]
        np.testing.assert_allclose(found.values, wanted)


def test_a_point_in_a_file_with_decimal_commas_parts_thousands(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    cells = [1_000 + 7 * n for n in range(90)] + [5, 0, -1_234_567]
    rows = [f"{n},5;{cell:,};{n}".replace(",", ".") for n, cell in enumerate(cells)]
    rows = [row.replace(".5;", ",5;") for row in rows]
    path.write_text("\n".join(["a;income;y", *rows]), encoding="utf-8")
    data = load_table(Source(path=str(path), target="income"), "regression")
    y = np.concatenate([data.train.y, data.validation.y, data.test.y])
    np.testing.assert_allclose(np.sort(y), np.sort(cells))


def test_numbers_that_lost_their_thousands_are_refused() -> None:
    cells = [f"{1_000_000 + 7 * n:,}".replace(",", ".") for n in range(80)]
    found = values(pa.chunked_array([pa.array(cells)]), "income")
    assert isinstance(found, Numbers)
    assert found.way is not None
    one = {"column": "income", "way": vars(found.way)}
    assert scoring.numbers({"income": pd.Series([70183.0])}, one).tolist() == [70183.0]
    with pytest.raises(BadInput, match=r"70\.183 where training has whole numbers"):
        scoring.numbers({"income": pd.Series([70.183])}, one)
