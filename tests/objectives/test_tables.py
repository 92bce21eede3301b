"""A table as people have it becomes three parts of numbers, and the table that says how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from objectives import BadInput, Data, Source
from objectives.reading.scaling import CLIP
from objectives.reading.values import text
from objectives.tables import describe, from_arrays, load_table

ROWS = 400


def people(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    """Return a table with a column of every kind, and a label that some of them predict."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, rows)
    job = rng.choice(["clerk", "smith", "baker"], rows)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(rows) + 1000,
            "email": [f"p{i}@example.org" for i in range(rows)],
            "age": age,
            "income": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(3e4, 5e3, rows)),
            "job": np.where(rng.random(rows) < 0.05, "?", job),
            "town": rng.choice([f"town {i}" for i in range(150)], rows),
            "member": rng.random(rows) < 0.5,
            "since": pd.Timestamp("2019-03-01") + pd.to_timedelta(rng.integers(0, 900, rows), "D"),
            "country": "NL",
            "nothing": np.nan,
        }
    )
    risk = (age - 48) / 15 + (job == "smith") + rng.normal(0, 0.5, rows)
    frame["churned"] = np.where(risk > 0.3, "yes", "no")
    return frame


def said(data: Data) -> dict[str, tuple[str, str]]:
    return {name: (what, why) for name, what, why in describe(data)}


def load(frame: pd.DataFrame, folder: Path, task: str = "binary", **source: Any) -> Data:
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    return load_table(Source(path=str(path), **{"target": "churned"} | source), task)


def test_every_kind_of_column_is_treated_as_its_own(tmp_path: Path) -> None:
    data = load(people(), tmp_path)
    what = {name: pair[0] for name, pair in said(data).items()}
    assert what == {
        "churned": "target",
        "customer_id": "left out",
        "email": "left out",
        "age": "number",
        "income": "number",
        "job": "category",
        "town": "category",
        "member": "number",
        "since": "date",
        "country": "left out",
        "nothing": "left out",
    }
    why = {name: pair[1] for name, pair in said(data).items()}
    assert "identifier" in why["customer_id"]
    assert "identifier" in why["email"]
    assert "missing" in why["income"]
    assert "one of them for missing cells" in why["job"]
    assert "constant" in why["country"]
    assert "'yes' is the positive one" in why["churned"]
    for part in (data.train, data.validation, data.test):
        assert part.x.dtype == np.float32
        assert np.isfinite(part.x).all()
        assert set(np.unique(part.y)) == {0.0, 1.0}
    numbers = data.train.x[:, :1]
    assert abs(float(numbers.mean())) < 1e-5
    assert abs(float(numbers.std()) - 1.0) < 1e-3
    json.dumps([data.details, data.preprocessing], allow_nan=False)


def test_wishes_overrule(tmp_path: Path) -> None:
    options = {"ignore": "town, job", "categorical": ["age"], "numeric": ["customer_id"]}
    data = load(people(), tmp_path, options=options)
    found = said(data)
    assert found["town"] == found["job"] == ("left out", "--ignore")
    assert found["age"][0] == "category"
    assert found["customer_id"][0] == "number"
    assert data.source.options["ignore"] == ["town", "job"]


@pytest.mark.parametrize(
    "ending", ["csv", "csv.gz", "tsv", "comma.tsv", "parquet", "semicolon.csv"]
)
def test_formats_give_the_same_numbers(tmp_path: Path, ending: str) -> None:
    frame = people().drop(columns="nothing")
    path = tmp_path / f"table.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    elif ending == "semicolon.csv":
        frame.to_csv(path, index=False, sep=";", decimal=",")
    else:
        tabs, comma = ending.endswith("tsv"), ending == "comma.tsv"
        frame.to_csv(path, index=False, sep="\t" if tabs else ",", decimal="," if comma else ".")
    data = load_table(Source(path=str(path), target="churned"), "binary")
    plain = load(frame, tmp_path)
    assert said(data) == said(plain)
    np.testing.assert_allclose(data.train.x, plain.train.x, atol=1e-5)
    assert data.digest == plain.digest or ending == "parquet"  # its dates carry no format


