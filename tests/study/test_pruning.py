"""The pruning rule on scripted values, without training."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.pruning import FEWEST, hopeless, make_pruner, shares
from sweeps.study.sweep import no_pruning, percentile, successive_halving


def trial(number: int, values: dict[int, float], state: str = "COMPLETE") -> FrozenTrial:
    value = min(values.values()) if state == "COMPLETE" else None
    found = optuna.trial.create_trial(
        state=TrialState[state], value=value, intermediate_values=values
    )
    found.number = number
    return found


def field(rung: int, *values: float, first: float = 1.0) -> list[FrozenTrial]:
    return [trial(n, {1: first, rung: value}) for n, value in enumerate(values)]


def test_the_worse_half_goes_at_a_rung() -> None:
    others = field(8, 0.1, 0.2, 0.3, 0.4)
    judged = [hopeless(trial(9, {1: 1.0, 8: v}), others, 8, 64, 0.5) for v in (0.15, 0.25, 0.35)]
    assert judged == [False, False, True]


def test_the_first_at_a_rung_are_not_judged() -> None:
    others = field(8, *[0.1] * (FEWEST - 2))
    assert not hopeless(trial(9, {1: 1.0, 8: 0.9}), others, 8, 64, 0.5)


def test_only_the_same_epoch_is_compared() -> None:
    others = field(16, 0.01, 0.01, 0.01, 0.01, 0.01)
    assert not hopeless(trial(9, {1: 1.0, 8: 0.5}), others, 8, 64, 0.5)


def test_what_was_stopped_before_a_rung_counts_as_worse_there() -> None:
    stopped = [trial(n, {1: 1.0, 8: 0.5}, "PRUNED") for n in range(6)]
    reached = [trial(10 + n, {1: 1.0, 8: 0.3, 16: 0.2}) for n in range(3)]
    newcomer = trial(99, {1: 1.0, 8: 0.4, 16: 0.3}, "RUNNING")
    fates = {share: hopeless(newcomer, stopped + reached, 16, 64, share) for share in (0.3, 0.4)}
    assert fates == {0.3: True, 0.4: False}


def test_what_ended_by_itself_before_a_rung_keeps_its_value_there() -> None:
    ended = [trial(n, {1: 1.0, 8: 0.4, 11: 0.2}) for n in range(4)]
    judged = [hopeless(trial(9, {1: 1.0, 16: v}), ended, 16, 64, 0.5) for v in (0.1, 0.3)]
    assert judged == [False, True]


def test_what_still_runs_or_failed_before_a_rung_does_not_count_there() -> None:
    for state in ("RUNNING", "FAIL"):
        others = [trial(n, {1: 1.0, 8: 0.1}, state) for n in range(6)]
        assert not hopeless(trial(9, {1: 1.0, 16: 0.9}), others, 16, 64, 0.25)


def test_each_rung_keeps_its_share_of_all_trials() -> None:
    assert shares(successive_halving(), 100) == {8: 1 / 2, 16: 1 / 4, 32: 1 / 8, 64: 1 / 16}
    assert shares(percentile(50.0, first_rung=4), 16) == {4: 0.5, 8: 0.25}


def test_a_late_bloomer_is_kept_where_others_bloomed_from_the_same_plateau() -> None:
    early = field(16, 0.1, 0.1, 0.1, 0.1)
    bloomed = [trial(10 + n, {1: 1.0, 16: 0.99, 32: 0.1}) for n in range(3)]
    barren = [trial(10 + n, {1: 1.0, 16: 0.99, 32: 0.98}) for n in range(3)]
    waiting = trial(99, {1: 1.0, 16: 0.99}, state="RUNNING")
    assert not hopeless(waiting, early + bloomed, 16, 64, 0.5)
    assert hopeless(waiting, early + barren, 16, 64, 0.5)


def test_a_plateau_without_evidence_is_spared_for_half_of_the_epochs_at_most() -> None:
    waiting = trial(99, {1: 1.0, 8: 0.99, 32: 0.99}, state="RUNNING")
    assert not hopeless(waiting, field(8, 0.1, 0.1, 0.1, 0.1), 8, 40, 0.5)
    assert hopeless(waiting, field(32, 0.1, 0.1, 0.1, 0.1), 32, 40, 0.5)


@given(
    st.lists(st.floats(0.01, 0.9), min_size=FEWEST, max_size=30, unique=True),
    st.sampled_from([0.25, 0.5, 0.75]),
)
def test_the_best_so_far_passes_and_a_better_value_never_fares_worse(
    values: list[float], keep: float
) -> None:
    others = field(8, *values)
    fates = [hopeless(t, others, 8, 64, keep) for t in sorted(others, key=lambda t: t.value or 0)]
    assert fates[0] is False
    assert fates == sorted(fates)


@given(st.lists(st.floats(0.01, 0.9), min_size=FEWEST, max_size=20, unique=True))
def test_maximizing_mirrors_minimizing(values: list[float]) -> None:
    low = field(8, *values, first=2.0)
    high = [trial(t.number, {k: -v for k, v in t.intermediate_values.items()}) for t in low]
    assert [hopeless(t, low, 8, 64, 0.5) for t in low] == [
        hopeless(t, high, 8, 64, 0.5, maximize=True) for t in high
    ]


@pytest.mark.parametrize("pruner", [successive_halving(), percentile(75.0), no_pruning()])
def test_rungs_are_geometric_and_end_before_the_last_epoch(pruner) -> None:
    rungs = pruner.rungs(100)
    assert rungs == (() if pruner.kind == "none" else (8, 16, 32, 64))
    assert successive_halving().rungs(8) == ()


def test_a_baseline_is_never_pruned() -> None:
    study = optuna.create_study(pruner=make_pruner(successive_halving(), 64))
    for value in (0.1, 0.1, 0.1, 0.1, 0.9):
        asked = study.ask()
        asked.set_user_attr("role", "baseline")
        asked.report(1.0, 1)
        asked.report(value, 8)
    assert not asked.should_prune()
    asked.set_user_attr("role", "trial")
    assert asked.should_prune()
