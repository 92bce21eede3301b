"""The exported model's layers do to raw columns what was done to the training data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectives import BadInput, Data, Source, sequences, tables
from objectives.preprocessing import assemble, inputs

FEW = settings(
    deadline=None,
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def copy_of(data: Data) -> keras.Model:
    """Return an exported model whose net hands on its input: what comes out is the encoding."""
    net = keras.Sequential([keras.Input(data.train.x.shape[1:]), keras.layers.Identity()])
    return assemble(net, data.preprocessing or {})


def in_order(data: Data) -> np.ndarray:
    """Return all rows as they were in the file, of data that were split by time."""
    return np.concatenate([data.train.x, data.validation.x, data.test.x])


def frame_of(seed: int, exponents: list[int], gaps: float, rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {f"n{e:+d}/{i}": rng.normal(0.5, 1.0, rows) * 10.0**e for i, e in enumerate(exponents)}
    )
    frame["flag"] = rng.random(rows) < 0.5
    frame["when"] = pd.Timestamp("2001-05-06 07:08:09") + pd.to_timedelta(
        rng.integers(0, 10**8, rows), "s"
    )
    frame["day"] = frame["when"].dt.strftime("%d.%m.%Y")
    frame["level"] = rng.choice(["red", "green", "blue", "ünï/x"], rows, p=[0.5, 0.3, 0.18, 0.02])
    frame["code"] = rng.integers(1, 4, rows)
    frame = frame.mask(rng.random(frame.shape) < gaps)
    frame["y"] = np.arange(rows) % 2
    return frame


@pytest.mark.slow
@FEW
@given(
    st.integers(0, 1000),
    st.lists(st.integers(-30, 30), min_size=1, max_size=4),
    st.sampled_from([0.0, 0.1]),
)
def test_tables_of_any_scale(tmp_path: Path, seed: int, exponents: list[int], gaps: float) -> None:
    frame = frame_of(seed, exponents, gaps)
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    options = {"categorical": ["code"], "numeric": [*frame.columns[: len(exponents)]]}
    source = Source(path=str(path), target="y", time_order=True, options=options)
    data = tables.load_table(source, "binary")
    assert data.preprocessing is not None
    raw = inputs(pd.read_csv(path).drop(columns="y"), data.preprocessing)
    encoded = copy_of(data).predict(raw, verbose=0)
    np.testing.assert_allclose(encoded, in_order(data), atol=2e-5)


@pytest.mark.slow
@FEW
@given(st.integers(0, 1000), st.booleans(), st.booleans())
def test_sequences(tmp_path: Path, seed: int, short: bool, gaps: bool) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 6, 3)) * [1e-8, 1.0, 1e9] + [0.0, 5.0, 1e9]
    if gaps:
        x[rng.random(x.shape) < 0.1] = np.nan
        x[:, 0, 0] = 0.0
    if short:
        x[np.arange(6) >= rng.integers(2, 7, 40)[:, None]] = np.nan
    data = sequences.from_arrays(x, np.arange(40) % 2, Source(time_order=True))
    encoded = copy_of(data).predict(x.astype(np.float32), verbose=0)
    np.testing.assert_allclose(encoded, in_order(data), atol=2e-5)


@pytest.mark.slow
def test_matrices() -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, (60, 5))
    x[:, 1] = 4.0
    x[::7, 2] = np.nan
    data = tables.from_arrays(x, np.arange(60) % 3, Source(time_order=True), "multiclass")
    model = copy_of(data)
    np.testing.assert_allclose(model.predict(x, verbose=0), in_order(data), atol=1e-5)
    raw = inputs(pd.DataFrame(x), data.preprocessing or {})
    np.testing.assert_allclose(model.predict(raw, verbose=0), in_order(data), atol=1e-5)


def table(folder: Path) -> Data:
    path = folder / "t.csv"
    frame_of(0, [0, 3], 0.1, rows=200).to_csv(path, index=False)
    options = {"categorical": ["code"]}
    return tables.load_table(Source(path=str(path), target="y", options=options), "binary")


SCORE = """
import sys, numpy, keras, tensorflow
model = keras.models.load_model(sys.argv[1])
assert "objectives" not in sys.modules
def column(name):
    text = tensorflow.constant(["red", "never seen", ""])
    numbers = numpy.array([1.0, float("nan"), -2.0])
    return text if name in ("level", "code", "day") else numbers
chance = model.predict({layer.name: column(layer.name) for layer in model.inputs}, verbose=0)
assert chance.shape == (3, 1) and numpy.isfinite(chance).all()
print(chance.ravel().tolist())
"""


@pytest.mark.slow
def test_the_file_alone_scores_raw_columns_in_another_process(tmp_path: Path) -> None:
    data = table(tmp_path)
    net = keras.Sequential(
        [keras.Input(data.train.x.shape[1:]), keras.layers.Dense(1, activation="sigmoid")]
    )
    assemble(net, data.preprocessing or {}).save(tmp_path / "model.keras")
    done = subprocess.run(
        [sys.executable, "-c", SCORE, str(tmp_path / "model.keras")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[")


def test_frames_become_inputs(tmp_path: Path) -> None:
    data = table(tmp_path)
    plain: dict[str, Any] = dict(data.preprocessing or {})
    frame = pd.read_csv(tmp_path / "t.csv").head(3)
    frame["code"] = [1.0, np.nan, 3.0]  # whole numbers beside a gap, as pandas has them
    frame["level"] = ["green", " red ", "?"]
    found = inputs(frame.assign(unknown=1), plain)
    assert found["code"].numpy().tolist() == [b"1", b"", b"3"]
    assert found["level"].numpy().tolist() == [b"green", b"red", b""]
    assert {"when.days", "day.month", "n+0_0"} <= set(found)
    for array in found.values():
        assert array.shape == (3,)
    with pytest.raises(BadInput, match="'flag'"):
        inputs(frame.drop(columns="flag"), plain)
    with pytest.raises(BadInput, match=r"'many'.*numbers"):
        inputs(frame.assign(**{"n+0/0": ["many", "few", "none"]}), plain)
