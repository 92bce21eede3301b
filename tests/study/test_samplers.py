"""Any sampler and any pruner of Optuna's, on scripted curves: to the total, and repeatable."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest

import sweeps
from objectives import BadInput, Objective
from search_spaces import Space, Trial
from sweeps.study.samplers import NEEDS, make_sampler
from sweeps.study.session import opened
from sweeps.study.settings import Settings
from sweeps.study.sweep import SAMPLERS, Sampler
from sweeps.tracking import NoTracker
from tests.scripted import SWEEP, Scripted, Toy, build, load
from tests.study.test_loop import Watching, described

WIDTHS, RATES = list(range(1, 9)), [0.25, 0.5, 0.75]
GRID = {"width": WIDTHS, "rate": RATES}
TOTAL = 14  # more than the ten random trials that TPE and GPSampler begin with

optunas = optuna.samplers
FUNCTIONS: dict[str, Callable[[int], optunas.BaseSampler]] = {
    "GridSampler": lambda seed: optunas.GridSampler(GRID, seed=seed),
    "PartialFixedSampler": lambda seed: optunas.PartialFixedSampler(
        {"width": 3}, optunas.QMCSampler(scramble=True, seed=seed)
    ),
    "NSGAIISampler": lambda seed: optunas.NSGAIISampler(population_size=4, seed=seed),
    "NSGAIIISampler": lambda seed: optunas.NSGAIIISampler(population_size=4, seed=seed),
}
PRUNERS: dict[str, dict[str, Any]] = {
    "PatientPruner": {"wrapped_pruner": None, "patience": 1},
    "PercentilePruner": {"percentile": 25.0, "n_startup_trials": 1},
    "ThresholdPruner": {"upper": 1.0},
}
BASELINE = Toy(rate=0.5, width=2)


def suggest(trial: Trial) -> Toy:
    width = trial.suggest_int("width", 1, 8)
    return Toy(width=width, rate=trial.suggest_float("rate", 0.25, 0.75, step=0.25))


def finite(baseline: Toy = BASELINE, **changed: Any) -> sweeps.Sweep:
    space = Space(
        suggest, baseline, lambda one: {"width": one.width, "rate": one.rate}, lambda _: "toy"
    )
    objective = Objective(space=space, load=load, build=build, max_epochs=4)
    return dataclasses.replace(SWEEP, objective=objective, n_trials=TOTAL, **changed)


def go(folder: Path, sweep: sweeps.Sweep, trainer: Any = None, **settings: Any) -> list[Any]:
    given = Settings(folder=folder, **settings)
    with opened(sweep, given, lambda *_: trainer or Scripted(), lambda *_: NoTracker()) as session:
        session.loop(Watching()).run()
        return described(session)


def classes(package: Any) -> list[str]:
    found = {name: getattr(package, name) for name in package.__all__}
    return [
        name
        for name, kind in found.items()
        if inspect.isclass(kind) and not inspect.isabstract(kind)
    ]


@pytest.mark.parametrize("name", classes(optunas))
def test_each_of_optunas_samplers_repeats_a_study_and_goes_on_as_if_it_had_not_ended(
    name: str, tmp_path: Path
) -> None:
    kind = getattr(optunas, name)
    sweep = finite(sampler=FUNCTIONS.get(name, kind))
    if name in NEEDS and find_spec(NEEDS[name]) is None:
        with pytest.raises(BadInput, match=f"needs the package {NEEDS[name]}"):
            go(tmp_path, sweep, trials=6)
        return
    go(tmp_path, sweep, seed=3, study="a", trials=6)
    parts, once = (go(tmp_path, sweep, seed=3, study=study, trials=TOTAL) for study in "ab")
    assert parts == once
    assert len(once) == TOTAL
    assert len({tuple(trial[2].values()) for trial in once}) > 2


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", classes(optuna.pruners))
def test_each_of_optunas_pruners_is_told_the_best_value_at_every_epoch(
    name: str, tmp_path: Path
) -> None:
    kind = getattr(optuna.pruners, name)
    told: list[dict[int, float]] = []

    class Listening(optuna.pruners.BasePruner):
        def __init__(self) -> None:
            self.inner = kind(**PRUNERS.get(name, {}))

        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            told.append(trial.intermediate_values)
            return self.inner.prune(study, trial)

    trainer = Scripted(lambda spec, epoch: 1.0 + 0.1 * (spec.number % 3) - 0.2 * (epoch == 1))
    found = go(tmp_path, finite(pruner=Listening(), sampler=sweeps.random()), trainer)
    assert found[0][4] == "complete"
    assert len(found) == TOTAL
    assert all(list(values) == list(range(1, max(values) + 1)) for values in told)
    assert all(len(set(values.values())) == 1 for values in told), "the first epoch is the best"
    assert max(map(len, told)) == 3, "the last epoch is not judged"


def test_a_pruner_of_optunas_prunes_at_any_epoch_and_spares_the_baseline(tmp_path: Path) -> None:
    pruner = optuna.pruners.ThresholdPruner(upper=1.0, n_warmup_steps=2)
    found = go(tmp_path, finite(pruner=pruner), Scripted(lambda spec, epoch: 2.0), trials=4)
    assert [(trial[4], trial[7]) for trial in found] == [("complete", 4)] + [("pruned", 2)] * 3


def test_points_of_a_sequence_are_spread_evenly_though_the_study_was_stopped(
    tmp_path: Path,
) -> None:
    for trials in (4, 9):  # of Sobol's first eight points, each eighth of a range has one
        found = go(tmp_path, finite(sampler=SAMPLERS["qmc"]), seed=7, trials=trials)
    assert sorted(trial[2]["width"] for trial in found[1:]) == WIDTHS


@pytest.mark.parametrize(
    "sampler",
    [
        lambda seed: optunas.GridSampler({"width": [1, 2], "rate": RATES}, seed=seed),
        optunas.BruteForceSampler,
    ],
    ids=["grid", "brute force"],
)
def test_a_sweep_ends_when_every_combination_was_tried(tmp_path: Path, sampler: Any) -> None:
    sweep = finite(Toy(rate=0.5, width=1), sampler=sampler)
    for trials in (5, 50, 60):
        found = go(tmp_path, sweep, seed=1, trials=trials, ranges=("width=1:2",))
    tried = [tuple(trial[2].values()) for trial in found if trial[1] == "trial"]
    assert len(tried) == len(set(tried))
    baseline = tuple(found[0][2].values())
    assert {*tried, baseline} == set(itertools.product([1, 2], RATES))


def test_other_seeds_give_other_proposals(tmp_path: Path) -> None:
    sweep = finite(sampler=optunas.RandomSampler)
    one, two = (go(tmp_path, sweep, seed=seed, study=str(seed), trials=4) for seed in (1, 2))
    assert [trial[2] for trial in one] != [trial[2] for trial in two]


def test_a_sampler_that_was_given_for_one_run_has_to_be_given_again(tmp_path: Path) -> None:
    go(tmp_path, finite(), trials=2, sampler=optunas.RandomSampler)
    with pytest.raises(BadInput, match=r"no sampler 'RandomSampler'.* has to be given again"):
        go(tmp_path, finite(), trials=3)
    assert len(go(tmp_path, finite(), trials=3, sampler=optunas.RandomSampler)) == 3


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"sampler": optunas.TPESampler()}, r"sampler=TPESampler\(...\) is one sampler"),
        ({"sampler": "tpe"}, "sampler='tpe' is no sampler"),
        ({"sampler": int}, "sampler=<class 'int'> is no sampler"),
        ({"pruner": "median"}, "pruner='median' is no pruner"),
        ({"pruner": optuna.pruners.MedianPruner}, "pruner=MedianPruner is a class"),
    ],
)
def test_what_is_no_sampler_or_pruner_is_refused_in_one_line(
    given: dict[str, Any], named: str
) -> None:
    for declare in (finite, Settings):
        with pytest.raises(BadInput, match=named) as refused:
            declare(**given)
        assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("sampler", "named"),
    [
        (lambda: None, "cannot be made for a seed .*takes 0 positional arguments"),
        (lambda seed: "tpe", "the function returned 'tpe'"),
        (optunas.GridSampler, "'GridSampler' cannot be made for a seed .*search_space"),
        (Sampler("random", {"speed": 3}), "'random' cannot be made for a seed .*speed"),
        (lambda seed: optunas.GridSampler({"width": [1]}), "'GridSampler': .*rate.* not found"),
        (
            lambda seed: optunas.GridSampler({"width": [99], "rate": [0.5]}),
            "'GridSampler' proposed width = 99",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:The value `99` is out of range")
def test_a_sampler_that_cannot_propose_is_refused_in_one_line(
    tmp_path: Path, sampler: Any, named: str
) -> None:
    with pytest.raises(BadInput, match=named) as refused:
        go(tmp_path, finite(sampler=sampler))
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name in ("gp", "cmaes")])
def test_a_package_that_a_sampler_needs_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(BadInput, match=f"sampler '{name}': .* needs the package (torch|cmaes)"):
        make_sampler(SAMPLERS[name], 0)
