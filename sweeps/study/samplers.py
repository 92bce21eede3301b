"""Optuna's samplers as the sweep drives them: a fresh one for every trial, before it is stored.

A sampler keeps random state in itself, and that is never stored. So every draw comes from a fresh
one, seeded by (study seed, trial number, parameter), and a proposal depends on the history alone:
12 trials and then 8 are the same as 20 at once. What a sampler keeps in the study (CMA-ES its
distribution, a genetic algorithm its generations, QMC its place in the sequence) is kept with the
trial that is asked for, in the same transaction. Where the seed *is* the sequence, every trial
has the same one (`_SEQUENCES`).
"""

from __future__ import annotations

import copy
import inspect
import warnings
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from sweeps.study.recent import Seen
from sweeps.study.sweep import SAMPLERS, AnySampler, Sampler, kind_of

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, TrialState

CLASSES = {
    "gp": "GPSampler",
    "cmaes": "CmaEsSampler",
    "qmc": "QMCSampler",
    "random": "RandomSampler",
}
NEEDS = {"GPSampler": "torch", "CmaEsSampler": "cmaes", "QMCSampler": "scipy"}  # found when used
_SEQUENCES = ("GridSampler", "QMCSampler")  # the seed says which order, or which points
_FOR_OTHERS = ":relative_params:"  # what other processes would need that ask at the same time
_OF_STUDY = "study:"  # in a trial's system attributes: what its sampler keeps for the whole study


def seed_of(*entropy: int | str) -> int:
    """Return 32 bits that depend on every part of `entropy`, and on nothing else."""
    import zlib

    import numpy as np

    parts = [e if isinstance(e, int) else zlib.crc32(e.encode()) for e in entropy]
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def make_sampler(given: AnySampler, seed: int) -> BaseSampler:
    """Return a sampler of Optuna's.

    Args:
        given: A name with its options, a class, or a function of a seed.
        seed: Of its random state.

    Raises:
        BadInput: Where it cannot be made, or needs a package that is not installed.
    """
    from importlib.util import find_spec

    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            if not isinstance(given, Sampler):
                by_name = inspect.isclass(given)
                made = given(seed=seed) if by_name else given(seed)
            elif given.kind == "tpe":
                from sweeps.study.quick_tpe import QuickTPE

                made = QuickTPE(seed=seed, **given.options)
            elif given.kind in CLASSES:
                kind = getattr(optuna.samplers, CLASSES[given.kind])
                made = kind(seed=seed, **given.options)
            else:
                raise BadInput(
                    f"no sampler {given.kind!r}; there are: {', '.join(SAMPLERS)}. One that "
                    "was given as a class or a function has to be given again"
                )
        except (TypeError, ValueError) as error:
            name = getattr(given, "__name__", getattr(given, "kind", given))
            raise BadInput(
                f"sampler {name!r} cannot be made for a seed ({error}): give a function of a "
                "seed, sampler=lambda seed: optuna.samplers.TPESampler(seed=seed)"
            ) from error
    if not isinstance(made, optuna.samplers.BaseSampler):
        raise BadInput(
            f"sampler: the function returned {made!r} for a seed: it must return a sampler of "
            "Optuna's, lambda seed: optuna.samplers.TPESampler(seed=seed)"
        )
    used = type(_innermost(made)).__name__
    if (package := NEEDS.get(used)) is not None and find_spec(package) is None:
        raise BadInput(
            f"sampler {kind_of(given)!r}: Optuna's {used} needs the package {package}, which is "
            f"not installed: pip install {package}, or take --sampler tpe"
        )
    return made


def _innermost(sampler: BaseSampler) -> BaseSampler:
    """Return what proposes where some parameters are fixed."""
    while type(sampler).__name__ == "PartialFixedSampler":
        sampler = sampler._base_sampler  # type: ignore[attr-defined]
    return sampler


