"""Optimizer kind, learning rate, momentum and weight decay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt, Interval, Le

from search_spaces import Params, Trial

# adam_uncorrected: Adam without its bias correction, so that its effective rate is constant.
Kind = Literal["adam", "adamw", "nadam", "rmsprop", "sgd", "adam_uncorrected"]


@dataclass(frozen=True)
class Optimizer:
    """A Keras optimizer. `momentum` belongs to SGD alone; weight decay is decoupled."""

    kind: Kind = "adam"
    learning_rate: Annotated[float, Gt(0.0), Le(100.0)] = 0.001
    momentum: Annotated[float, Interval(ge=0.0, lt=1.0)] | None = None
    weight_decay: Annotated[float, Interval(ge=0.0, le=1.0)] = 0.0


def suggest(
    trial: Trial,
    *,
    kinds: Sequence[Kind] = ("adam",),
    rate: tuple[float, float] = (1e-4, 1e-1),
    weight_decay: tuple[float, float] = (0.0, 0.02),
) -> Optimizer:
    """Sample an optimizer; momentum is asked for only where the kind is SGD."""
    kind = trial.suggest_categorical("optimizer", kinds)
    return Optimizer(
        kind=kind,
        learning_rate=trial.suggest_float("learning_rate", *rate, log=True),
        momentum=trial.suggest_float("momentum", 0.0, 0.99) if kind == "sgd" else None,
        weight_decay=trial.suggest_float("weight_decay", *weight_decay),
    )


def params(optimizer: Optimizer) -> Params:
    """Return the parameters that `suggest` would have asked for."""
    found: Params = {
        "optimizer": optimizer.kind,
        "learning_rate": optimizer.learning_rate,
        "weight_decay": optimizer.weight_decay,
    }
    if optimizer.kind == "sgd":
        found["momentum"] = optimizer.momentum or 0.0
    return found


def rate(value: float) -> str:
    """Return a learning rate in few characters: 0.01 -> `1e-2`, 0.0123 -> `1.2e-2`."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
