"""What MLflow's table and charts cannot do by themselves: short numbers, short names, log axes.

Its table cuts long names and shows every digit, so the prepared view's columns are tags of a
run. Its scatter has no logarithmic axis, so a run has the logarithm of its learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweeps.tracking import limits

if TYPE_CHECKING:
    from sweeps.tracking.runs import Batch

# By this tag of an experiment, MLflow opens it, and links to its runs, as model training.
KIND = ("mlflow.experimentKind", "custom_model_development")
RATES = ("learning_rate", "lr")
RESERVED = ("mlflow.", "sweeps.")
BEST = "trial_best_"  # begins the metric that is a trial's value


def column(name: str) -> str:
    """Return the tag that shows a hyperparameter."""
    key = limits.key(name)
    return f"_{key}" if key.startswith(RESERVED) else key


def best(monitor: str) -> str:
    """Return the tag that shows a trial's value: it comes first among columns, by its name."""
    return limits.key(f"best {monitor}")


def logarithm(name: str) -> str:
    """Return the parameter that is a rate's logarithm."""
    return limits.key(f"log10_{name}")


def is_rate(name: str) -> bool:
    """Return whether a hyperparameter is a learning rate."""
    return name.rpartition(".")[2] in RATES


def digits(value: Any) -> str:
    """Return a number with four digits, anything else as text."""
    if isinstance(value, bool | int) or not isinstance(value, float):
        return limits.text(value, 40)
    return f"{value:.4g}"


def tags_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that show hyperparameters."""
    return {column(name): digits(value) for name, value in params.items()}


def add(batch: Batch, params: Mapping[str, Any]) -> None:
    """Add to a run what its table and charts need."""
    batch.tags |= tags_of(params)
    batch.params |= logarithms(params)


def tags_at_end(metrics: Mapping[str, float]) -> dict[str, str]:
    """Return the tag that shows a trial's value."""
    return {
        best(name.removeprefix(BEST)): digits(float(value))
        for name, value in metrics.items()
        if name.startswith(BEST)
    }


def logarithms(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters that are logarithms of learning rates."""
    return {
        logarithm(name): f"{math.log10(value):.4g}"
        for name, value in params.items()
        if is_rate(name) and isinstance(value, int | float) and 0.0 < value < math.inf
    }