class Draws:
    """What a sampler proposes for one trial that is not stored yet.

    `system_attrs` are what it wants to be kept, with the trial. seen: what the sampler is shown of
    the study, None: all of it.
    """

    def __init__(
        self,
        study: optuna.Study,
        given: AnySampler,
        seed: int,
        frozen: FrozenTrial,
        seen: Seen | None = None,
    ) -> None:
        self._given, self._seed, self._frozen = given, seed, frozen
        self._study = _seen(study, frozen, None if seen is None else seen.trials)
        self._seen = seen
        fresh = self._fresh("")
        fresh.before_trial(self._study, frozen)
        asked_before = self._study if seen is None else _seen(study, frozen, seen.spaces)
        self._space = fresh.infer_relative_search_space(asked_before, frozen)
        self._relative = self._asked(fresh.sample_relative, self._space)

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What the sampler keeps."""
        return dict(self._frozen.system_attrs)

    def value(self, name: str, distribution: BaseDistribution) -> Any:
        """Return what is proposed for a parameter. Raises BadInput where nothing can be."""
        if name in self._relative and self._space[name] == distribution:
            value = self._relative[name]
        else:
            value = self._asked(self._fresh(name).sample_independent, name, distribution)
        if not holds(distribution, value):
            raise BadInput(
                f"sampler {kind_of(self._given)!r} proposed {name} = {value!r}, and the space "
                f"takes {distribution}: let the sampler propose what the space holds"
            )
        self._frozen.distributions = self._frozen.distributions | {name: distribution}
        self._frozen.params = self._frozen.params | {name: value}
        return value

    def _fresh(self, name: str) -> BaseSampler:
        """Return a sampler for one parameter, or for those that are drawn together."""
        number = self._frozen.number
        made = make_sampler(self._given, seed_of(self._seed, number, *([name] if name else [])))
        kind = type(_innermost(made)).__name__
        if kind in _SEQUENCES and not (name and kind == "QMCSampler"):
            return make_sampler(self._given, seed_of(self._seed))
        if self._seen is not None:
            made.seen = self._seen  # type: ignore[attr-defined]  # `QuickTPE`: see `bounds`
        return made

    def _asked(self, ask: Any, *about: Any) -> Any:
        try:
            return ask(self._study, self._frozen, *about)
        except ValueError as error:  # a space that is not finite, or not of this grid
            raise BadInput(f"sampler {kind_of(self._given)!r}: {error}") from error


def after(
    study: optuna.Study,
    given: AnySampler,
    seed: int,
    trial: FrozenTrial,
    state: TrialState,
    values: Sequence[float] | None = None,
) -> tuple[dict[str, Any], bool]:
    """Tell a sampler how a trial ends.

    Returns:
        What it wants to be kept with the trial, and whether it has nothing left to propose.
    """
    fresh = make_sampler(given, seed_of(seed))
    grid = type(_innermost(fresh)).__name__ == "GridSampler"
    if grid and "grid_id" not in trial.system_attrs:  # the baseline, or another sampler's
        return {}, False
    ended = copy.copy(trial)
    ended.system_attrs = copy.deepcopy(trial.system_attrs)
    seen = _seen(study, ended)
    stopped: list[bool] = []
    seen.stop = lambda: stopped.append(True)  # type: ignore[method-assign]
    with warnings.catch_warnings():  # CMA-ES says at every trial that it ignores constraints
        warnings.filterwarnings("ignore", "Constraints have been set")
        fresh.after_trial(seen, ended, state, values)
    news = {k: v for k, v in ended.system_attrs.items() if trial.system_attrs.get(k) != v}
    return news, bool(stopped)


def exhausted(study: optuna.Study, given: AnySampler, seed: int) -> bool:
    """Return whether a sampler had nothing left to propose when its last trial ended."""
    ended = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished() and trial.user_attrs.get("role") == "trial"
    ]
    return any(after(study, given, seed, t, t.state, t.values)[1] for t in ended[-1:])


def holds(distribution: BaseDistribution, value: Any) -> bool:
    """Return whether a range holds a value."""
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (ValueError, TypeError):
        return False


def _seen(
    study: optuna.Study, asked: FrozenTrial, trials: list[FrozenTrial] | None = None
) -> optuna.Study:
    """Return the study with a trial in it as it is now, whatever its store has of it.

    What a sampler writes goes to that trial: the store gets it with the trial, or not at all.
    trials: those that stand for all trials of the store, which must not change meanwhile.
    """

    class Seen:
        def __getattr__(self, name: str) -> Any:
            return getattr(study._storage, name)

        def get_all_trials(
            self, study_id: int, deepcopy: bool = True, states: Any = None
        ) -> list[FrozenTrial]:
            if trials is None:
                found = study._storage.get_all_trials(study_id, deepcopy, states)
            else:
                found = [t for t in trials if states is None or t.state in states]
                found = copy.deepcopy(found) if deepcopy else found
            place = bisect_left(found, asked.number, key=lambda t: t.number)
            there = found[place : place + 1]
            behind = place + (bool(there) and there[0].number == asked.number)
            shown = states is None or asked.state in states
            found[place:behind] = [asked] if shown else []
            return found

        def get_trial(self, trial_id: int) -> FrozenTrial:
            ours = trial_id == asked._trial_id
            return asked if ours else study._storage.get_trial(trial_id)

        def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
            return self.get_trial(trial_id).system_attrs

        def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
            if _FOR_OTHERS not in key:
                asked.system_attrs[key] = value

        def get_study_system_attrs(self, study_id: int) -> Mapping[str, Any]:
            found = dict(study._storage.get_study_system_attrs(study_id))
            for trial in self.get_all_trials(study_id, deepcopy=False):
                for key, value in trial.system_attrs.items():
                    if key.startswith(_OF_STUDY):
                        found[key.removeprefix(_OF_STUDY)] = value
            return found

        def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
            asked.system_attrs[_OF_STUDY + key] = value

    seen = copy.copy(study)
    seen._storage = Seen()  # type: ignore[assignment]
    return seen