def test_a_frame_in_hand_is_read_like_its_file(tmp_path: Path) -> None:
    frame = people()
    from_file = load(frame, tmp_path)
    x, y = frame.drop(columns="churned"), frame["churned"]
    for data in (
        from_arrays(frame, "churned", Source(), "binary"),
        from_arrays(x, y, Source(), "binary"),
        from_arrays(x, y.to_list(), Source(target="churned"), "binary"),
    ):
        assert data.digest == from_file.digest


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    frame = people()
    frame.loc[:19, "churned"] = None
    data = load(frame, tmp_path)
    assert data.shape[0] == ROWS - 20
    assert "20 rows without a label left out" in said(data)["churned"][1]


@pytest.mark.parametrize(
    ("labels", "given", "positive"),
    [
        (["no", "yes"], None, "yes"),
        (["yes", "no"], "no", "no"),
        (["True", "False"], None, "true"),
        (["0", "1"], None, "1"),
        (["2", "1"], None, "2"),
        (["2", "1"], "1.0", "1"),
        (["common", "common", "rare"], None, "rare"),
        (["good", "bad"], "BAD", "bad"),
    ],
)
def test_the_positive_class(
    tmp_path: Path, labels: list[str], given: str | None, positive: str
) -> None:
    frame = people()
    frame["churned"] = [labels[i % len(labels)] for i in range(ROWS)]
    data = load(frame, tmp_path, positive=given)
    assert data.source.positive == data.details["classes"][1] == positive
    share = sum(label.lower() == positive for label in labels) / len(labels)
    assert abs(data.train.y.mean() - share) < 0.02


def test_several_classes_and_numbers(tmp_path: Path) -> None:
    frame = people()
    data = load(frame, tmp_path, "multiclass", target="job")
    assert data.details["classes"] == ["baker", "clerk", "smith"]
    assert data.train.y.dtype == np.int32
    data = load(frame, tmp_path, "regression", target="income")
    assert data.train.y.dtype == np.float32
    assert 2.5e4 < data.train.y.mean() < 3.5e4


def test_what_is_fitted_is_fitted_on_the_training_rows(tmp_path: Path) -> None:
    frame = people()
    data = load(frame, tmp_path, time_order=True)
    held_out = frame.index[len(data.train) :]
    frame.loc[held_out, "age"] = 7000
    frame.loc[held_out, "income"] = np.nan
    frame.loc[held_out, "job"] = "astronaut"
    frame.loc[held_out, "country"] = "BE"
    changed = load(frame, tmp_path, time_order=True)
    assert changed.preprocessing == data.preprocessing
    np.testing.assert_array_equal(changed.train.x, data.train.x)
    assert np.abs(changed.test.x).max() <= CLIP


def test_an_outlier_beyond_float32_is_cut_off() -> None:
    # Training values are tiny, so their unit is large: the other parts' overflow in it.
    x = np.where(np.arange(60) < 36, 1e-44 * (np.arange(60) % 3), 256.0)[:, None]
    data = from_arrays(x, np.arange(60) % 2, Source(time_order=True), "binary")
    assert np.isfinite(data.train.x).all()
    np.testing.assert_array_equal(data.test.x, CLIP)


