"""Names and texts are made to fit; no two names become one."""

import json
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from sweeps.tracking import limits
from sweeps.tracking.client import connect
from sweeps.tracking.runs import Batch, send

HOSTILE = [
    "",
    "..",
    "../../etc/passwd",
    "/abs",
    "a//b",
    "a/./b",
    ".hidden",
    "loss' OR '1'='1",
    'say "hi"',
    "back`tick",
    "new\nline",
    "nul\0",
    "ümläut",
    "emoji 😀",
    "<script>alert(1)</script>",
    "x" * 251,
    "x" * 251 + "y",
    "a:b",
    "a_b",
    "C:\\work",
]


@given(st.lists(st.text(max_size=300), unique=True, max_size=5))
@example(HOSTILE)
def test_names_stay_apart_within_the_limit(names):
    keys = [limits.key(name) for name in names]
    assert len(set(keys)) == len(names)
    assert all(0 < len(key) <= limits.KEY for key in keys)
    assert [limits.key(key) for key in keys] == keys


@given(st.from_regex(r"[A-Za-z][\w-]{0,30}( [\w-]{1,5})?", fullmatch=True))
def test_ordinary_names_stay_as_they_are(name):
    assert limits.key(name) == name


def test_mlflow_takes_every_name_and_any_length(uri: str):
    client = connect(uri)
    run = client.create_run(client.create_experiment("e")).info.run_id
    many = [f"p{n}" for n in range(230)]
    batch = Batch(
        params={limits.key(n): limits.text("ä" * 20_000) for n in (*HOSTILE, *many)},
        tags={limits.key(n): limits.text("t" * 9_000, limits.TAG) for n in (*HOSTILE, *many)},
    )
    for step in range(1, 60):
        batch.add({name: float(step) for name in (*HOSTILE, *many[:15])}, 1000 + step, step)
    send(client, run, batch)
    data = client.get_run(run).data
    assert len(data.params) == len(batch.params) == len(HOSTILE) + 230
    assert data.tags.items() >= batch.tags.items()
    assert {len(value) for value in data.params.values()} == {limits.PARAM}
    assert len(data.metrics) == len(HOSTILE) + 15
    assert len(client.get_metric_history(run, limits.key("../../etc/passwd"))) == 59


def test_one_refused_parameter_takes_nothing_else_along(uri: str, caplog):
    client = connect(uri)
    run = client.create_run(client.create_experiment("e")).info.run_id
    client.log_param(run, "width", "8")
    batch = Batch(params={"width": "16", "depth": "2"}, tags={"a": "b"})
    batch.add({"loss": 1.0}, 1000, 1)
    send(client, run, batch)
    data = client.get_run(run).data
    assert (data.params, data.metrics) == ({"width": "8", "depth": "2"}, {"loss": 1.0})
    assert data.tags["a"] == "b"
    assert "width" in caplog.text


@given(st.text(max_size=200).filter(lambda text: "```" not in text), st.integers(0, 12_000))
def test_notes_hold_no_tag_and_fit(text, padding):
    shown = limits.note(f"{text}<script>{text}\n```\n" + "line\n" * (padding // 5) + "```\n")
    assert "<script" not in shown
    assert "</" not in shown
    assert len(shown) <= limits.NOTE
    assert sum(line.startswith("```") for line in shown.splitlines()) == 2


def test_notes_keep_comparisons_as_they_are():
    assert limits.note("3 < 4 and p <0.05 & <=50K") == "3 < 4 and p <0.05 & <=50K"


def test_texts_are_plain_and_hide_passwords():
    assert limits.text({"a": [1, "ö"]}) == '{"a": [1, "ö"]}'
    assert limits.text((1, 2.5)) == "[1, 2.5]"
    assert limits.text(None) == "None"
    assert limits.text(Path("a")) == "a"
    assert "pw" not in limits.text({"store": "postgresql://me:pw@db/x"})
    assert json.loads(limits.text({"p": Path("a")})) == {"p": "a"}


def test_nested_parameters_become_flat():
    assert limits.flat({"a": 1, "b": {"c": 2, "d": {"e": 3}}}) == {"a": 1, "b.c": 2, "b.d.e": 3}


def test_only_finite_metrics_are_kept():
    inf = float("inf")
    told = {"a": 1, "b": float("nan"), "c": inf, "d": -inf, "e": None, "f": True}
    assert limits.finite(told) == {"a": 1.0, "f": 1.0}
