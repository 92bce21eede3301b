"""How much each hyperparameter matters, and how much of that chance alone may give."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sweeps.study.several import target_of

if TYPE_CHECKING:
    import optuna

FEWEST_FOR_IMPORTANCE = 5  # complete trials that shares take
# Complete trials from which shares stand for themselves. Those of fewer are biased towards equal
# ones, so that no interval around one holds the true share. What can be said of them is how large
# a share the same values give when they are dealt to the same trials at random.
ENOUGH = 10
ORDERS = 39  # random ones; two of 40 shares are beyond what is called chance
KEPT = "importances"  # of a study


@dataclass(frozen=True)
class Importances:
    """shares: of what sets the value, by parameter, the largest first.

    complete: trials that they are of. chance: the share that a parameter without any effect stays
    below in 19 of 20 studies; empty where there are enough trials.
    """

    complete: int = 0
    shares: Mapping[str, float] = field(default_factory=dict)
    chance: Mapping[str, float] = field(default_factory=dict)

    @property
    def beyond(self) -> list[str]:
        """The parameters whose share is beyond chance."""
        return [name for name, share in self.shares.items() if share > self.chance.get(name, 0.0)]


def importances(study: optuna.Study) -> Importances:
    """Return each parameter's share of what sets the value (PED-ANOVA).

    Watanabe et al., "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
    Subspaces", IJCAI 2023. It sees complete trials only; a parameter that too few of them had is
    left out.
    """
    done = _complete(study)
    few = len(done) < ENOUGH
    names = varied(study, len(done) if few else ENOUGH)
    if len(done) < FEWEST_FOR_IMPORTANCE or not names or level(study):
        return Importances(len(done))
    shares = _shares(study, names, target_of(study, "importances"))
    if not few or not shares:
        return Importances(len(done), {name: one for name, one in shares.items() if one > 0.0})
    return Importances(len(done), shares, _by_chance(study, names, done))


def _shares(
    study: optuna.Study, names: Sequence[str], target: Mapping[str, Any] = {}
) -> dict[str, float]:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = optuna.importance.get_param_importances(study, params=[*names], **target)
        except (ValueError, RuntimeError):
            return {}
    return {name: float(share) for name, share in found.items()}


def _by_chance(
    study: optuna.Study, names: Sequence[str], done: Sequence[optuna.trial.FrozenTrial]
) -> dict[str, float]:
    """Return the second largest share of each parameter over random orders of the values."""
    import numpy as np
    import optuna

    random, values = np.random.default_rng(0), [trial.values[0] for trial in done]
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ORDERS):
        dealt = optuna.create_study(direction=study.directions[0])
        dealt.add_trials(
            optuna.trial.create_trial(
                params={name: trial.params[name] for name in names},
                distributions={name: trial.distributions[name] for name in names},
                value=float(value),
            )
            for trial, value in zip(done, random.permutation(values), strict=True)
        )
        for name, share in _shares(dealt, names).items():
            found[name].append(share)
    return {name: sorted(shares)[-2] for name, shares in found.items() if len(shares) > 1}


def kept_importances(study: optuna.Study) -> Importances:
    """Return what `keep_importances` has kept, else compute it: importing what does takes 1 s."""
    known, complete = study.user_attrs.get(KEPT, {}), len(_complete(study))
    # Ended trials do not change. Version 0.1 kept nothing of few.
    if known.get("complete") == complete and (complete >= ENOUGH or "chance" in known):
        return Importances(**known)
    return importances(study)


def keep_importances(study: optuna.Study) -> None:
    """Keep the importances for whoever reads the study until another trial is complete."""
    found = asdict(kept_importances(study))
    if study.user_attrs.get(KEPT) != found:
        study.set_user_attr(KEPT, found)


def level(study: optuna.Study) -> bool:
    """Return whether the complete trials have one value, so that no parameter matters."""
    values = [trial.values[0] for trial in _complete(study)]
    return len(values) > 1 and len(set(values)) == 1


def varied(study: optuna.Study, fewest: int = 1) -> list[str]:
    """Return the parameters that `fewest` complete trials had, and more than one value of."""
    values: dict[str, list[Any]] = {}
    for trial in _complete(study):
        for name, value in trial.params.items():
            values.setdefault(name, []).append(repr(value))
    return [name for name, had in values.items() if len(had) >= fewest and len(set(had)) > 1]


def _complete(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
