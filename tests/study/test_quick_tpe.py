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
from sweeps.study.recent import Recent, Seen
from sweeps.study.samplers import make_sampler
from sweeps.study.sweep import tpe

SPACE: dict[str, BaseDistribution] = {
    "float": FloatDistribution(-3.0, 5.0),
    "log": FloatDistribution(1e-6, 10.0, log=True),
    "step": FloatDistribution(0.0, 1.0, step=0.05),
    "int": IntDistribution(0, 10),
    "wide": IntDistribution(8, 4096, log=True),
    "even": IntDistribution(2, 64, step=2),
    "seed": IntDistribution(0, 2**32 - 1),
    "choice": CategoricalDistribution(["a", "b", "c"]),
}
NAMES = st.lists(st.sampled_from(sorted(SPACE)), min_size=1, max_size=8, unique=True)


def study(names: list[str], trials: int, seed: int, direction: str = "minimize") -> optuna.Study:
    """Return a study whose trials gather around a good one, as a search's do.

    Some lack the last parameter, and some are infeasible.
    """
    space = {name: SPACE[name] for name in names}
    draw = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    rng = np.random.default_rng(seed)
    good = draw.ask(space).params
    made = []
    for number in range(trials):
        asked = draw.ask(space).params
        params = {name: (good if rng.random() < 0.4 else asked)[name] for name in names}
        if names[1:] and rng.random() < 0.3:
            del params[names[-1]]
        value = sum(params[name] != good[name] for name in params) + rng.random()
        states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING]
        state = states[0 if number < 10 else rng.integers(3)]
        made.append(
            create_trial(
                state=state,
                params=params,
                distributions={name: space[name] for name in params},
                value=value if state is TrialState.COMPLETE else None,
                intermediate_values={} if state is TrialState.RUNNING else {1: value},
            )
        )
        if state is TrialState.PRUNED and rng.random() < 0.3:
            made[-1].set_constraint("params", value)
    found = optuna.create_study(direction=direction)
    found.add_trials(made)
    return found


def proposed(
    kind: type[TPESampler],
    study: optuna.Study,
    names: list[str],
    seed: int,
    seen: Seen | None = None,
    **options: Any,
) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = kind(seed=seed, multivariate=True, group=True, **options)
    if isinstance(sampler, QuickTPE):
        sampler.seen = seen
    trial = create_trial(state=TrialState.RUNNING)
    trial.number = len(study.get_trials(deepcopy=False))
    space = sampler.infer_relative_search_space(study, trial)
    groups = (dict(sorted(one.items())) for one in sampler._search_space_group.search_spaces)
    together = [sampler._sample(study, trial, one) for one in (space, *groups)]
    new = FloatDistribution(0.0, 1.0)
    alone = [
        sampler.sample_independent(study, trial, names[0], SPACE[names[0]]),
        sampler.sample_independent(study, trial, "new", new),
    ]
    return together, alone


@settings(max_examples=25, deadline=None)
@given(NAMES, st.integers(11, 150), st.integers(0, 2**31), st.booleans(), st.booleans())
def test_proposals_are_those_of_optuna(
    names: list[str], trials: int, seed: int, lower: bool, liar: bool
) -> None:
    history = study(names, trials, seed, "minimize" if lower else "maximize")
    recent = Recent(1.0 if lower else -1.0)
    recent.of(history.get_trials()[: trials // 2])
    seen = recent.of(history.get_trials())
    for draw in range(3):
        expected = proposed(TPESampler, history, names, draw, constant_liar=liar)
        assert proposed(QuickTPE, history, names, draw, constant_liar=liar) == expected
        assert proposed(QuickTPE, history, names, draw, seen, constant_liar=liar) == expected


def test_a_part_of_a_history_is_all_that_is_learned_from() -> None:
    names, bound = sorted(SPACE), 80
    history = study(names, 400, 5)
    seen = Recent(1.0, bound).of(history.get_trials())
    part = optuna.create_study()
    part.add_trials(seen.trials)
    assert len(seen.ended) == bound
    assert len(seen.trials) < 200
    for draw in range(5):
        expected = proposed(TPESampler, part, names, draw)
        assert proposed(QuickTPE, history, names, draw, seen) == expected


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
