"""Optuna's figures, as they are shown: what varied, and labels that can be read."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from objectives import BadInput
from sweeps.study.figures import CLOSE, figure, learning_curves
from sweeps.study.importance import Importances, importances, keep_importances, kept_importances


@pytest.fixture
def study() -> Any:
    """One axis from just below a decade to just above another, one of whole numbers."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = optuna.create_study()
    for rate, width in ((0.0098, 8), (0.012, 64), (0.3, 8), (1.03, 16)):
        made.enqueue_trial({"rate": rate, "width": width, "fixed": 2})

    def objective(trial: optuna.Trial) -> float:
        width = trial.suggest_categorical("width", [8, 16, 64])
        fixed = trial.suggest_int("fixed", 2, 2)
        rate = trial.suggest_float("rate", 1e-4, 10.0, log=True)
        return rate + width + fixed + (trial.suggest_int("rare", 0, 7) if rate == 0.1 else 0)

    made.optimize(objective, n_trials=4)
    for number in range(8):
        made.enqueue_trial({"rate": 0.1, "width": 16, "fixed": 2, "rare": number})
    made.optimize(objective, n_trials=8)
    return made


def test_labels_of_an_axis_do_not_lie_on_each_other(study: Any) -> None:
    axes: dict[float, list[Any]] = {}
    for label in figure(study, "parallel").layout.annotations:
        axes.setdefault(label.x, []).append(label)
    assert len(axes) == 3  # the value, rate, width
    for labels in axes.values():
        places = sorted(label.y for label in labels)
        assert (places[0], places[-1]) == (0.0, 1.0)
        assert all(b - a >= CLOSE for a, b in itertools.pairwise(places))
    texts = [label.text for labels in axes.values() for label in labels]
    assert {"0.0098", "0.1", "1.03", "8", "16", "64"} <= set(texts)
    assert not {"0.01", "1"} & set(texts)


def test_what_did_not_vary_is_not_shown(study: Any) -> None:
    slices = figure(study, "slice").layout
    assert [slices[f"xaxis{i}"].title.text for i in (1, 2, 3)] == ["rare", "rate", "width"]
    parallel = figure(study, "parallel")
    assert list(parallel.layout.xaxis.ticktext[1:]) == ["rate", "width"]
    assert len(parallel.data) >= 12  # no trial is left out


def test_what_few_trials_had_has_no_importance(study: Any) -> None:
    found = importances(study)
    assert set(figure(study, "importances").data[0].y) == set(found.shares) == {"rate", "width"}
    assert not found.chance
    assert found.beyond == list(found.shares)


def few(trials: int, seed: int = 0) -> Any:
    import optuna

    made = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    made.optimize(lambda t: t.suggest_float("a", 0, 1) + t.suggest_float("b", 0, 1), trials)
    return made


def test_shares_of_few_trials_come_with_those_of_chance() -> None:
    assert importances(few(4)) == Importances(4)
    found = importances(few(7))
    assert found == importances(few(7)), "the same at every call"
    assert found.complete == 7
    assert set(found.shares) == set(found.chance) == {"a", "b"}
    drawn = figure(few(7), "importances")
    shares, chance = drawn.data
    assert dict(zip(shares.y, shares.x, strict=True)) == found.shares
    assert dict(zip(chance.y, chance.x, strict=True)) == found.chance
    assert "only 7 complete trials" in drawn.layout.title.text


def test_what_has_no_effect_is_seldom_beyond_chance() -> None:
    import optuna

    beyond = 0
    for seed in range(10):
        made, values = few(9, seed), np.random.default_rng(seed).random(9)
        dealt = optuna.create_study()
        for trial, value in zip(made.trials, values, strict=True):
            trial.value = float(value)
            dealt.add_trial(trial)
        beyond += len(importances(dealt).beyond)
    assert beyond <= 4  # of 20, one is expected


def test_an_unknown_figure_is_refused(study: Any) -> None:
    with pytest.raises(BadInput, match="pie"):
        figure(study, "pie")


def test_equal_values_have_no_importances() -> None:
    import optuna

    made = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    made.optimize(lambda trial: 0.0 * trial.suggest_float("rate", 0.1, 1.0), n_trials=12)
    assert importances(made) == Importances(12)
    drawn = figure(made, "importances", "val_loss")
    assert not drawn.data
    assert drawn.layout.title.text == "All complete trials have the same val_loss"


def test_learning_curves_have_every_epoch() -> None:
    frames = {
        n: pd.DataFrame({"val_loss": [1.0 / n] * 7, "loss": 0.0}, index=range(1, 8))
        for n in (2, 1)
    }
    drawn = learning_curves(frames | {3: pd.DataFrame({"loss": [1.0]})}, "val_loss")
    assert [line.name for line in drawn.data] == ["#1", "#2"]
    assert all(list(line.x) == list(range(1, 8)) for line in drawn.data)


def test_importances_are_kept_until_another_trial_is_complete() -> None:
    import optuna

    made = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    made.optimize(lambda t: t.suggest_float("a", 0, 1) + t.suggest_float("b", 0, 9), n_trials=12)
    keep_importances(made)
    found = importances(made)
    assert kept_importances(made) == found
    assert list(kept_importances(made).shares) == list(found.shares), "the largest is first"
    made.set_user_attr("importances", {"complete": 12, "shares": {"a": 1.0}})
    assert kept_importances(made).shares == {"a": 1.0}, "what is kept is not computed anew"
    made.add_trial(made.trials[0])
    assert kept_importances(made) == importances(made) != Importances(12, {"a": 1.0})
