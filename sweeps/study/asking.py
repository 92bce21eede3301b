"""How a trial is proposed: sampled whole in memory, then stored in one transaction.

Optuna's own `ask` stores a trial first and its parameters one by one, so that a kill in between
leaves half a trial; and its samplers carry random state from trial to trial. Here every draw
comes from a fresh sampler seeded by (study seed, trial number, parameter): a proposal depends on
the history alone, and 12 trials and then 8 are the same as 20 at once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from search_spaces import label, plain
from sweeps.study.ended import OWN_ATTRS

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

    from sweeps.study.sweep import Sampler

SAMPLERS = ("tpe", "random")


def seed_of(*entropy: int | str) -> int:
    """Return 32 bits that depend on every part of `entropy`, and on nothing else."""
    import zlib

    import numpy as np

    parts = [e if isinstance(e, int) else zlib.crc32(e.encode()) for e in entropy]
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def make_sampler(sampler: Sampler, seed: int) -> BaseSampler:
    """Return Optuna's sampler. Raises BadInput for an unknown kind."""
    import warnings

    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if sampler.kind == "tpe":
            return optuna.samplers.TPESampler(seed=seed, **sampler.options)
        if sampler.kind == "random":
            return optuna.samplers.RandomSampler(seed=seed)
    raise BadInput(f"no sampler {sampler.kind!r}; there are: {', '.join(SAMPLERS)}")


class Proposal:
    """A trial being proposed: answers `suggest_*`, and remembers what it answered.

    given: values that are taken as they are (the baseline's, a colleague's). One that the range
    asked for does not hold is answered, but not shown to the sampler.
    """

    def __init__(
        self,
        study: optuna.Study,
        sampler: Sampler,
        seed: int,
        frozen: FrozenTrial,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self.params: dict[str, Any] = {}
        self.distributions: dict[str, BaseDistribution] = {}
        self.user_attrs: dict[str, Any] = {}
        study = _unwritten(study)
        self._study, self._sampler, self._seed, self._frozen = study, sampler, seed, frozen
        self._given = given
        self._relative: dict[str, Any] = {}
        if given is None:
            fresh = make_sampler(sampler, seed_of(seed, frozen.number))
            space = fresh.infer_relative_search_space(study, frozen)
            self._space = space
            self._relative = fresh.sample_relative(study, frozen, space)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Propose a float."""
        from optuna.distributions import FloatDistribution

        return float(self._value(name, FloatDistribution(low, high, log=log, step=step)))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Propose an int."""
        from optuna.distributions import IntDistribution

        return int(self._value(name, IntDistribution(low, high, log=log, step=step)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Propose a choice; Optuna sees what stands for it."""
        from optuna.distributions import CategoricalDistribution

        known = {repr(label(choice)): choice for choice in reversed(tuple(choices))}
        labels = [label(choice) for choice in reversed(known.values())]
        found = self._value(name, CategoricalDistribution(labels), label)
        return known.get(repr(found), found)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a note with the trial. Raises BadInput for a name that the sweep uses itself."""
        if key in OWN_ATTRS:
            raise BadInput(
                f"trial.set_user_attr({key!r}, ...): the sweep keeps its own {key!r} there; take "
                "another name"
            )
        self.user_attrs[key] = plain(value)

    def _value(
        self, name: str, distribution: BaseDistribution, stored: Callable[[Any], Any] = plain
    ) -> Any:
        if name in self.params:
            return self.params[name]
        if self._given is not None:
            value = self._given[name]
            if not _holds(distribution, stored(value)):
                return value
            value = stored(value)
        elif distribution.single():
            value = _only(distribution)
        elif name in self._relative and self._space[name] == distribution:
            value = self._relative[name]
        else:
            fresh = make_sampler(self._sampler, seed_of(self._seed, self._frozen.number, name))
            value = fresh.sample_independent(self._study, self._frozen, name, distribution)
        self.params[name], self.distributions[name] = value, distribution
        return value


def _unwritten(study: optuna.Study) -> optuna.Study:
    """Return the study as a sampler may see it before the trial is stored.

    TPE writes what it draws to the stored trial, for other processes that ask at the same time;
    here one process asks, and the trial is not stored yet.
    """

    class Reading:
        def __getattr__(self, name: str) -> Any:
            return getattr(study._storage, name)

        def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
            """Write nothing."""

    seen = copy.copy(study)
    seen._storage = Reading()  # type: ignore[assignment]
    return seen


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except ValueError:
        return False


def _only(distribution: Any) -> Any:
    choices = getattr(distribution, "choices", None)
    return choices[0] if choices else distribution.low