def test_high_cardinality_stays_narrow(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{i}": rng.integers(0, 100, 2000).astype(str) for i in range(3)})
    frame = frame.map(lambda cell: f"level {cell}")
    frame["churned"] = rng.integers(0, 2, 2000)
    data = load(frame, tmp_path)
    assert data.train.x.shape[1] <= 3 * 51
    np.testing.assert_array_equal(data.train.x.sum(axis=1), 3.0)


def test_pieces_of_a_column_share_their_levels() -> None:
    pieces = [["b", " a"], ["c", None, "b "], [], ["a", "d"]]
    found = text(pa.chunked_array([pa.array(piece, pa.string()) for piece in pieces]))
    levels = [*found.levels.to_pylist(), None]
    assert [levels[code] for code in found.codes] == ["b", "a", "c", None, "b", "a", "d"]
    assert sorted(found.levels.to_pylist()) == ["a", "b", "c", "d"]


def test_a_leak_is_warned_about(tmp_path: Path) -> None:
    frame = people(rows=1000)
    assert "warnings" not in load(frame, tmp_path).details
    frame["ended"] = np.where(frame["churned"] == "yes", "2022-01-05", "")
    frame["score"] = np.where(frame["churned"] == "yes", 3.0, -3.0) ** 2 + frame["age"] / 100
    frame["fee"] = np.where(frame["churned"] == "yes", 1.0, np.where(frame["age"] > 40, 2, 0))
    (warning,) = [w for w in load(frame, tmp_path).details["warnings"] if "'fee'" in w]
    assert "--ignore fee" in warning


def test_classes_are_weighted_where_that_is_asked_for(tmp_path: Path) -> None:
    frame = people()
    frame["churned"] = [int(i % 10 == 0) for i in range(ROWS)]
    data = load(frame, tmp_path, options={"weights": "balanced"})
    assert data.class_weight is not None
    assert data.class_weight[1] / data.class_weight[0] == pytest.approx(9.0, rel=0.05)
    assert data.train.sample_weight is None
    for part in (data.validation, data.test):
        assert part.sample_weight is not None
        wanted = np.where(part.y == 1, data.class_weight[1], data.class_weight[0])
        np.testing.assert_allclose(part.sample_weight, wanted, rtol=1e-6)
    assert "--weights balanced" in data.details["notes"][0]
    assert load(frame, tmp_path).class_weight is None


def test_matrices_of_an_npz(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(5.0, 2.0, (200, 6))
    x[:, 2] = 1.0
    x[rng.random(200) < 0.2, 4] = np.nan
    y = np.eye(2)[(x[:, 0] > 5).astype(int)]
    np.savez(tmp_path / "m.npz", X=x, y=y)
    data = load_table(Source(path=str(tmp_path / "m.npz")), "binary")
    assert said(data)["x2"] == ("left out", "constant")
    assert data.train.x.shape[1] == 5 + 1
    assert data.source.positive == "1"


def test_a_leak_in_a_matrix_is_warned_about() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(600) % 2
    x = np.column_stack([rng.normal(size=(600, 3)), y + 0.01 * rng.normal(size=600)])
    (warning,) = from_arrays(x, y, Source(), "binary").details["warnings"]
    assert "'x3'" in warning


def test_pixels_share_a_deviation() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 17, (300, 20)).astype(float)
    x[:, 3] = rng.random(300) < 0.02  # hardly ever on
    data = from_arrays(x, np.arange(300) % 2, Source(), "binary")
    assert "one deviation for all" in said(data)["x3"][1]
    spread = data.train.x.std(axis=0)
    assert spread[3] < 0.1
    assert np.delete(spread, 3).min() > 0.8
    x[:, 5] *= 1000.0  # now they share none
    data = from_arrays(x, np.arange(300) % 2, Source(), "binary")
    assert said(data)["x3"] == ("number", "standardized")


def test_neighbours_that_are_treated_alike_share_a_line() -> None:
    rng = np.random.default_rng(0)
    data = from_arrays(rng.normal(size=(90, 300)), np.arange(90) % 2, Source(), "binary")
    assert describe(data)[1][:2] == ("x0 ... x299 (300)", "number")
    assert len(describe(data, limit=301)) == 301


def test_the_same_source_gives_the_same_data(tmp_path: Path) -> None:
    frame = people()
    assert load(frame, tmp_path).digest == load(frame, tmp_path).digest
    assert load(frame, tmp_path).digest != load(frame, tmp_path, seed=1).digest


def test_data_survive_the_disk(tmp_path: Path) -> None:
    data = load(people(), tmp_path)
    data.save(tmp_path / "saved")
    again = Data.open(tmp_path / "saved")
    assert again.preprocessing == data.preprocessing
    assert (again.source, again.details) == (data.source, data.details)
    np.testing.assert_array_equal(again.train.x, data.train.x)


@pytest.mark.parametrize("y", [np.array([1, "a", None] * 10, object), np.arange(30) + 1j])
def test_labels_in_hand_that_are_none(y: np.ndarray) -> None:
    with pytest.raises(BadInput, match="'y'"):
        from_arrays(np.arange(60.0).reshape(30, 2), y, Source(), "binary")
