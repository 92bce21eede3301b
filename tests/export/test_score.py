"""The lines that an export ends with do score, whatever the study was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from objectives import Data, Objective, Source
from objectives.dense_binary import DENSE_BINARY
from objectives.dense_multiclass import DENSE_MULTICLASS
from objectives.dense_regression import DENSE_REGRESSION
from objectives.lstm_recall import LSTM_RECALL
from objectives.preprocessing import assemble
from objectives.sequence_binary import SEQUENCE_BINARY
from objectives.sequence_regression import SEQUENCE_REGRESSION
from sweeps.export import score

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(0)
ROWS = 90
FRAME = pd.DataFrame(
    {
        "size/m": RNG.normal(3e-9, 1e-9, ROWS),
        "it's": RNG.choice(["a", 'b "c"', ""], ROWS, p=[0.3, 0.6, 0.1]),
        "day": [f"{i % 28 + 1}.0{i % 9 + 1}.2020" for i in range(ROWS)],
    }
)
WIDE = pd.DataFrame({f"c{i}": RNG.normal(size=ROWS) for i in range(40)}).assign(
    level=RNG.choice(["a", "b"], ROWS)
)
SERIES = RNG.normal(size=(ROWS, 5, 2))
TWO, THREE = np.arange(ROWS) % 2, np.array(["a", "b", "c"])[np.arange(ROWS) % 3]
CASES: dict[str, tuple[Objective[Any], Any, Any, str, int]] = {
    "table": (DENSE_BINARY, FRAME, TWO, "the probability of '1'", 1),
    "wide table": (DENSE_MULTICLASS, WIDE, THREE, "the probabilities of a, b, c", 3),
    "matrix": (DENSE_BINARY, WIDE.iloc[:, :40].to_numpy(), TWO, "the probability of '1'", 1),
    "numbers": (DENSE_REGRESSION, FRAME, RNG.normal(size=ROWS), "y", 1),
    "sequences": (LSTM_RECALL, SERIES, THREE, "the probabilities of a, b, c", 3),
    "two classes of sequences": (SEQUENCE_BINARY, SERIES, TWO, "the probability of '1'", 1),
    "numbers of sequences": (SEQUENCE_REGRESSION, SERIES, RNG.normal(size=ROWS), "y", 1),
}


def scored(objective: Objective[Any], data: Data, folder: Path) -> tuple[Any, list[str]]:
    """Export an untrained net, and return what the lines predict."""
    net = objective.build(objective.space.baseline, data)
    net.optimizer.build(net.trainable_variables)
    model = assemble(net, data.preprocessing) if data.preprocessing else net
    path = folder / "model.keras"
    model.save(path)
    first, last = score.lines(data, path)
    known: dict[str, Any] = {}
    exec(first, known)
    return eval(last, known), [first, last]


@pytest.mark.parametrize("name", CASES)
def test_the_lines_score_a_row(name: str, tmp_path: Path) -> None:
    objective, x, y, says, width = CASES[name]
    data = objective.data(Source(arrays=(x, y), target="y"))
    found, (_, last) = scored(objective, data, tmp_path)
    assert found.shape == (1, width)
    assert np.isfinite(found).all()
    assert last.endswith(f"  # {says}")
    assert len(last) < 400


def test_a_row_of_a_table_is_a_typical_one(tmp_path: Path) -> None:
    row = score.typical(DENSE_BINARY.data(Source(arrays=(FRAME, TWO))).preprocessing or {})
    assert row.keys() == {"size_m", "it's", "day.days", "day.month", "day.day", "day.weekday"}
    assert row["it's"] == 'b "c"'
    assert row["size_m"] == pytest.approx(3e-9, rel=0.1)
    assert 18_000 < row["day.days"] < 19_000


@pytest.mark.parametrize(
    "objective", [DENSE_BINARY, DENSE_MULTICLASS, DENSE_REGRESSION, LSTM_RECALL]
)
def test_embedded_data_are_scored_as_they_are(objective: Objective[Any], tmp_path: Path) -> None:
    found, _ = scored(objective, objective.embedded, tmp_path)
    assert len(found) == 1
