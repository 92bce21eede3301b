"""The pruning rule on scripted values, without training."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.study.pruning import make_pruner, should_stop
from sweeps.study.sweep import no_pruning, percentile, successive_halving


def trial(number: int, values: dict[int, float], done: bool = True) -> optuna.trial.FrozenTrial:
    state = optuna.trial.TrialState.COMPLETE if done else optuna.trial.TrialState.RUNNING
    found = optuna.trial.create_trial(
        state=state, value=min(values.values()) if done else None, intermediate_values=values
    )
    found.number = number
    return found


def field(rung: int, *values: float, first: float = 1.0) -> list[optuna.trial.FrozenTrial]:
    return [trial(n, {1: first, rung: value}) for n, value in enumerate(values)]


def test_the_worse_half_goes_at_a_rung() -> None:
    others = field(8, 0.1, 0.2, 0.3, 0.4, 0.5)
    judged = [
        should_stop(trial(9, {1: 1.0, 8: v}), others, 8, 64, 0.5) for v in (0.15, 0.25, 0.35)
    ]
    assert judged == [False, False, True]


def test_the_first_at_a_rung_passes_and_the_second_if_it_is_better() -> None:
    assert not should_stop(trial(9, {1: 1.0, 8: 0.9}), [], 8, 64, 0.5)
    judged = [should_stop(trial(9, {1: 1.0, 8: v}), field(8, 0.2), 8, 64, 0.5) for v in (0.1, 0.3)]
    assert judged == [False, True]


def test_only_the_same_epoch_is_compared() -> None:
    others = field(16, 0.01, 0.01, 0.01, 0.01, 0.01)
    assert not should_stop(trial(9, {1: 1.0, 8: 0.5}), others, 8, 64, 0.5)


def test_a_trial_that_was_complete_before_a_rung_stands_with_its_value() -> None:
    judged = trial(9, {1: 1.0, 8: 0.4, 16: 0.4})
    over = [trial(n, {1: 1.0, 8: 0.2}) for n in range(3)]
    for other in over:
        other.set_user_attr("result", {"outcome": "complete", "epochs": 12})
    assert should_stop(judged, over, 16, 64, 0.5)
    assert not should_stop(judged, [trial(n, {1: 1.0, 8: 0.2}) for n in range(3)], 16, 64, 0.5)
    for other in over:  # not judged at rungs, but trained beyond this one
        other.set_user_attr("result", {"outcome": "complete", "epochs": 64})
    assert not should_stop(judged, over, 16, 64, 0.5)


def test_a_trial_on_its_plateau_is_kept_where_others_left_theirs() -> None:
    early = field(16, 0.1, 0.1, 0.1, 0.1)
    left = [trial(10 + n, {1: 1.0, 16: 0.99, 32: 0.1}) for n in range(3)]
    stayed = [trial(10 + n, {1: 1.0, 16: 0.99, 32: 0.98}) for n in range(3)]
    waiting = trial(99, {1: 1.0, 16: 0.99}, done=False)
    assert not should_stop(waiting, early + left, 16, 64, 0.5)
    assert should_stop(waiting, early + stayed, 16, 64, 0.5)


def test_a_plateau_without_evidence_is_not_pruned_for_a_third_of_the_epochs() -> None:
    waiting = trial(99, {1: 1.0, 12: 0.99, 36: 0.99}, done=False)
    assert not should_stop(waiting, field(12, 0.1, 0.1, 0.1, 0.1), 12, 100, 0.5)
    assert should_stop(waiting, field(36, 0.1, 0.1, 0.1, 0.1), 36, 100, 0.5)


@given(
    st.lists(st.floats(0.01, 0.9), min_size=1, max_size=30, unique=True),
    st.sampled_from([0.25, 0.5, 0.75]),
)
def test_the_best_so_far_passes_and_a_better_value_never_fares_worse(
    values: list[float], keep: float
) -> None:
    others = field(8, *values)
    fates = [
        should_stop(t, others, 8, 64, keep) for t in sorted(others, key=lambda t: t.value or 0)
    ]
    assert fates[0] is False
    assert fates == sorted(fates)


@given(st.lists(st.floats(0.01, 0.9), min_size=1, max_size=20, unique=True))
def test_maximizing_mirrors_minimizing(values: list[float]) -> None:
    low = field(8, *values, first=2.0)
    high = [trial(t.number, {k: -v for k, v in t.intermediate_values.items()}) for t in low]
    assert [should_stop(t, low, 8, 64, 0.5) for t in low] == [
        should_stop(t, high, 8, 64, 0.5, sign=-1.0) for t in high
    ]


@pytest.mark.parametrize("pruner", [successive_halving(), percentile(75.0), no_pruning()])
def test_rungs_are_geometric_and_end_before_the_last_epoch(pruner) -> None:
    assert pruner.rungs(100) == (() if pruner.kind == "none" else (8, 16, 32, 64))
    assert successive_halving().rungs(8) == ()


@pytest.mark.parametrize("role", ["baseline", "tried"])
def test_what_somebody_asked_for_is_never_pruned(role: str) -> None:
    study = optuna.create_study(pruner=make_pruner(successive_halving(first_rung=8, eta=2), 64))
    for value in (0.1, 0.1, 0.1, 0.1, 0.9):
        asked = study.ask()
        asked.set_user_attr("role", role)
        asked.report(1.0, 1)
        asked.report(value, 8)
    assert not asked.should_prune()
    asked.set_user_attr("role", "trial")
    assert asked.should_prune()
