"""KerasTuner's `hp` over a trial: its values, and the names they are kept under."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import BadInput, HyperParameters, Recording, Replay, dimensions, recorded
from tests.drawn import DrawnTrial


def everything(hp: Any) -> dict[str, Any]:
    """All kinds of hyperparameters, as KerasTuner's documentation writes them."""
    hp.Int("units", min_value=32, max_value=512, step=32)
    hp.Int("layers", 6, 13, step=3)
    hp.Int("batch_size", min_value=2, max_value=32, step=2, sampling="log")
    hp.Float("factor", min_value=0, max_value=1, step=0.3)
    hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)
    hp.Float("decade", 0.001, 10, step=10, sampling="log")
    hp.Float("top", 1, 100, step=10, sampling="reverse_log")
    hp.Choice("activation", ["relu", "tanh"], default="tanh")
    hp.Boolean("dropout")
    hp.Fixed("seed", 7)
    kind = hp.Choice("model", values=["mlp", "cnn"])
    with hp.conditional_scope("model", ["mlp"]):
        hp.Int("width", 1, 4)
        assert (hp.Choice("mode", ["p", "q"]) is None) == (kind == "cnn")
    with hp.conditional_scope("model", ["cnn"]):
        hp.Int("width", 100, 400, step=100)
        hp.Choice("mode", ["r", "s"])
        with hp.name_scope("head"):
            hp.Boolean("wide", default=True)
    hp.Float("rate", 0.1, 0.5, parent_name="dropout", parent_values=[True])
    return dict(hp.values)


MAY = {
    "units": set(range(32, 513, 32)),
    "layers": {6, 9, 12},
    "batch_size": {2, 4, 8, 16, 32},
    "factor": {0.0, 0.3, 0.6, 0.9},
    "decade": {0.001, 0.01, 0.1, 1.0, 10.0},
    "top": {100.0, 91.0, 1.0},
    "activation": {"relu", "tanh"},
    "dropout": {False, True},
    "seed": {7},
    "model": {"mlp", "cnn"},
    "mode": {"p", "q", "r", "s"},
    "head/wide": {False, True},
}


@settings(deadline=None)
@given(data=st.data())
def test_values_are_those_of_kerastuner_and_are_had_again(data: st.DataObject) -> None:
    asked = Recording(DrawnTrial(data.draw))
    values = everything(HyperParameters(asked))
    for name, value in values.items():
        if name in MAY:
            assert any(value == pytest.approx(one) for one in MAY[name]), name
    mlp = values["model"] == "mlp"
    assert values["width"] in ((1, 2, 3, 4) if mlp else (100, 200, 300, 400))
    assert values["mode"] in ("pq" if mlp else "rs")
    assert ("head/wide" in values) is not mlp
    assert ("rate" in values) is values["dropout"]
    assert everything(HyperParameters(Replay(asked.params))) == values


def test_a_name_under_a_condition_carries_it() -> None:
    known = dimensions(lambda trial: everything(HyperParameters(trial)))
    plain = {*MAY, "learning_rate"} - {"mode", "head/wide"}
    hanging = {"mlp/width", "mlp/mode", "cnn/width", "cnn/mode", "cnn/head/wide", "dropout/rate"}
    assert set(known) == plain | hanging
    assert known["mlp/mode"].choices == ("p", "q")
    assert known["cnn/width"].high == 400
    assert {name for name, one in known.items() if not one.always} == hanging


def test_conditions_nest_and_may_have_several_values_of_any_kind() -> None:
    def build(hp: Any) -> None:
        hp.Int("layers", 1, 3, default=2)
        with hp.conditional_scope("layers", [2, 3]):
            hp.Choice("kind", ["a b", "c"])
            with hp.conditional_scope("kind", "a b"):
                hp.Boolean("deep")
        assert hp.Int("never", 1, 2, parent_name="kind", parent_values=["z"]) is None

    first = recorded(lambda trial: build(HyperParameters(trial))).first()
    assert first == {
        "layers": 2,
        "layers-2-3/kind": "a b",
        "layers-2-3/a_b/deep": False,
    }


def test_the_first_trial_has_the_defaults_and_a_baseline_goes_before_them() -> None:
    def first(**start: Any) -> dict[str, Any]:
        return recorded(lambda trial: everything(HyperParameters(trial)), start).first()

    found = first()
    assert found["activation"] == "tanh"
    assert found["learning_rate"] == 1e-3
    assert found["dropout"] is False
    assert (found["units"], found["batch_size"]) == (256, 8)  # the middle
    assert first(model="cnn")["cnn/head/wide"] is True
    assert first(activation="relu")["activation"] == "relu"


def test_values_are_read_back_by_their_names() -> None:
    hp = HyperParameters(Replay({"a": 3, "s/b": True}))
    hp.Int("a", 1, 9)
    with hp.name_scope("s"):
        assert hp.Boolean("b") is True
        assert "b" in hp
    assert hp.Int("a", 1, 9) == hp.get("a") == hp["a"] == hp.values["a"] == 3
    assert "b" not in hp
    assert hp.is_active("s/b")
    hp.Int("c", 1, 2, parent_name="a", parent_values=[4])
    with pytest.raises(ValueError, match="c is currently inactive"):
        hp.get("c")
    with pytest.raises(KeyError):
        hp.get("d")


def test_a_copy_answers_with_defaults_and_asks_nothing() -> None:
    trial = Recording(Replay({}))
    copy = HyperParameters(trial).copy()
    assert copy.Int("a", 3, 9) == 3
    assert copy.Int("b", 3, 9, default=5) == 5
    assert copy.Choice("c", ["x", "y"]) == "x"
    assert copy.Float("d", 0.5, 1, sampling="log") == 0.5
    assert trial.params == {}


def test_what_is_sampled_otherwise_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "sweeps"):
        HyperParameters(Replay({"m": 0.9})).Float("m", 0.5, 0.99, sampling="reverse_log")
    assert "hp.Float('m'): sampling='reverse_log' is sampled evenly here" in caplog.text


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (lambda hp: hp.Int("a", 1.5, 3), r"hp.Int\('a'\): 1.5 is no whole number"),
        (lambda hp: hp.Int("a", 4, 3), "min_value 4 is greater than max_value 3"),
        (lambda hp: hp.Float("a", 0, 3, sampling="log"), "needs a min_value above 0"),
        (lambda hp: hp.Float("a", 1, 3, step=1, sampling="log"), "step is 1: it must be above 1"),
        (lambda hp: hp.Int("a", 1, 3, step=0), "step is 0: it must be above 0"),
        (lambda hp: hp.Int("a", 1, 3, sampling="even"), "sampling='even' is none of linear"),
        (lambda hp: hp.Choice("a", []), "it has no values"),
        (lambda hp: hp.Choice("a", [1], default=2), "default 2 is none of"),
        (lambda hp: hp.Int("a", 1, 2, parent_name="b", parent_values=[1]), "no hyperparameter"),
        (lambda hp: hp.merge([]), "hp.merge is not here: ask for values with hp.Int"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(ask: Any, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        ask(HyperParameters(Replay({})))


def test_kerastuner_itself_takes_the_same_values() -> None:
    tuner = pytest.importorskip("keras_tuner", reason="of the extra `bench`")
    for forced in ({}, {"model": "cnn", "dropout": True}):
        space = recorded(lambda trial: everything(HyperParameters(trial)), forced)
        ours = everything(HyperParameters(Replay(space.first())))
        theirs = tuner.HyperParameters()
        theirs.values = dict(ours)
        assert everything(theirs) == ours
