"""Trials that answer, narrow, record and survey: what lies between a space and its sampler."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import (
    Dimension,
    Narrowed,
    Recording,
    Replay,
    Space,
    Trial,
    dense,
    dimensions,
    flat,
    lstm,
    optimizer,
    recorded,
    sample_with,
    short,
    survey,
)
from tests.drawn import DrawnTrial

SPACES = {"dense": dense.suggest, "lstm": lstm.suggest}


def layered(trial: Trial) -> dict[str, Any]:
    """A space as people write it: as many widths as layers, a choice under a choice."""
    layers = trial.suggest_int("layers", 1, 3)
    config: dict[str, Any] = {
        f"units_{n}": trial.suggest_int(f"units_{n}", 8, 64, step=8) for n in range(layers)
    }
    if trial.suggest_categorical("dropped", [False, True]):
        config["rate"] = trial.suggest_float("rate", 0.1, 0.5, step=0.1)
        if trial.suggest_categorical("noise", ["none", "gauss"]) == "gauss":
            config["spread"] = trial.suggest_float("spread", 1e-3, 1.0, log=True)
    return {"layers": layers, **config}


def test_a_survey_finds_nested_conditions_and_lists() -> None:
    units = Dimension("int", 8, 64, step=8)
    assert dimensions(layered) == {
        "layers": Dimension("int", 1, 3, step=1),
        "units_0": units,
        "units_1": units,
        "units_2": units,
        "dropped": Dimension("categorical", choices=(False, True)),
        "rate": Dimension("float", 0.1, 0.5, step=0.1),
        "noise": Dimension("categorical", choices=("none", "gauss")),
        "spread": Dimension("float", 1e-3, 1.0, log=True),
    }


def crossed(trial: Trial) -> dict[str, Any]:
    """A space with parameters that hang on two others, one of them in turn on two."""
    one = trial.suggest_categorical("one", ["a", "b", "c"])
    other, depth = trial.suggest_categorical("other", [1, 2, 3]), trial.suggest_int("depth", 1, 4)
    if one == "c" and other == 2:
        trial.suggest_float("both", 0.0, 1.0)
    inner = one == "b" and depth > 3 and trial.suggest_categorical("inner", [False, True])
    if inner and other == 3:
        trial.suggest_int("innermost", 1, 2)
    return {}


def test_a_survey_finds_what_hangs_on_two_others() -> None:
    assert [*dimensions(crossed)] == ["one", "other", "depth", "inner", "both", "innermost"]


def test_a_survey_passes_over_what_cannot_be_built() -> None:
    def suggest(trial: Trial) -> None:
        if trial.suggest_int("layers", 1, 9) > 5:
            raise ValueError("nothing is left of the input")
        trial.suggest_int("units", 1, 2)

    assert [*dimensions(suggest)] == ["layers", "units"]
    with pytest.raises(ZeroDivisionError):
        dimensions(lambda trial: 1 / 0)


@pytest.mark.parametrize("suggest", [layered, crossed, dense.suggest, lstm.suggest])
def test_the_answers_of_a_survey_make_a_space_ask(suggest: Any) -> None:
    for name, (dimension, answers) in survey(suggest).items():
        trial = Recording(Asked(answers))
        suggest(trial)
        assert name in trial.params
        low = dimension.low if dimension.choices is None else dimension.choices[0]
        assert trial.params[name] == answers.get(name, low)


class Asked:
    """Answers as given, else with the first choice or the low end."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def suggest_float(self, name: str, low: float, high: float, **_: Any) -> float:
        return self.answers.get(name, low)

    def suggest_int(self, name: str, low: int, high: int, **_: Any) -> int:
        return self.answers.get(name, low)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self.answers.get(name, choices[0])


def test_a_sample_with_answers_takes_the_low_end_of_the_rest() -> None:
    config = sample_with(dense.suggest, {"plateau": "on", "width": 64})
    assert config.width == 64
    assert config.plateau is not None
    assert config.plateau.patience == 3
    assert config.depth == 1


def test_a_replay_knows_only_its_own() -> None:
    params = dense.params(dense.BASELINE)
    assert dense.suggest(Replay(params)) == dense.BASELINE
    with pytest.raises(KeyError, match="width"):
        dense.suggest(Replay({k: v for k, v in params.items() if k != "width"}))
    with pytest.raises(KeyError, match="plateau_factor"):
        dense.suggest(Replay(params | {"plateau": "on"}))


def test_a_replay_gives_the_type_that_was_asked_for() -> None:
    trial = Replay({"a": 1, "b": 2.0, "c": 3})
    assert type(trial.suggest_float("a", 0, 9)) is float
    assert type(trial.suggest_int("b", 0, 9)) is int
    assert type(trial.suggest_categorical("c", [3.0])) is int


