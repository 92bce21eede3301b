"""Training's own prediction, the exported model, pyfunc and the server agree, row by row."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import operator
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectives import BadInput, Data, Source, tables
from objectives.reading import scoring
from objectives.scorer import Scorer, attach, plan_of, takes_frames
from sweeps.cli.share import scoring_code
from sweeps.tracking.registry import register, save
from tests.tracking.servers import running
from tests.tracking.told import by_hand, study

pytestmark = pytest.mark.slow  # imports TensorFlow
ROWS = 60
Rng = np.random.Generator
START = pd.Timestamp("2023-11-14 22:13:20.250")


def times(rng: Rng) -> pd.Series:
    return pd.Series(START + pd.to_timedelta(rng.integers(0, 10**11, ROWS), "us"))


def texts(rng: Rng, *levels: str) -> pd.Series:
    return pd.Series(rng.choice(levels, ROWS))


KINDS: dict[str, Callable[[Rng], pd.Series]] = {
    "float": lambda rng: pd.Series(rng.normal(size=ROWS)),
    "float32": lambda rng: pd.Series(rng.normal(size=ROWS).astype("float32")),
    "short": lambda rng: pd.Series(rng.integers(0, 40, ROWS).astype("int8")),
    "unsigned": lambda rng: pd.Series(rng.integers(0, 4 * 10**9, ROWS).astype("uint32")),
    "seconds": lambda rng: pd.Series(1_700_000_000 + rng.integers(0, 60, ROWS)),
    "broken seconds": lambda rng: pd.Series(1_700_000_000 + rng.normal(size=ROWS)),
    "nullable": lambda rng: (
        pd.Series(rng.integers(0, 9, ROWS)).astype("Int64").mask(lambda s: s < 2)
    ),
    "truth": lambda rng: pd.Series(rng.random(ROWS) < 0.5),
    "truth with gaps": lambda rng: pd.Series(rng.choice([True, False, None], ROWS)),
    "truth as text": lambda rng: texts(rng, "True", "False"),
    "text": lambda rng: texts(rng, "red", " red", "ünï/x", 'b "c", d', "?"),
    "category": lambda rng: texts(rng, "p", "q", "[UNK]").astype("category"),
    "codes": lambda rng: texts(rng, "00501", "01234", "90210"),
    "numbers as text": lambda rng: texts(rng, "1.5", "2.0", "7"),
    "percent": lambda rng: pd.Series([f"{v:.2f}%" for v in rng.random(ROWS)]),
    "money": lambda rng: pd.Series([f"${v:,.2f}" for v in 3e4 * rng.random(ROWS)]),
    "decimal": lambda rng: pd.Series([decimal.Decimal(f"{v:.3f}") for v in rng.random(ROWS)]),
    "moment": times,
    "zone": lambda rng: times(rng).dt.tz_localize("Asia/Tokyo"),
    "day": lambda rng: times(rng).dt.date,
    "day as text": lambda rng: times(rng).dt.strftime("%d.%m.%Y"),
    "time": lambda rng: pd.Series([datetime.time(int(h), 30) for h in rng.integers(0, 24, ROWS)]),
    "duration": lambda rng: pd.Series(pd.to_timedelta(rng.integers(1, 900, ROWS), "s")),
}
NAMES = ("x", "price/unit", " b", "a, b", "größe", 'q"uote', "it's", "a.days", "class", "1", "y_")


def by_json(frame: pd.DataFrame) -> dict[str, Any]:
    """Return what a client sends, as pandas writes JSON."""
    plain = frame.astype({n: object for n in frame if frame[n].dtype == "category"})
    for name in plain:
        if isinstance(plain[name].iloc[0], datetime.time | decimal.Decimal):
            plain[name] = plain[name].astype(str)
    written = plain.to_json(orient="split", date_format="iso", double_precision=15, index=False)
    found: dict[str, Any] = json.loads(written)
    return found


FORMS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "as it is": lambda frame: frame,
    "other order": lambda frame: frame.iloc[:, ::-1].assign(more=1),
    "one row": lambda frame: frame.iloc[:1],
    "csv": lambda frame: pd.read_csv(io.StringIO(frame.to_csv(index=False))),
    "json": lambda frame: pd.DataFrame(**by_json(frame)),
    "other unit": lambda frame: frame.astype(
        {n: "timedelta64[ns]" for n in frame if frame[n].dtype.kind == "m"}
    ),
}


def whole_frame(seed: int, names: dict[str, str]) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({names.get(kind, kind): make(rng) for kind, make in KINDS.items()})


def exported(data: Data, path: Path) -> np.ndarray:
    """Write a model of a small net; return what the net says of training's own rows, in order."""
    import keras

    from objectives.preprocessing import assemble

    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input(data.train.x.shape[1:]), keras.layers.Dense(2)])
    assemble(net, data.preprocessing or {}).save(path)
    attach(path, plan_of(data, 0.5))
    x = np.concatenate([data.train.x, data.validation.x, data.test.x])
    return np.asarray(net.predict(x, verbose=0))


