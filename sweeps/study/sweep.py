"""The declaration of a sweep: frozen, cheap to import, and free of Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from objectives import BadInput, Objective

SAMPLERS = ("tpe", "random")  # the kinds that have a name
PRUNERS = ("halving", "percentile", "none")


@dataclass(frozen=True)
class Sampler:
    """What proposes configs; `options` go to Optuna's sampler as they are."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)


def tpe(**options: Any) -> Sampler:
    """Tree-structured Parzen estimator, multivariate, conditional parameters in groups.

    Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011.
    """
    return Sampler("tpe", {"multivariate": True, "group": True} | options)


def random() -> Sampler:
    """Independent uniform samples."""
    return Sampler("random")


def sampler_named(kind: str, own: Sampler) -> Sampler:
    """Return the sampler of a kind: a sweep's own, where it is of that kind."""
    return own if own.kind == kind else {"tpe": tpe, "random": random}[kind]()


@dataclass(frozen=True)
class Pruner:
    """What stops hopeless trials: a kind, and the epochs at which it may."""

    kind: str
    first_rung: int = 8
    eta: int = 2
    percentile: float = 75.0

    def rungs(self, max_epochs: int) -> tuple[int, ...]:
        """Return the epochs at which a trial may be judged: geometric, below `max_epochs`."""
        if self.kind == "none":
            return ()
        found, rung = [], self.first_rung
        while rung < max_epochs:
            found.append(rung)
            rung *= self.eta
        return tuple(found)


def successive_halving(*, first_rung: int = 8, eta: int = 2) -> Pruner:
    """Keep the best 1/eta of the trials at each rung, as they arrive.

    Li et al., "A System for Massively Parallel Hyperparameter Tuning" (ASHA), MLSys 2020.
    """
    return Pruner("halving", first_rung=first_rung, eta=eta)


def percentile(percent: float = 75.0, *, first_rung: int = 8) -> Pruner:
    """Keep the best `percent` of the trials at each rung: milder, slower."""
    return Pruner("percentile", first_rung=first_rung, percentile=percent)


def no_pruning() -> Pruner:
    """Train every trial to its end."""
    return Pruner("none")


def pruner_named(kind: str, own: Pruner) -> Pruner:
    """Return the pruner of a kind: a sweep's own, or one that begins at the same epoch."""
    if kind in (own.kind, "none"):
        return own if own.kind == kind else no_pruning()
    make = successive_halving if kind == "halving" else percentile
    return make(first_rung=own.first_rung)


@dataclass(frozen=True)
class Sweep:
    """One sweep: what is trained, what proposes, what prunes, and how much of it.

    name: of the sweep, and of the study on embedded data. help: one line for `--help`.
    n_trials: the total that a study is brought to.
    """

    name: str
    objective: Objective[Any]
    sampler: Sampler = field(default_factory=tpe)
    pruner: Pruner = field(default_factory=successive_halving)
    n_trials: int = 60
    help: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.objective, Objective):
            raise BadInput(
                f"Sweep {self.name!r} was given {type(self.objective).__name__}: it takes "
                "Objective(load=load, build=build)"
            )
