"""A build that gives no compiled model is refused once, with what to write."""

from __future__ import annotations

from typing import Any

import pytest

from objectives import BadInput, Objective
from objectives.training import Decision, NoModel, Outcome, TrialSpec, here
from tests.objectives.training.small_objective import data

pytestmark = pytest.mark.slow


def build(trial: Any) -> Any:
    import keras

    model = keras.Sequential([keras.layers.Dense(1)])
    given = trial.suggest_categorical("given", ["none", "several", "class", "plain", "model"])
    if given == "model":
        model.compile("sgd", "mse")
    return {"none": None, "several": (model, 3), "class": keras.Model}.get(given, model)


def train(trainer: Any, *given: str) -> list[Any]:
    specs = [TrialSpec(n, {"given": one}, 3, 1, check=False) for n, one in enumerate(given)]
    return list(trainer.train(iter(specs), lambda *_: Decision.CONTINUE))


@pytest.mark.parametrize("kind", ["fit", "auto"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("none", "build gave None: let it end with `return model`"),
        ("several", "build gave a tuple of Sequential, int: let it end with"),
        ("class", "build gave the class Model: let it return a compiled model of that class"),
        ("plain", "build gave a Sequential that is not compiled: call model.compile"),
    ],
)
def test_it_is_refused_if_it_gave_no_model_before_and_fails_a_later_trial(
    kind: str, given: str, said: str
) -> None:
    trainer = here(Objective(load=None, build=build), data(), kind)  # type: ignore[arg-type]
    with pytest.raises(NoModel, match=said) as refused:
        train(trainer, given, "model")
    assert isinstance(refused.value, BadInput)
    assert "\n" not in str(refused.value)
    good, bad, again = train(trainer, "model", given, "model")
    assert [good.outcome, again.outcome] == [Outcome.COMPLETE] * 2
    assert bad.outcome is Outcome.FAILED
    assert said in bad.error
    trainer.close()
