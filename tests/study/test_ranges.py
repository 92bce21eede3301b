"""What is typed after --fix and --range is read by the type of the parameter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import BadInput
from search_spaces import Params, Space, Trial
from sweeps.study.ranges import narrowing

CHOICES: dict[str, list[Any]] = {
    "norm": [True, False],
    "never": [False],
    "maybe": [None, True],
    "units": [16, 32],
    "share": [0, 0.5],
    "kind": ["relu", "true"],
}


def suggest(trial: Trial) -> Params:
    found = {name: trial.suggest_categorical(name, given) for name, given in CHOICES.items()}
    return found | {"rate": trial.suggest_float("rate", 0.1, 1.0)}


SPACE: Space[Params] = Space(suggest, None)  # type: ignore[arg-type]


def fixed(text: str) -> Any:
    (dimension,) = narrowing(SPACE, fix=[text]).values()
    (value,) = dimension.ends
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("norm=false", False),
        ("norm=True", True),
        ("norm=FALSE", False),
        ("never=true", True),
        ("maybe=none", None),
        ("maybe=false", False),
        ("units=64", 64),
        ("share=0.25", 0.25),
        ("share=0", 0),
        ("kind=true", "true"),
        ("kind=selu", "selu"),
    ],
)
def test_a_value_has_the_type_of_its_parameter(text: str, value: Any):
    found = fixed(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("norm=0", "true or false"),
        ("norm=off", "true or false"),
        ("maybe=nothing", "true or false"),
        ("units=many", "a number"),
        ("units=nan", "a number"),
        ("rate=inf", "not a number"),
        ("rate=true", "not a number"),
    ],
)
def test_what_is_of_another_type_is_refused(text: str, says: str):
    with pytest.raises(BadInput, match=says):
        fixed(text)


@given(st.text(max_size=8).filter(bool))
def test_whatever_is_typed_for_true_or_false_never_stays_text(word: str):
    try:
        found = narrowing(SPACE, ranges=[f"norm={word}"])["norm"].ends
    except BadInput:
        return
    assert set(map(type, found)) == {bool}
