"""The data of a net that learns from the validation rows too."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Data, Objective, Part, Source
from objectives.data import UNIT
from objectives.dense_binary import DENSE_BINARY
from objectives.dense_regression import DENSE_REGRESSION
from objectives.judging.threshold import FIXED
from objectives.reading.joined import joined

RNG = np.random.default_rng(0)
X = RNG.normal(3.0, 2.0, (200, 3))


def test_scaling_is_fitted_on_all_rows_that_are_learned_from() -> None:
    source = Source(arrays=(X, X[:, 0] > 3.0))
    data = DENSE_BINARY.data(source)
    found = joined(DENSE_BINARY, data, source, cut=0.3)
    assert len(found.train) == len(data.train) + len(data.validation) == 160
    assert len(found.test) == len(data.test)
    np.testing.assert_array_equal(found.test.y, data.test.y)
    np.testing.assert_allclose(found.train.x.mean(axis=0), 0.0, atol=1e-5)
    assert abs(data.train.x.mean()) < 1e-5
    assert not np.allclose(found.test.x, data.test.x, atol=1e-4)
    assert found.details[FIXED] == 0.3
    assert found.source == data.source  # nothing that is kept calls it a study's


def test_the_unit_of_a_number_stays(tmp_path: Path) -> None:
    source = Source(arrays=(X, X.sum(axis=1)))
    data = DENSE_REGRESSION.data(source)
    mean, deviation = joined(DENSE_REGRESSION, data, source).details[UNIT]
    assert mean == pytest.approx(float(data.train.y.mean()), rel=1e-5)
    assert deviation == pytest.approx(float(data.train.y.std()), rel=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_arrays_of_ones_own_are_put_together(weighted: bool) -> None:
    def part(rows: int, weight: bool) -> Part:
        x = {"a": np.full((rows, 2), rows, np.float32)}
        return Part(x, np.zeros(rows), np.full(rows, 2.0) if weight else None)

    data = Data(part(5, weighted), part(3, False), part(2, False))
    objective: Any = Objective(load=lambda _: data, build=lambda trial: None)
    found = joined(objective, data, Source())
    assert found.train.x["a"][:, 0].tolist() == [5.0] * 5 + [3.0] * 3
    assert found.digest != data.digest
    weights = found.train.sample_weight
    assert weights is None if not weighted else weights.tolist() == [2.0] * 5 + [1.0] * 3


def test_rows_that_are_gone_or_changed_are_refused(tmp_path: Path) -> None:
    source = Source(arrays=(X, X[:, 0] > 3.0))
    data = DENSE_BINARY.data(source)
    with pytest.raises(BadInput, match="given in Python"):
        joined(DENSE_BINARY, data, dataclasses.replace(source, arrays=None))
    with pytest.raises(BadInput, match="not what the study was made of"):
        joined(DENSE_BINARY, data, dataclasses.replace(source, arrays=(X + 1.0, X[:, 1] > 3.0)))
    stream = dataclasses.replace(data, stream={"train": 3})
    with pytest.raises(BadInput, match="data sets"):
        joined(DENSE_BINARY, stream, source)
