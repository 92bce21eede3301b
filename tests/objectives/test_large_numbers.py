"""Numbers far from 0 keep their differences: in the data, the model and the target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import BadInput, Data, Objective, Source, sequences, tables
from objectives.dense_regression import build as build_regression
from objectives.reading.scaling import CLIP, Scaling, fit

RNG = np.random.default_rng(0)
ROWS = 300
SECONDS = 1_700_000_000 + RNG.integers(0, 60, ROWS)
DAYS = pd.date_range("2024-01-01", periods=28).strftime("%Y%m%d").astype(int).to_numpy()
NOISE = RNG.normal(size=ROWS)
LABELS = (SECONDS % 60 > 30).astype(int)


def loaded(frame: pd.DataFrame, y: Any = LABELS, task: str = "binary") -> Data:
    return tables.from_arrays(frame, y, Source(), task)


@given(
    st.floats(-1e15, 1e15),
    st.floats(1e-3, 1e6),
    st.sampled_from([np.float64, np.float32, np.int64]),
    st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_scaled_values_are_those_of_float64(mean: float, spread: float, kind: Any, seed: int):
    values = (mean + spread * np.random.default_rng(seed).normal(size=(50, 1))).astype(kind)
    scaling = fit(values)
    out = np.empty((50, scaling.width), np.float32)
    Scaling.of(scaling.plain()).apply(values, out)
    exact = values.astype(np.float64)
    deviation = exact.std() or 1.0
    expected = np.clip((exact - exact.mean()) / deviation, -CLIP, CLIP)
    if deviation > 1e-9 * abs(mean):  # below, float64 itself has few digits left
        np.testing.assert_allclose(out[:, 0], expected[:, 0], atol=1e-4)


def test_seconds_and_days_stay_distinct():
    frame = pd.DataFrame({"t": SECONDS, "day": DAYS[np.arange(ROWS) % 28], "noise": NOISE})
    data = loaded(frame)
    x = np.concatenate([data.train.x, data.validation.x, data.test.x])
    assert len(np.unique(x[:, 0])) == len(np.unique(SECONDS)) == 60
    assert len(np.unique(x[:, 1])) == 28
    assert not any("become" in line for line in data.details.get("warnings", []))
    assert data.preprocessing is not None
    assert [one.get("double", False) for one in data.preprocessing["inputs"]] == [
        True,
        True,
        False,
    ]


def test_a_column_that_still_collapses_is_named():
    frame = pd.DataFrame({"t": np.where(np.arange(ROWS) % 10, SECONDS, 0), "noise": NOISE})
    warnings = loaded(frame).details["warnings"]
    assert any("'t'" in line and "different values become" in line for line in warnings)
    matrix = tables.from_arrays(frame.to_numpy(), LABELS, Source(), "binary")
    assert any("'x0'" in line and "values become" in line for line in matrix.details["warnings"])


def test_ordinary_columns_are_not_called_collapsed():
    frame = pd.DataFrame(
        {
            "lognormal": np.exp(3 * RNG.normal(size=5000)),
            "cauchy": RNG.standard_cauchy(5000),
            "tiny": 1e-12 * RNG.normal(size=5000),
            "offset": 1e6 + RNG.normal(size=5000),
        }
    )
    assert "warnings" not in loaded(frame, np.arange(5000) % 2).details


def test_a_target_keeps_its_digits_or_is_refused():
    target = SECONDS + 0.25
    data = loaded(pd.DataFrame({"noise": NOISE}), pd.Series(target, name="at"), "regression")
    says = data.details["columns"][0][2]
    assert f"{target.std():.4g}" in says
    assert f"{target.mean():.10g}" in says
    assert len(np.unique(np.concatenate([p.y for p in (data.train, data.validation)]))) > 50
    assert not data.details.get("warnings")
    mixed = pd.Series(np.where(np.arange(ROWS) % 10, SECONDS, 0), name="at")
    with pytest.raises(BadInput, match=r"'at'.* become .* in float32"):
        loaded(pd.DataFrame({"noise": NOISE}), mixed, "regression")
    own = Objective(load=lambda source: (NOISE[:, None], target), build=lambda trial: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(BadInput, match="in float32"):
        own.data(Source())


@pytest.mark.slow
def test_the_exported_model_tells_seconds_apart() -> None:
    import keras
    import tensorflow as tf

    from objectives.preprocessing import assemble, inputs

    small = {"small": 1e-39 * NOISE, "least": 1e-42 * NOISE}  # below float32's least full number
    frame = pd.DataFrame({"t": SECONDS, "at": SECONDS + 0.5 * NOISE, "noise": NOISE} | small)
    data = loaded(frame)
    plain = data.preprocessing or {}
    net = keras.Sequential([keras.Input(data.train.x.shape[1:]), keras.layers.Identity()])
    model = assemble(net, plain)
    scaled = Scaling.of(plain["numbers"])
    expected = np.empty((ROWS, scaled.width), np.float32)
    scaled.apply(frame.to_numpy(), expected)
    np.testing.assert_allclose(model(inputs(frame, plain)), expected, atol=1e-5)
    whole = {"t": SECONDS, "at": SECONDS, "noise": NOISE} | small  # which `predict` does not cast
    apart = model.predict(whole, verbose=0)[:, 0]
    np.testing.assert_allclose(apart, expected[:, 0], atol=1e-5)
    matrix = tables.from_arrays(frame.to_numpy(), LABELS, Source(), "binary")
    model = assemble(net, matrix.preprocessing or {})
    np.testing.assert_allclose(model(tf.constant(frame.to_numpy())), expected, atol=1e-5)
    series = SECONDS.reshape(-1, 5, 1).astype(np.float64)
    long = sequences.from_arrays(series, np.arange(60) % 2, Source(time_order=True))
    net = keras.Sequential([keras.Input((5, 1)), keras.layers.Identity()])
    found = assemble(net, long.preprocessing or {})(tf.constant(series))
    parts = np.concatenate([p.x for p in (long.train, long.validation, long.test)])
    np.testing.assert_allclose(found, parts, atol=1e-5)


@pytest.mark.slow
def test_the_exported_regression_gives_the_targets_own_unit() -> None:
    from objectives.dense_regression import DENSE_REGRESSION
    from objectives.preprocessing import assemble, inputs

    target = pd.Series(1_700_000_000 + 60 * NOISE, name="at")
    data = loaded(pd.DataFrame({"noise": NOISE}), target, "regression")
    net = build_regression(DENSE_REGRESSION.space.baseline, data)
    plain = data.preprocessing or {}
    found = assemble(net, plain)(inputs(pd.DataFrame({"noise": NOISE}), plain)).numpy()
    assert found.dtype == np.float64
    assert abs(found.mean() - target.mean()) < 100
    assert len(np.unique(found)) > 250


@pytest.mark.parametrize("kind", ["uint32", "uint64", "uint16", "int16", "float64", "UInt32"])
def test_whole_numbers_of_any_type_are_learnt_from_alike(kind: str):
    income = RNG.permutation(np.arange(20_000, 65_000))[:ROWS]
    values = income - 40_000 if kind == "int16" else income
    frame = pd.DataFrame({"income": values.astype(kind.lower())}).astype({"income": kind})
    data = loaded(frame.assign(noise=NOISE))
    assert data.details["columns"][1][:2] == ["income", "number"]
    exact = loaded(pd.DataFrame({"income": values, "noise": NOISE}))
    np.testing.assert_array_equal(data.train.x, exact.train.x)