@settings(
    deadline=None,
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.integers(0, 99), st.permutations(sorted(KINDS)))
def test_every_dtype_in_every_form(tmp_path: Path, seed: int, order: list[str]) -> None:
    import mlflow

    frame = whole_frame(seed, dict(zip(order, NAMES, strict=False)))
    y = np.arange(ROWS) % 2
    data = tables.from_arrays(frame, y, Source(time_order=True), "binary")
    assert len(data.details["columns"]) == len(frame.columns) + 1
    folder = tmp_path / f"{seed}{''.join(order)[:40]}".replace(" ", "")
    folder.mkdir(exist_ok=True)
    expected = exported(data, folder / "model.keras")
    if not (folder / "served").exists():
        save(folder / "model.keras", folder / "served", code=scoring_code())
    served = mlflow.pyfunc.load_model(str(folder / "served"))
    mine = Scorer.open(folder)
    for name, form in FORMS.items():
        given_frame = form(frame)
        for found in (mine.predict(given_frame), served.predict(given_frame)):
            wanted = expected[: len(given_frame)]
            np.testing.assert_allclose(found, wanted, atol=2e-4, err_msg=name)
    assert set(mine.labels(frame)) <= {"0", "1"}
    assert served.predict(frame, params={"output": "label"}).tolist() == list(mine.labels(frame))


def test_a_sole_column_called_x(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=ROWS)})
    data = tables.from_arrays(frame, np.arange(ROWS) % 2, Source(time_order=True), "binary")
    expected = exported(data, tmp_path / "model.keras")
    scorer = Scorer.open(tmp_path)
    for given_frame in (frame, frame.assign(y=1)):
        np.testing.assert_allclose(scorer.predict(given_frame), expected, atol=1e-5)
    with pytest.raises(BadInput, match="'x'"):
        scorer.predict(frame.rename(columns={"x": "z"}))
    with pytest.raises(BadInput, match=r"'many'.*numbers"):
        scorer.predict(pd.DataFrame({"x": [1, "many"]}))


SENT = {  # numbers for a date of 2020 to 2022, or for a duration of some minutes
    "milliseconds": (lambda date: date * 1e3, lambda took: took * 1e3),
    "seconds": (lambda date: date, lambda took: took),
    "nanoseconds": (lambda date: date * 1e9, lambda took: took * 1e9),
    "days": (lambda date: date // 86_400, None),
    "20201231": (lambda date: date * 0 + 20_201_231, None),
    "years": (lambda date: date * 0 + 2021, None),
}


@pytest.mark.parametrize("unit", SENT)
def test_numbers_for_dates_are_milliseconds_or_refused(unit: str) -> None:
    rng = np.random.default_rng(0)
    dates = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**8, ROWS), "s")
    took = pd.Series(pd.to_timedelta(rng.integers(60, 900, ROWS), "s"))
    frame = pd.DataFrame({"a": rng.normal(size=ROWS), "since": dates, "took": took})
    data = tables.from_arrays(frame, np.arange(ROWS) % 2, Source(), "binary")
    plain = (data.preprocessing or {})["inputs"]
    seconds = {
        "since": dates.astype("M8[s]").astype("int64").to_series(),
        "took": took.dt.total_seconds(),
    }
    for (name, column), sent in zip(seconds.items(), SENT[unit], strict=True):
        if sent is None:
            continue
        inputs = [one for one in plain if one["column"] == name]
        assert inputs
        for rows in (frame, frame.iloc[:1]):
            given_frame = rows.assign(**{name: sent(column).to_numpy()[: len(rows)]})
            for one in inputs:
                if unit != "milliseconds":
                    with pytest.raises(BadInput, match=f"'{name}' holds .* milliseconds that is"):
                        scoring.numbers(scoring.named(given_frame), one)
                    continue
                found = scoring.numbers(scoring.named(given_frame), one)
                wanted = scoring.numbers(scoring.named(frame), one)[: len(rows)]
                np.testing.assert_allclose(found, wanted)


def test_a_model_that_python_saves_scores_frames_again(tmp_path: Path) -> None:
    frame = whole_frame(3, {"time": "a/b", "duration": " c"})
    data = tables.from_arrays(frame, np.arange(ROWS) % 2, Source(time_order=True), "binary")
    expected = exported(data, tmp_path / "model.keras")
    model = takes_frames(Scorer.open(tmp_path))
    model.save(tmp_path / "again.keras")
    again = Scorer.open(tmp_path / "again.keras")
    for found in (model.predict(frame), again.predict(frame)):
        np.testing.assert_allclose(found, expected, atol=2e-4)


def ask(address: str, body: str, kind: str) -> Any:
    headers = {"Content-Type": kind}
    request = urllib.request.Request(f"{address}/invocations", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["predictions"]


def test_the_server_agrees(uri: str, folder: Path, tmp_path: Path) -> None:
    """In an environment that has none of this project's folders on its path."""
    frame = whole_frame(7, dict(zip(KINDS, NAMES, strict=False)))
    y = np.arange(ROWS) % 2
    data = tables.from_arrays(frame, y, Source(time_order=True), "binary")
    expected = exported(data, tmp_path / "model.keras")
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tracker.delivery.deliver_all()
    how = {"monitor": "val_loss", "better": operator.lt, "code": scoring_code()}
    register(uri, "toy", tmp_path / "model.keras", {"val_loss": 1.0}, "d", **how)
    command = ("models", "serve", "-m", "models:/toy@champion", "--env-manager", "local")
    log = tmp_path / "serve.log"
    alone = {"MLFLOW_TRACKING_URI": uri, "PYTHONPATH": ""}
    with running(*command, ping="/ping", log=log, **alone) as address:
        csv = ask(address, frame.to_csv(index=False), "text/csv")
        np.testing.assert_allclose(csv, expected, atol=2e-4)
        split = json.dumps({"dataframe_split": by_json(frame)})
        np.testing.assert_allclose(ask(address, split, "application/json"), expected, atol=2e-4)
        asked = json.dumps({"dataframe_split": by_json(frame), "params": {"output": "label"}})
        assert ask(address, asked, "application/json") == list(Scorer.open(tmp_path).labels(frame))
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(address, "x\n1\n", "text/csv")
        assert "no such column" in json.load(refused.value)["message"]
