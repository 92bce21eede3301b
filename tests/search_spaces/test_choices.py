"""Choices of any kind, further methods of an Optuna trial, and the middle of a space."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import (
    BadInput,
    Dimension,
    Narrowed,
    Recording,
    Replay,
    dimensions,
    label,
    match,
    plain,
    recorded,
)
from search_spaces._trials import REFUSED, Survey
from tests.drawn import DrawnTrial


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


def relu(x: float) -> float:
    return max(x, 0.0)


SIMPLE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
NESTED = st.recursive(
    SIMPLE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(NESTED, min_size=1, max_size=5))
def test_what_is_stored_of_a_choice_leads_back_to_it(choices: list[Any]) -> None:
    for choice in choices:
        stored = json.loads(json.dumps(plain(choice)))
        assert stored == plain(choice)
        found = match(stored, choices)
        assert plain(found) == plain(choice)
        assert type(label(choice)) in (bool, int, float, str, type(None))


@pytest.mark.parametrize(
    ("choices", "labels"),
    [
        ([(4, 2), (8,)], ["[4, 2]", "[8]"]),
        ([[4, 2], {"units": (8,)}], ["[4, 2]", '{"units": [8]}']),
        (np.array([0.5, 2.0]), [0.5, 2.0]),
        ([np.int64(3), np.float32(0.5), np.str_("x"), np.bool_(True)], [3, 0.5, "x", True]),
        ({"relu": relu, "tanh": math.tanh}.keys(), ["relu", "tanh"]),
        ([relu, math.tanh, Size.LARGE], ["relu", "tanh", "LARGE"]),
        (range(2), [0, 1]),
        ([True, 1], [True, 1]),
    ],
)
def test_choices_of_any_kind_are_answered_as_they_were_given(choices: Any, labels: Any) -> None:
    assert [label(choice) for choice in choices] == labels
    assert [type(label(choice)) for choice in choices] == [type(one) for one in labels]

    def suggest(trial: Any) -> None:
        answers.append(trial.suggest_categorical("layers", choices))

    for choice in choices:
        answers: list[Any] = []
        record = Recording(Replay({"layers": plain(choice)}))
        suggest(record)
        suggest(Replay(json.loads(json.dumps(record.params))))
        assert all(type(one) is type(choice) for one in answers)
        assert plain(answers[0]) == plain(answers[1]) == plain(choice) == record.params["layers"]
    (dimension,) = dimensions(suggest).values()
    assert str(dimension) == ", ".join(map(str, labels))


def test_what_cannot_be_a_choice_is_told_in_one_line() -> None:
    with pytest.raises(BadInput, match="cannot be a choice; choices are None, True and False"):
        label([object()])


def older(trial: Any) -> float:
    trial.suggest_uniform("a", 0.0, 1.0)
    trial.suggest_loguniform("b", 1e-3, 1.0)
    trial.suggest_discrete_uniform("c", 0.0, 1.0, 0.25)
    trial.set_user_attr("note", 1)
    return float(trial.params["a"])


def test_older_methods_of_an_optuna_trial_work() -> None:
    found = {
        "a": Dimension("float", 0.0, 1.0),
        "b": Dimension("float", 1e-3, 1.0, log=True),
        "c": Dimension("float", 0.0, 1.0, step=0.25),
    }
    assert dimensions(older) == found
    answers = {"a": 0.1, "b": 0.2, "c": 0.5}
    assert older(Replay(answers)) == older(Recording(Replay(answers))) == 0.1


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_a_build_cannot_have_is_told_in_one_line(name: str) -> None:
    trials = [Narrowed(Replay({}), {})]
    trials += [] if name == "params" else [Replay({}), Recording(Replay({})), Survey({})]
    for trial in trials:
        with pytest.raises(BadInput, match=r"trial\.\w+|from_keras_tuner") as refused:
            getattr(trial, name)
        assert "\n" not in str(refused.value)
        assert not hasattr(trial, "no_such_thing")


@given(st.data())
def test_the_first_trial_is_the_middle_of_every_range(data: st.DataObject) -> None:
    low = data.draw(st.integers(1, 50))
    high = data.draw(st.integers(low, 200))
    step, log = data.draw(st.integers(1, 9)), data.draw(st.booleans())
    by = data.draw(st.sampled_from([0.1, 0.25, 1.0]))

    def build(trial: Any) -> None:
        trial.suggest_int("n", low, high, step=step)
        trial.suggest_int("scale", low, high, log=log)
        trial.suggest_float("rate", low / 100, high / 100, log=log)
        trial.suggest_float("grid", 0.0, high * by, step=by)
        trial.suggest_categorical("kind", [(1, 2), "b"])

    first = recorded(build).first()
    assert first["kind"] == [1, 2]
    assert (first["n"] - low) % step == 0
    assert abs((first["n"] - low) - ((high - low) - (high - low) % step) / 2) <= step / 2
    assert abs(first["grid"] / by - high / 2) <= 0.5 + 1e-9
    middle = math.sqrt(low * high) if log else (low + high) / 2
    assert first["rate"] == pytest.approx(middle / 100)
    assert abs(first["scale"] - middle) <= 0.5
    assert low <= first["scale"] <= high


@given(st.floats(0.1, 0.9), st.floats(0.0, 2.0), st.sampled_from([0.1, 0.25, 0.5]))
def test_a_range_keeps_the_step_of_a_float(low: float, width: float, step: float) -> None:
    low, high = round(low, 3), round(low + width, 3)
    trial = DrawnTrial(lambda strategy: low)
    narrowed = Narrowed(trial, {"rate": Dimension("float", low, high)})
    narrowed.suggest_float("rate", 0.0, 9.0, step=step)
    found = trial.dimensions["rate"]
    assert found.step == step
    assert found.low == low
    assert found.high is not None
    assert low <= found.high <= high + 1e-9
    steps = (found.high - low) / step
    assert steps == pytest.approx(round(steps))
    assert high - found.high < step + 1e-9


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda trial: trial.suggest_categorical("act", []), "it has no choice"),
        (lambda trial: trial.suggest_int("size", 1, 9, step=0), "step is 0: it must be above 0"),
        (lambda trial: trial.suggest_float("rate", 0, 1, step=-0.1), "step is -0.1"),
    ],
)
def test_a_range_that_holds_nothing_is_refused(ask: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        dimensions(ask)
    with pytest.raises(BadInput, match=says):
        recorded(ask).first()
