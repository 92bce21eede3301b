"""Every way in which a user's sequences can be at fault: one clear line that says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.objectives.test_bad_input import Case, Y, case, csv, npz, refusal

S = np.arange(20 * 5 * 2.0).reshape(20, 5, 2) % 7
LONG = csv("run,t,v,kind", *[f"{i},{t},{t * i % 5},{i % 2}" for i in range(20) for t in range(4)])
STEPS = {"id": "run", "time": "t"}


def long(name: str, content: str, *says: str, **options: Any) -> Case:
    given = {"target": "kind", "options": STEPS, "task": "series multiclass"} | options
    return case(name, content, *says, **given)


def series(name: str, content: Any, *says: str, **options: Any) -> Case:
    task = options.pop("task", "series multiclass")
    return case(name, content, *says, task=task, file="s.npz", target=None, options=options)


HOLES = np.where(S == 3, np.nan, S)
HOLLOW = np.where(np.arange(20)[:, None, None] == 7, np.nan, S)
SEQUENCES = [
    long("no id", LONG, "--id", "names the series", options={}),
    long("no time", LONG, "--time", options={"id": "run"}),
    long("other id", LONG, "--id 'runs'", "'run'", options=STEPS | {"id": "runs"}),
    long("no target", LONG, "--target", target=None),
    long("two times", LONG + "3,2,1,1\n", "'t' is 2 twice", "row 81"),
    long("two labels", LONG + "3,9,1,0\n", "'kind'", "row 81"),
    long("empty id", LONG + ",9,1,0\n", "'run'", "row 81"),
    long("empty time", LONG + "3,,1,1\n", "'t'", "row 81"),
    long("infinite", LONG + "3,9,inf,1\n", "'v'", "row 81"),
    long("no channel", LONG, "channel", options=STEPS | {"ignore": "v"}),
    series("numbers to predict", npz(X=S, y=np.arange(20) + 0.5), "sweeps.sequence_regression"),
    series(
        "three classes of series",
        npz(X=S, y=np.arange(20) % 3),
        "3 classes",
        "sweeps.lstm_recall",
        task="series binary",
    ),
    series(
        "numbers for two classes of series",
        npz(X=S, y=np.arange(20) + 0.5),
        "sweeps.sequence_regression",
        task="series binary",
    ),
    series(
        "two values of series",
        npz(X=S, y=Y),
        "two values",
        "sweeps.sequence_binary",
        task="series regression",
    ),
    series(
        "text of series",
        npz(X=S, y=np.where(Y, "up", "down")),
        "'down'",
        "sweeps.sequence_binary",
        task="series regression",
    ),
    long("two numbers", LONG + "3,9,1,2.5\n", "'kind'", "row 81", task="series regression"),
    long("positive number", LONG, "--positive '1'", task="series regression", positive="1"),
    series("id of arrays", npz(X=S, y=Y), "--id 'a'", id="a"),
    series("gap refused", npz(X=HOLES, y=Y), "series 0, step 1", "'x1'", nan="refuse"),
    series("no value", npz(X=HOLLOW, y=Y), "series 7"),
    series("long length", npz(X=S, y=Y, length=np.full(20, 6)), "length is 6 in row 0"),
    series("no length", npz(X=S, y=Y, length=np.zeros(20)), "length is 0"),
    series("text length", npz(X=S, y=Y, length=np.full(20, "5")), "length", "'5'"),
    series("half a step", npz(X=S, y=Y, length=np.full(20, 2.5)), "length is 2.5"),
    series("four dimensions", npz(X=S[..., None], y=Y), "steps"),
    series("ragged objects", npz(X=np.array([[1], [2, 3]] * 10, object), y=Y), "pickled"),
]


@pytest.mark.parametrize("one", SEQUENCES, ids=lambda one: one.name)
def test_refusal_says_what_is_wrong_in_one_line(one: Case, tmp_path: Path) -> None:
    message = refusal(one, tmp_path)
    assert "\n" not in message
    for words in one.says:
        assert words in message
