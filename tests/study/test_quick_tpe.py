"""A quicker TPE proposes what Optuna's own does, to the digit."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import TPESampler
from optuna.samplers._tpe import _truncnorm
from optuna.trial import TrialState, create_trial

from sweeps.study import quick_tpe
from sweeps.study.quick_tpe import QuickTPE
from sweeps.study.samplers import make_sampler
from sweeps.study.sweep import tpe

SPACE: dict[str, BaseDistribution] = {
    "float": FloatDistribution(-3.0, 5.0),
    "log": FloatDistribution(1e-6, 10.0, log=True),
    "step": FloatDistribution(0.0, 1.0, step=0.05),
    "int": IntDistribution(0, 10),
    "wide": IntDistribution(8, 4096, log=True),
    "even": IntDistribution(2, 64, step=2),
    "choice": CategoricalDistribution(["a", "b", "c"]),
}
NAMES = st.lists(st.sampled_from(sorted(SPACE)), min_size=1, max_size=7, unique=True)


def study(names: list[str], trials: int, seed: int) -> optuna.Study:
    """Return a study whose trials gather around a good one, as a search's do."""
    space = {name: SPACE[name] for name in names}
    draw = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    rng = np.random.default_rng(seed)
    good = draw.ask(space).params
    made = []
    for number in range(trials):
        asked = draw.ask(space).params
        params = {name: (good if rng.random() < 0.4 else asked)[name] for name in names}
        value = sum(params[name] != good[name] for name in names) + rng.random()
        states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING]
        state = states[0 if number < 10 else rng.integers(3)]
        made.append(
            create_trial(
                state=state,
                params=params,
                distributions=space,
                value=value if state is TrialState.COMPLETE else None,
                intermediate_values={} if state is TrialState.RUNNING else {1: value},
            )
        )
    found = optuna.create_study()
    found.add_trials(made)
    return found


def proposed(kind: type[TPESampler], study: optuna.Study, names: list[str], seed: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = kind(seed=seed, multivariate=True, group=True)
    trial = create_trial(state=TrialState.RUNNING)
    trial.number = len(study.get_trials(deepcopy=False))
    space = sampler.infer_relative_search_space(study, trial)
    together = sampler._sample(study, trial, space)
    alone = sampler.sample_independent(study, trial, names[0], SPACE[names[0]])
    return together, alone


@settings(max_examples=25, deadline=None)
@given(NAMES, st.integers(11, 150), st.integers(0, 2**31))
def test_proposals_are_those_of_optuna(names: list[str], trials: int, seed: int) -> None:
    history = study(names, trials, seed)
    for draw in range(3):
        expected = proposed(TPESampler, history, names, draw)
        assert proposed(QuickTPE, history, names, draw) == expected


def test_what_is_close_is_decided_by_optuna_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["float", "wide"]
    history, own, calls = study(names, 60, 0), _truncnorm._log_ndtr, []

    def counted(numbers: np.ndarray) -> np.ndarray:
        calls.append(numbers.size)
        return own(numbers)

    monkeypatch.setattr(_truncnorm, "_log_ndtr", counted)
    found = []
    for kind, close in ((QuickTPE, quick_tpe.CLOSE), (QuickTPE, math.inf), (TPESampler, 0.0)):
        monkeypatch.setattr(quick_tpe, "CLOSE", close)
        calls.clear()
        found.append((proposed(kind, history, names, 1), len(calls)))
    (quick, few), (close, many), (exact, all_of_them) = found
    assert quick == close == exact
    assert few < many == all_of_them


def test_the_tpe_of_this_package_is_the_quick_one() -> None:
    assert isinstance(make_sampler(tpe(), 0), QuickTPE)
    assert type(make_sampler(TPESampler, 0)) is TPESampler
