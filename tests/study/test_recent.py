"""What TPE is shown of a long history, and that a short one is shown as it is."""

from __future__ import annotations

import math

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import FrozenTrial, TrialState

from search_spaces import Space, Trial
from sweeps.study.recent import BEST, LATEST, Recent, bounds
from sweeps.study.storage import Store
from sweeps.study.sweep import random, tpe

ENDS = st.tuples(
    st.sampled_from(["COMPLETE", "PRUNED", "FAIL", "RUNNING", "INFEASIBLE"]),
    st.sampled_from([-1.5, 0.0, 0.25, 0.5, 3.0]),
    st.integers(1, 3),
    st.booleans(),
)


def trial(number: int, kind: str, value: float, step: int, lost: bool) -> FrozenTrial:
    state = TrialState["PRUNED" if kind == "INFEASIBLE" else kind]
    reports = {} if lost else {step: math.nan if value == 3.0 else value}
    made = optuna.trial.create_trial(
        state=state,
        value=value if kind == "COMPLETE" else None,
        intermediate_values=reports if kind != "COMPLETE" else {step: value},
    )
    if kind == "INFEASIBLE":
        made.set_constraint("params", 1.0 + value * value)
    made.number = number
    return made


def ended(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    return [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]


@given(st.lists(ENDS, max_size=60), st.integers(0, 12), st.booleans())
def test_the_best_are_those_that_tpe_itself_takes(ends, count: int, lower: bool) -> None:
    trials = [trial(n, *one) for n, one in enumerate(ends)]
    study = optuna.create_study(direction="minimize" if lower else "maximize")
    below, _ = _split_trials(study, ended(trials), count)
    recent = Recent(1.0 if lower else -1.0)
    recent.of(trials)
    assert sorted(n for _, n in recent._ranked[:count]) == [t.number for t in below]


@settings(deadline=None)
@given(st.lists(ENDS, min_size=120, max_size=220), st.integers(1, 219))
def test_a_long_history_is_thinned_out_the_same_way_by_every_process(ends, cut: int) -> None:
    trials = [trial(n, *one) for n, one in enumerate(ends)]
    bound = 60
    going_on, fresh = Recent(1.0, bound), Recent(1.0, bound)
    going_on.of(trials[:cut])
    shown = fresh.of(trials).trials
    assert shown == going_on.of(trials).trials
    if len(ended(trials)) <= bound:
        assert shown == trials
        return
    numbers = {t.number for t in shown}
    assert [t.number for t in shown] == sorted(numbers)
    assert len(ended(shown)) == bound
    assert {n for _, n in fresh._ranked[:BEST]} <= numbers
    running = [t.number for t in trials if t.state == TrialState.RUNNING]
    assert {t.number for t in ended(trials)[-LATEST:]} | {*running[-LATEST:]} <= numbers


SETS = st.lists(st.sampled_from(["ab", "abc", "bd", "a", "bc"]), min_size=1, max_size=12)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@given(SETS)
def test_the_search_space_is_that_of_all_trials(sets: list[str]) -> None:
    x = optuna.distributions.FloatDistribution(0.0, 1.0)
    trials = []
    for n, names in enumerate(sets):
        made = optuna.trial.create_trial(
            value=0.0, params=dict.fromkeys(names, 0.5), distributions=dict.fromkeys(names, x)
        )
        made.number = n
        trials.append(made)
    found = []
    for shown in (trials, Recent(1.0).of(trials).spaces):
        study = optuna.create_study(storage=optuna.storages.InMemoryStorage())
        study.add_trials(shown)
        sampler = optuna.samplers.TPESampler(multivariate=True, group=True)
        found.append(list(sampler.infer_relative_search_space(study, trials[0]).items()))
        groups = sampler._search_space_group.search_spaces
        found[-1] += [[sorted(one) for one in groups]]
    assert found[0] == found[1]


def asked(recent: Recent | None, trials: int) -> list[dict[str, float]]:
    def suggest(trial: Trial) -> dict[str, float]:
        return {name: trial.suggest_float(name, 0.0, 1.0) for name in "ab"}

    space = Space(suggest, None, params=dict, restore=dict)
    study = optuna.create_study(storage=optuna.storages.InMemoryStorage())
    store = Store(study, space, tpe(), 7, {})
    store._recent = recent
    for _ in range(trials):
        made = store.ask()
        store.study.tell(made.number, sum(made.params.values()))
    return [t.params for t in study.get_trials()]


def test_up_to_the_bound_every_digit_is_as_without_it() -> None:
    whole, part = asked(None, 60), asked(Recent(1.0, bound=50), 60)
    assert whole[:51] == part[:51]
    assert whole[51:] != part[51:]


def test_only_the_own_tpe_for_one_monitor_is_shown_a_part() -> None:
    assert bounds(tpe(), 1)
    assert bounds(tpe(n_startup_trials=20), 1)
    assert not bounds(tpe(), 2)
    assert not bounds(tpe(group=False), 1)
    assert not bounds(tpe(gamma=lambda n: n // 2), 1)
    assert not bounds(random(), 1)
    assert not bounds(optuna.samplers.TPESampler, 1)
