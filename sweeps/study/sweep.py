"""The declaration of a sweep: frozen, cheap to import, and free of Optuna."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Objective
from sweeps.study.limits import checked

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler


@dataclass(frozen=True)
class Sampler:
    """What proposes configs, by its name; `options` go to Optuna's sampler as they are."""

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


# By the names of `--sampler`. One process asks, so Sobol's points may be scrambled, and what a
# sampler draws independently (conditional parameters) is no news.
_QUIET = {"warn_independent_sampling": False}
SAMPLERS: dict[str, Sampler] = {
    "tpe": tpe(),
    "gp": Sampler("gp", _QUIET),
    "cmaes": Sampler("cmaes", _QUIET),
    "qmc": Sampler("qmc", {"scramble": True} | _QUIET),
    "random": random(),
}
# A class of Optuna's, called with `seed=`, or a function that returns a sampler for a seed.
AnySampler = Sampler | Callable[..., "BaseSampler"]


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
        if self.kind not in PRUNERS:
            return tuple(range(1, max_epochs))
        found, rung = [], self.first_rung
        while rung < max_epochs:
            found.append(rung)
            rung *= self.eta
        return tuple(found)


PRUNERS = ("halving", "percentile", "none")


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


def kind_of(given: AnySampler | Pruner | BasePruner) -> str:
    """Return the name of a sampler or pruner: Optuna's class, where it is no name of ours."""
    if isinstance(given, Sampler | Pruner):
        return given.kind
    if inspect.isclass(given):
        return given.__name__
    with warnings.catch_warnings(action="ignore"):  # of Optuna, that some are experimental
        return type(given(0) if callable(given) else given).__name__


def named(given: AnySampler | Pruner | BasePruner | None, names: Iterable[str]) -> str | None:
    """Return the name that an option takes for a sampler or pruner, None where there is none."""
    return given.kind if isinstance(given, Sampler | Pruner) and given.kind in names else None


def sampler_named(name: str, own: AnySampler) -> Sampler:
    """Return the sampler of a name; a sweep's own of that name keeps its options."""
    return own if isinstance(own, Sampler) and own.kind == name else SAMPLERS[name]


def pruner_named(name: str, own: Pruner | BasePruner) -> Pruner:
    """Return the pruner of a name: a sweep's own, or one that begins at the same epoch."""
    own = own if isinstance(own, Pruner) else successive_halving()
    if name in (own.kind, "none"):
        return own if own.kind == name else no_pruning()
    make = successive_halving if name == "halving" else percentile
    return make(first_rung=own.first_rung)


def rungs(pruner: Pruner | BasePruner, max_epochs: int) -> tuple[int, ...]:
    """Return the epochs at which a trial may be judged: Optuna's own pruners see every one."""
    own = pruner if isinstance(pruner, Pruner) else Pruner(kind_of(pruner))
    return own.rungs(max_epochs)


def _of_optuna(kind: type, base: str) -> bool:
    """Return whether a class is a sampler or a pruner, without an import of Optuna."""
    return any(one.__name__ == base for one in kind.__mro__)


def check_sampler(given: Any) -> None:
    """Raise BadInput for what can make no sampler of a seed."""
    if isinstance(given, Sampler):
        return
    kind = given if inspect.isclass(given) else type(given)
    if _of_optuna(kind, "BaseSampler") and not inspect.isclass(given):
        raise BadInput(
            f"sampler={kind.__name__}(...) is one sampler, and every trial gets a fresh one, so "
            "that a study can be repeated: give a function of a seed, "
            f"sampler=lambda seed: {kind.__name__}(..., seed=seed)"
        )
    if not callable(given) or (inspect.isclass(given) and not _of_optuna(kind, "BaseSampler")):
        raise BadInput(
            f"sampler={given!r} is no sampler: give sweeps.tpe() or sweeps.random(), one of "
            "Optuna's classes, such as optuna.samplers.GPSampler, or a function of a seed that "
            "returns one of its samplers"
        )


def check_pruner(given: Any) -> None:
    """Raise BadInput for what is no pruner."""
    if isinstance(given, Pruner) or _of_optuna(type(given), "BasePruner"):
        return
    if inspect.isclass(given) and _of_optuna(given, "BasePruner"):
        raise BadInput(f"pruner={given.__name__} is a class: give a pruner, {given.__name__}(...)")
    raise BadInput(
        f"pruner={given!r} is no pruner: give sweeps.successive_halving(), sweeps.percentile(), "
        "sweeps.no_pruning(), or one of Optuna's, such as optuna.pruners.MedianPruner()"
    )


@dataclass(frozen=True)
class Sweep:
    """One sweep: what is trained, what proposes, what prunes, and how much of it.

    Args:
        name: Of the sweep, and of the study on the data that load gives without a file.
        objective: What is trained and judged.
        sampler: `tpe()`, `random()`, a class of `optuna.samplers`, or a function that takes a
            seed and returns a sampler: `lambda seed: optuna.samplers.GPSampler(seed=seed)`.
            Every trial gets a fresh one, with a seed of its own: what a sampler keeps in the
            study it finds again, what it keeps in itself it does not.
        pruner: `successive_halving()`, `percentile()`, `no_pruning()`, or any pruner of
            Optuna's, which is asked at every epoch and is told the best value so far.
        n_trials: The total that a study is brought to.
        help: One line for `--help`.
        prune_by: With several monitors, the name of the first one, if trials are to be pruned by
            it alone; None: then nothing is pruned.
        limits: The most that a model may cost, such as {"params": 50_000}. A trial beyond a limit
            is not trained, and ends as infeasible.

    Raises:
        BadInput: For an objective, sampler, pruner or limit that is none.
    """

    name: str
    objective: Objective[Any]
    sampler: AnySampler = field(default_factory=tpe)
    pruner: Pruner | BasePruner = field(default_factory=successive_halving)
    n_trials: int = 60
    help: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)
    prune_by: str | None = None

    @property
    def prunes(self) -> bool:
        """Whether trials may be pruned: of several monitors, one alone tells little."""
        return not self.objective.others or self.prune_by is not None

    def __post_init__(self) -> None:
        if not isinstance(self.objective, Objective):
            raise BadInput(
                f"Sweep {self.name!r} was given {type(self.objective).__name__}: it takes "
                "Objective(load=load, build=build)"
            )
        check_sampler(self.sampler)
        check_pruner(self.pruner)
        if self.prune_by not in (None, self.objective.monitor):
            raise BadInput(
                f"prune by {self.prune_by!r}: only the first monitor decides, "
                f"{self.objective.monitor}; name that, or leave it out, and nothing is pruned"
            )
        object.__setattr__(self, "limits", checked(self.limits))
