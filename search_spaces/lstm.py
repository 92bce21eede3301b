"""Units, layers, optimizer, initial scale and schedule of stacked LSTM layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Gt, Interval, Le

from search_spaces import Params, Space, Trial, optimizer, plateau
from search_spaces.plateau import Plateau


@dataclass(frozen=True)
class Lstm:
    """`layers` LSTM layers of `units`; `output_scale` multiplies the last layer's initial weights.

    A scale of 1 is Keras's own Glorot initialization.
    """

    units: Annotated[int, Interval(ge=1, le=2048)] = 15
    layers: Annotated[int, Interval(ge=1, le=8)] = 3
    output_scale: Annotated[float, Gt(0.0), Le(100.0)] = 1.0
    batch_size: Annotated[int, Interval(ge=1, le=1_000_000)] = 32
    dropout: Annotated[float, Interval(ge=0.0, lt=1.0)] = 0.0
    optimizer: optimizer.Optimizer = field(default_factory=optimizer.Optimizer)
    plateau: Plateau | None = None


BASELINE = Lstm()


def suggest(trial: Trial) -> Lstm:
    """Sample a net; what has one choice here is opened by `--range`."""
    return Lstm(
        units=trial.suggest_categorical("units", [8, 15, 32]),
        layers=trial.suggest_int("layers", 1, 3),
        output_scale=trial.suggest_float("output_scale", 0.1, 10.0, log=True),
        batch_size=trial.suggest_categorical("batch_size", [32]),
        dropout=trial.suggest_float("dropout", 0.0, 0.0),
        optimizer=optimizer.suggest(trial, kinds=("adam", "sgd"), rate=(1e-4, 1e-1)),
        plateau=plateau.suggest(trial),
    )


def params(config: Lstm) -> Params:
    """Return the flat parameters of a config."""
    return {
        "units": config.units,
        "layers": config.layers,
        "output_scale": config.output_scale,
        "batch_size": config.batch_size,
        "dropout": config.dropout,
        **optimizer.params(config.optimizer),
        **plateau.params(config.plateau),
    }


def label(config: Lstm) -> str:
    """Return `15x3 sgd 1.2e-2`."""
    rate = optimizer.rate(config.optimizer.learning_rate)
    return f"{config.units}x{config.layers} {config.optimizer.kind} {rate}"


SPACE = Space(suggest, BASELINE, params, label)
