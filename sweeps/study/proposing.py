"""How a trial is proposed: sampled whole in memory, then stored in one transaction.

Optuna's own `ask` stores a trial first and its parameters one by one, so that a kill in between
leaves half a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from search_spaces import label, plain
from sweeps.study.ended import OWN_ATTRS
from sweeps.study.samplers import holds
from sweeps.study.shown import FIXED, fixed_attrs

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from sweeps.study.samplers import Draws


class Proposal:
    """A trial being proposed: answers `suggest_*`, and remembers what it answered.

    draws: what a sampler proposes, None where everything is given.
    given: values that are taken as they are (the baseline's, a colleague's). One that the range
    asked for does not hold is answered, but not shown to the sampler.
    sampled: parameters of the trials before; any other that has one value is `fixed`.
    """

    def __init__(
        self,
        draws: Draws | None,
        given: Mapping[str, Any] | None = None,
        sampled: Collection[str] = (),
    ) -> None:
        self.params: dict[str, Any] = {}
        self.distributions: dict[str, BaseDistribution] = {}
        self.fixed: dict[str, Any] = {}
        self.user_attrs: dict[str, Any] = {}
        self._fixed: dict[str, BaseDistribution] = {}
        self._given = {} if given is None else given
        self._draws, self._sampled = draws, sampled

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What the sampler wants to be kept with the trial, and the ranges of what is fixed."""
        kept = {} if self._draws is None else self._draws.system_attrs
        return kept | fixed_attrs(self._fixed)

    @property
    def all_attrs(self) -> dict[str, Any]:
        """The user's notes, and what is fixed."""
        return self.user_attrs | ({FIXED: plain(self.fixed)} if self.fixed else {})

    @property
    def asked(self) -> dict[str, BaseDistribution]:
        """Every range that was asked for."""
        return self.distributions | self._fixed

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
        if name in self.params or name in self.fixed:
            return self.params.get(name, self.fixed.get(name))
        if self._draws is None:
            value = self._given[name]
            if not holds(distribution, stored(value)):
                return value
            value = stored(value)
        elif distribution.single():
            value = _only(distribution)
        else:
            value = self._draws.value(name, distribution)
        if distribution.single() and name not in self._sampled:
            self.fixed[name], self._fixed[name] = value, distribution
        else:
            self.params[name], self.distributions[name] = value, distribution
        return value


def _only(distribution: Any) -> Any:
    choices = getattr(distribution, "choices", None)
    return choices[0] if choices else distribution.low
