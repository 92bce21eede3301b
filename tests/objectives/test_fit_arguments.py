"""Arguments of `fit` that an objective passes on, and what is said of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, FitArguments, Objective
from objectives.fit_arguments import INSTEAD
from search_spaces import Space
from tests.scripted import load


def build(trial: Any) -> None:
    trial.suggest_int("units", 1, 9)


def objective(**given: Any) -> Objective[Any]:
    return Objective(load=load, build=build, **given)  # type: ignore[arg-type]


def test_a_config_may_name_its_batch_and_its_epochs() -> None:
    found = objective(batch_size=8)
    assert found.arguments({"units": 1}) == FitArguments(8)
    assert found.arguments({"batch_size": 64, "epochs": 5}) == FitArguments(64, 5)
    assert found.epochs({"epochs": 5}, 3) == 3
    assert found.epochs({"epochs": 5}, 9) == 5
    assert found.epochs({}, 9) == 9


@dataclass(frozen=True)
class Config:
    batch_size: int = 16
    epochs: int | None = None


def test_fields_of_a_config_are_read_too() -> None:
    space = Space(lambda trial: Config(), Config())
    found: Objective[Any] = Objective(load=load, build=lambda config: config, space=space)
    assert found.arguments(Config()) == FitArguments(16)
    assert found.arguments(Config(epochs=7)) == FitArguments(16, 7)


def test_a_mapping_and_a_function_give_the_others() -> None:
    assert objective(fit={"shuffle": False, "verbose": 0}).arguments({}) == FitArguments(
        32, shuffle=False
    )
    by_config = objective(fit=lambda config: {"batch_size": 2 ** config["log"], "epochs": None})
    assert by_config.arguments({"log": 5, "batch_size": 7}) == FitArguments(32)


@pytest.mark.parametrize("name", INSTEAD)
def test_what_cannot_be_given_says_where_it_belongs(name: str) -> None:
    with pytest.raises(BadInput, match=rf"Objective\(fit=\.\.\.\): {name} cannot be given: "):
        objective(fit={name: 1})


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"shuffle": "batch"}, "shuffle is 'batch': it must be True or False"),
        ({"epochs": 0}, "epochs is 0: it must be a whole number above 0"),
        ({"batch_size": "many"}, "batch_size is 'many': it must be"),
        ({"batch_size": True}, "batch_size is True"),
        ({"steps_per_epoch": 1.5}, "steps_per_epoch is 1.5"),
        ({"batches": 3}, "batches cannot be given; what can: batch_size, epochs"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(given: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        objective(fit=given)
    with pytest.raises(BadInput, match=named):
        objective(fit=lambda config: given).arguments({})


def test_the_rows_of_an_epoch() -> None:
    order = np.array([3, 1, 4, 0, 2])
    assert FitArguments(2).rows(order.copy()).tolist() == [3, 1, 4, 0, 2]
    assert FitArguments(2, steps_per_epoch=2).rows(order.copy()).tolist() == [3, 1, 4, 0]
    assert FitArguments(2, shuffle=False).rows(order.copy()).tolist() == [0, 1, 2, 3, 4]
    assert FitArguments(2, None, False, 1).rows(order.copy()).tolist() == [0, 1]
    assert FitArguments(2, steps_per_epoch=9).rows(order.copy()).tolist() == [3, 1, 4, 0, 2]
