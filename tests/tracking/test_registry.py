"""Registered models score frames and arrays; a champion is replaced by a better one alone."""

import operator
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from objectives.scorer import MEMBER, attach
from sweeps.tracking import history
from sweeps.tracking.client import connect
from sweeps.tracking.registry import Input, inputs_of, register, save
from tests.tracking.told import by_hand, study, tell

pytestmark = pytest.mark.slow  # imports TensorFlow


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """age + 10 for a missing one, days since 1970, and an index of the job, side by side."""
    import keras
    from keras import ops

    age = keras.Input((1,), name="age")
    days = keras.Input((1,), name="signup.days")
    job = keras.Input((1,), name="job title", dtype="string")
    gap = ops.isnan(age)
    level = keras.layers.StringLookup(vocabulary=["3", "baker", "true"])(job)
    outputs = keras.layers.Concatenate()(
        [
            ops.where(gap, ops.zeros_like(age) - 1.0, age),
            ops.where(ops.isnan(days), ops.zeros_like(days) - 1.0, days),
            ops.cast(level, "float32"),
        ]
    )
    file = tmp_path_factory.mktemp("table") / "model.keras"
    keras.Model([age, days, job], outputs).save(file)
    return planned(file, "typed")


def planned(file: Path, dates: str) -> Path:
    """Tell the file's scorer which columns it reads, and how dates are written."""
    inputs = [
        {"input": "age", "column": "age", "kind": "truth"},
        {"input": "signup.days", "column": "signup", "part": "days", "format": dates},
    ]
    jobs = {"input": "job title", "column": "job title", "levels": ["3", "baker", "true"]}
    plain = {"kind": "table", "inputs": inputs, "categories": [jobs]}
    attach(file, {"preprocessing": plain})
    return file


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sum over two steps of three channels."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((2, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(1, kernel_initializer="ones"),
        ]
    )
    file = tmp_path_factory.mktemp("array") / "model.keras"
    model.save(file)
    return file


def test_inputs_are_read_without_loading_the_model(table: Path, array: Path):
    assert inputs_of(table) == [
        Input("age", (1,), False),
        Input("signup.days", (1,), False),
        Input("job title", (1,), True),
    ]
    assert [one.shape for one in inputs_of(array)] == [(2, 3)]


def test_a_table_scores_any_frame_with_its_columns(table: Path, tmp_path: Path):
    import mlflow

    save(table, tmp_path / "model")
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    dates = ["2020-01-02", None, "2020-01-03 12:00"]
    frame = pd.DataFrame(
        {
            "age": [30, None, 40.5],
            "job title": ["baker", None, " unknown "],
            "signup": dates,
            "more": [1, 2, 3],
        }
    )
    expected = [[30.0, 18263, 2], [-1, -1, 0], [40.5, 18264, 0]]
    assert model.predict(frame).tolist() == expected
    frame["signup"] = pd.to_datetime(frame["signup"], format="mixed")
    assert model.predict(frame).tolist() == expected
    plain = pd.DataFrame(
        {
            "age": pd.array([30, 1, None], dtype="Int64"),
            "signup.days": [1, 2, 3],
            "job title": [3, 3.0, True],
        }
    )
    assert model.predict(plain).tolist() == [[30, 1, 1], [1, 2, 1], [-1, 3, 3]]
    plain["job title"] = pd.Categorical(["baker", None, "x"])
    plain["age"] = [True, False, True]
    assert model.predict(plain)[:, 2].tolist() == [2, 0, 0]
    with pytest.raises(Exception, match="age"):
        model.predict(plain.drop(columns="age"))


def test_text_is_read_as_training_read_it(table: Path, tmp_path: Path):
    """A question mark was a missing cell, and day and month are not guessed from a few rows."""
    import mlflow

    bare = tmp_path / "bare.keras"
    with zipfile.ZipFile(table) as old, zipfile.ZipFile(bare, "w") as new:
        for name in {*old.namelist()} - {MEMBER}:
            new.writestr(name, old.read(name))
    save(planned(bare, "%d/%m/%Y"), tmp_path / "model")
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    frame = pd.DataFrame({"age": ["?"], "job title": ["baker"], "signup": ["02/01/2020"]})
    assert model.predict(frame).tolist() == [[-1, 18263, 2]]


def test_zones_and_truth_are_read_as_training_read_them(table: Path, tmp_path: Path):
    import mlflow

    save(table, tmp_path / "model")
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    frame = pd.DataFrame(
        {
            "age": ["True", "false", None],
            "job title": ["baker", "baker", "baker"],
            "signup": ["2020-01-02T23:00:00Z", "2020-01-02 23:00:00-02:00", None],
        }
    )
    expected = [[1.0, 18263, 2], [0.0, 18264, 2], [-1, -1, 2]]
    assert model.predict(frame).tolist() == expected
    times = pd.to_datetime(frame["signup"], format="ISO8601", utc=True)
    frame["signup"] = times.dt.tz_convert("Asia/Tokyo")
    assert model.predict(frame).tolist() == expected


def test_an_array_scores_arrays_and_frames_of_any_number(array: Path, tmp_path: Path):
    import mlflow

    save(array, tmp_path / "model")
    model = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    x = np.arange(12.0).reshape(2, 2, 3)
    for given in (x, x.astype("float32"), x.astype(int), pd.DataFrame(x.reshape(2, 6))):
        assert model.predict(given).ravel().tolist() == [15.0, 51.0]


def test_only_a_better_one_on_the_same_data_becomes_champion(table, uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study("a/b: c"))
    tell(tracker, 0)
    tracker.delivery.deliver_all()

    def again(value: float, digest: str = "d1", **changes):
        metrics = {"val_loss": value, "val_auc": value, "test_loss": 0.4}
        how = {"monitor": "val_loss", "better": operator.lt, "number": 0} | changes
        return register(uri, "a/b: c", table, metrics, digest, **how)

    told = [again(0.3), again(0.2), again(0.25), again(0.1, "d2"), again(0.9, monitor="val_auc")]
    assert [r.champion for r in told] == [True, True, False, False, False]
    assert "not better than 0.2 of champion version 2" in told[2].reason
    assert "other data" in told[3].reason
    assert "other monitor" in told[4].reason
    client = connect(uri)
    champion = client.get_model_version_by_alias("a-b- c", "champion")
    assert str(champion.version) == told[1].version == "2"
    assert champion.run_id == tracker.run_id(0)
    assert champion.tags["sweeps.data_digest"] == "d1"
    assert champion.tags["metric.test_loss"] == "0.4"
    with pytest.raises(history.NoSuchRun):
        register(uri, "other", table, {"val_loss": 1}, "d", monitor="val_loss", better=operator.lt)


def test_means_on_fresh_seeds_decide_where_both_have_one(table, uri, folder):
    """Trial 0 had a lucky seed: it is champion until it is known how it does on others."""
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    for number in (0, 1):
        tell(tracker, number)
    tracker.delivery.deliver_all()

    def put(number: int, value: float, means: dict[int, float] | None = None):
        how = {"monitor": "val_loss", "better": operator.lt, "number": number, "means": means}
        return register(uri, "toy", table, {"val_loss": value}, "d1", **how)

    assert put(0, 0.1).champion
    assert not put(1, 0.2).champion
    assert not put(1, 0.2, {1: 0.21}).champion  # of trial 0 nothing more is known
    better = put(1, 0.2, {0: 0.3, 1: 0.21})
    assert better.champion
    assert "mean val_loss on fresh seeds 0.21 is better than 0.3" in better.reason
    assert not put(0, 0.1, {0: 0.3, 1: 0.21}).champion
