"""Files as instruments and spreadsheets write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from objectives import BadInput, Source
from objectives.reading import names, scoring, simple
from objectives.sequences import load_sequences
from objectives.tables import from_arrays, load_table

ROWS = 240
RNG = np.random.default_rng(0)


def moments() -> pd.DataFrame:
    """Thirty series of eight steps at 50 Hz."""
    rows = [
        (f"s{s}", pd.Timestamp("2024-05-01") + pd.Timedelta(minutes=s, milliseconds=20 * step))
        for s in range(30)
        for step in range(8)
    ]
    frame = pd.DataFrame(rows, columns=["run", "time"])
    return frame.assign(acc=RNG.normal(size=ROWS), y=np.repeat(np.arange(30) % 2, 8))


@pytest.mark.parametrize(
    "pattern", [None, "%Y-%m-%dT%H:%M:%S.%f", "%d/%m/%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S,%f"]
)
def test_parts_of_seconds_order_the_steps(tmp_path: Path, pattern: str | None) -> None:
    frame = moments()
    wanted = frame["acc"].to_numpy().reshape(30, 8)
    if pattern is not None:
        frame["time"] = frame["time"].dt.strftime(pattern)
        # Some write whole seconds without their parts.
        frame["time"] = frame["time"].str.replace(r"[.,]000000$", "", regex=True)
    path = tmp_path / "imu.csv"
    frame.sample(frac=1.0, random_state=0).sort_values("run", kind="stable").to_csv(
        path, index=False
    )
    options = {"id": "run", "time": "time"}
    data = load_sequences(Source(path=str(path), target="y", options=options, time_order=True))
    order = [int(name[1:]) for name in sorted(f"s{s}" for s in range(30))]
    x = np.concatenate([data.train.x, data.validation.x, data.test.x])[:, :, 0]
    flat, other = x.ravel(), wanted[order].ravel()
    assert np.corrcoef(flat, other)[0, 1] > 0.999


def test_the_first_line_of_excel_names_the_delimiter(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": RNG.normal(size=ROWS), "zip": "007", "y": np.arange(ROWS) % 2})
    frame.loc[::2, "zip"] = "123"
    text = frame.to_csv(index=False, sep=";", decimal=",")
    for first in ("sep=;\n", "sep=;\r\n", '"sep=;"\n'):
        path = tmp_path / "t.csv"
        path.write_text(first + text, encoding="utf-8-sig")
        data = load_table(Source(path=str(path), target="y"), "binary")
        assert [name for name, _, _ in data.details["columns"]] == ["y", "a", "zip"]
        assert data.details["columns"][2][1] == "category"


def test_names_with_commas() -> None:
    there = ["Income, annual", "b", "a,b,c", "a"]
    for given, found in {
        "Income, annual": ("Income, annual",),
        "b,Income, annual": ("b", "Income, annual"),
        '"Income, annual", b': ("Income, annual", "b"),
        "a,b,c": ("a,b,c",),
        "a, b": ("a", "b"),
        "": (),
    }.items():
        assert names(given, there) == found
    assert names(["Income, annual"]) == ("Income, annual",)


def test_a_name_with_a_comma_is_ignored_and_remembered(tmp_path: Path) -> None:
    frame = pd.DataFrame(RNG.normal(size=(ROWS, 2)), columns=["Income, annual", "b"])
    path = tmp_path / "t.csv"
    frame.assign(y=np.arange(ROWS) % 2).to_csv(path, index=False)
    source = Source(path=str(path), target="y", options={"ignore": "Income, annual"})
    data = load_table(source, "binary")
    assert data.details["columns"][1][:2] == ["Income, annual", "left out"]
    assert data.source.options["ignore"] == ["Income, annual"]


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("a,,,y", ["a", "Unnamed: 1", "Unnamed: 2"]),
        ("a,a.1,A,y", ["a", "a.1", "A"]),
        ('\n\na,"b\nc",d,y', ["a", "b\nc", "d"]),
        ("0,0,0,y", "3 columns called '0'"),
        ("a,b ,b,y", "2 columns called 'b'"),
        ("Unnamed: 1,,b,y", "2 columns called 'Unnamed: 1'"),
    ],
)
@pytest.mark.parametrize("cell", ["00{}", "{}", "{}.5"])
def test_empty_and_repeated_names(
    tmp_path: Path, header: str, wanted: list[str] | str, cell: str
) -> None:
    path = tmp_path / "t.csv"
    rows = [f"{i % 7}.5,{cell.format(i % 5)},{i % 3},{i % 2}" for i in range(60)]
    path.write_text("\n".join([header, *rows]))
    source = Source(path=str(path), target="y")
    if isinstance(wanted, str):
        with pytest.raises(BadInput, match=wanted):
            load_table(source, "binary")
        return
    lines = load_table(source, "binary").details["columns"]
    assert [name for name, _, _ in lines] == ["y", *wanted]
    assert lines[2][1] == ("category" if cell == "00{}" else "number")


def test_a_repeated_name_in_a_scored_frame_is_refused_where_it_is_needed() -> None:
    frame = pd.DataFrame([[1.0, 2.0, 3.0, 4.0]], columns=["a", "a ", "", "b"])
    columns = scoring.named(frame)
    assert scoring.numbers(columns, {"column": "b"}).tolist() == [4.0]
    assert scoring.numbers(columns, {"column": "Unnamed: 2"}).tolist() == [3.0]
    with pytest.raises(BadInput, match="several columns called 'a'"):
        scoring.numbers(columns, {"column": "a"})


@pytest.mark.parametrize("kind", ["<f8", ">f8", ">f4", ">i2", ">u8"])
@pytest.mark.parametrize("label", ["<i8", ">i4", ">f8", ">U3"])
def test_bytes_in_either_order_and_any_name(tmp_path: Path, kind: str, label: str) -> None:
    x = np.arange(ROWS).reshape(-1, 2) % 7
    y = (np.arange(len(x)) % 2).astype(label)
    np.savez(tmp_path / "t.npz", X=x.astype(kind), **{"a/y.1": y, "y": y[::-1]})
    data = load_table(Source(path=str(tmp_path / "t.npz"), target="a/y.1"), "binary")
    other = from_arrays(x.astype(kind), y, Source(), "binary")
    wanted = from_arrays(x, np.arange(len(x)) % 2, Source(), "binary")
    for found in (data, other):
        np.testing.assert_array_equal(found.train.x, wanted.train.x)
        np.testing.assert_array_equal(found.train.y, wanted.train.y)
    own = simple.split(x.astype(kind), y.astype(">i4"), Source())
    assert own.train.x.dtype.isnative
    assert own.train.y.dtype.isnative


def test_whole_numbers_of_any_length_in_a_frame() -> None:
    big = [10**20 * (i % 5) for i in range(ROWS)]
    frame = pd.DataFrame({"a": np.array(big, object), "y": np.arange(ROWS) % 2})
    plain = from_arrays(frame, "y", Source(), "binary").preprocessing
    assert plain is not None
    read = scoring.numbers({"a": frame["a"]}, plain["inputs"][0])
    np.testing.assert_allclose(read, np.array(big, float))


@pytest.mark.parametrize("classes", [[0.0, np.inf], [0.0, 1.0, -np.inf]])
def test_infinity_is_no_class(classes: list[float]) -> None:
    y = np.resize(classes, ROWS)
    with pytest.raises(BadInput, match=f"is {classes[-1]} \\(row {len(classes)}\\)"):
        from_arrays(
            pd.DataFrame({"a": RNG.normal(size=ROWS), "y": y}), "y", Source(), "multiclass"
        )