@pytest.mark.parametrize("name", SPACES)
@settings(deadline=None)
@given(data=st.data())
def test_a_narrowed_space_keeps_to_the_narrowed_ranges(name: str, data: st.DataObject) -> None:
    known = dimensions(SPACES[name])
    ranges = {
        key: data.draw(narrower(dimension))
        for key, dimension in known.items()
        if data.draw(st.booleans())
    }
    trial = DrawnTrial(data.draw)
    SPACES[name](Narrowed(trial, ranges))
    for key, dimension in trial.dimensions.items():
        expected = ranges.get(key, known[key])
        assert (dimension.low, dimension.high) == (expected.low, expected.high)
        assert dimension.choices == expected.choices
        if expected.choices is not None:
            assert trial.params[key] in expected.choices
        else:
            assert expected.low <= trial.params[key] <= expected.high
        if key not in ranges:
            assert dimension == known[key]


@st.composite
def narrower(draw: Any, dimension: Dimension) -> Dimension:
    """Part of a range, or a single value."""
    if dimension.choices is not None:
        chosen = draw(st.lists(st.sampled_from(dimension.choices), min_size=1, unique=True))
        return Dimension("categorical", choices=tuple(chosen))
    values = st.integers if dimension.kind == "int" else st.floats
    ends = sorted(draw(values(dimension.low, dimension.high)) for _ in range(2))
    return Dimension(dimension.kind, *ends, log=dimension.log)


def test_a_range_that_begins_at_nought_is_not_logarithmic() -> None:
    trial = DrawnTrial(lambda strategy: 0.0)
    ranges = {"learning_rate": Dimension("float", 0.0, 0.1)}
    Narrowed(trial, ranges).suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    assert trial.dimensions["learning_rate"] == Dimension("float", 0.0, 0.1)


def test_a_range_that_the_step_does_not_divide_keeps_the_step() -> None:
    trial = DrawnTrial(lambda strategy: 8)
    narrowed = Narrowed(trial, {"units": Dimension("int", 8, 19), "size": Dimension("int", 8, 24)})
    narrowed.suggest_int("units", 8, 64, step=8)
    narrowed.suggest_int("size", 8, 64, step=8)
    assert trial.dimensions["units"].step == 8  # values stay on the grid that was asked for
    assert trial.dimensions["size"].step == 8


@settings(deadline=None)
@given(data=st.data())
def test_a_function_that_builds_is_a_space_of_dicts(data: st.DataObject) -> None:
    space = recorded(layered)
    trial = DrawnTrial(data.draw)
    config = space.suggest(trial)
    assert config == trial.params == space.params(config)
    assert space.suggest(Replay(config)) == config
    assert space.first() == {"layers": 2, "units_0": 32, "units_1": 32, "dropped": False}
    begun = recorded(layered, {"dropped": True, "layers": 1, "noise": "gauss"})
    middle = {"layers": 1, "units_0": 32, "dropped": True, "rate": 0.3, "noise": "gauss"}
    assert begun.first() == middle | {"spread": pytest.approx(10**-1.5)}


@dataclass(frozen=True)
class Own:
    width: int = 8
    rate: float = 0.012345
    name: str = "relu"


def test_a_config_without_params_and_label_is_its_own() -> None:
    assert flat(Own()) == {"width": 8, "rate": 0.012345, "name": "relu"}
    assert flat({"a": 1}) == {"a": 1}
    assert short(Own()) == "width=8 rate=0.012"
    assert Space(lambda trial: Own(), Own()).first() == Own()


@pytest.mark.parametrize(
    ("params", "label"),
    [
        ({"units": 16, "activation": "relu", "dropout": False, "lr": 0.035}, "units=16 lr=0.035"),
        ({"layers": 2, "filters_0": 16, "learning_rate": 1.23e-4}, "layers=2 lr=1.2e-4"),
        ({"hidden_units_12": 64, "dropout": True}, "hidden12=64 dropou"),
        ({"units": 123, "learning_rate": 0.0069}, "unit=123 lr=0.0069"),
        ({"policy": "mixed_bfloat16", "lr": 0.0014, "jit": False}, "mixed_bf lr=0.0014"),
        ({"dropout": False, "kernel": "rbf"}, "no dropout rbf"),
        ({"plateau": None, "scale": float("inf")}, "scale=inf"),
        ({}, ""),
    ],
)
def test_a_label_names_what_tells_most(params: dict[str, Any], label: str) -> None:
    assert short(params) == label


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.none() | st.booleans() | st.integers(0, 10**6) | st.floats() | st.text(),
    )
)
def test_a_label_fits_beside_its_number_in_the_list_of_runs(params: dict[str, Any]) -> None:
    assert len(short(params)) <= 18


@pytest.mark.parametrize(
    ("value", "text"), [(0.01, "1e-2"), (0.0123, "1.2e-2"), (1e-4, "1e-4"), (0.25, "2.5e-1")]
)
def test_a_rate_is_short(value: float, text: str) -> None:
    assert optimizer.rate(value) == text


@pytest.mark.parametrize(
    ("dimension", "text"),
    [
        (Dimension("float", 1e-4, 0.1, log=True), "0.0001 to 0.1 (log)"),
        (Dimension("int", 1, 4), "1 to 4"),
        (Dimension("int", 1, 4, step=1), "1 to 4"),
        (Dimension("int", 16, 64, step=16), "16 to 64 by 16"),
        (Dimension("categorical", choices=("off", 3)), "off, 3"),
    ],
)
def test_a_dimension_reads_well(dimension: Dimension, text: str) -> None:
    assert str(dimension) == text
