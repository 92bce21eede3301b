"""Width, depth, learning rate and schedule of a stack of dense layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Interval

from search_spaces import Params, Space, Trial, optimizer, plateau
from search_spaces.plateau import Plateau

Activation = Literal["relu", "tanh", "gelu", "silu", "elu", "sigmoid"]


@dataclass(frozen=True)
class Dense:
    """`depth` hidden layers of `width` units; the input's and the output's size are the data's.

    bins: between quantiles of a column, into which every column is divided; 0: into none.
    """

    width: Annotated[int, Interval(ge=1, le=4096)] = 16
    depth: Annotated[int, Interval(ge=0, le=32)] = 2
    activation: Activation = "relu"
    batch_size: Annotated[int, Interval(ge=1, le=1_000_000)] = 200
    dropout: Annotated[float, Interval(ge=0.0, lt=1.0)] = 0.0
    bins: Annotated[int, Interval(ge=0, le=256)] = 0
    optimizer: optimizer.Optimizer = field(
        default_factory=lambda: optimizer.Optimizer(learning_rate=0.01)
    )
    plateau: Plateau | None = None


BASELINE = Dense()


def suggest(trial: Trial) -> Dense:
    """Sample a net; what has one choice here is opened by `--range`."""
    return Dense(
        width=trial.suggest_categorical("width", [8, 16, 32, 64, 128]),
        depth=trial.suggest_int("depth", 1, 4),
        activation=trial.suggest_categorical("activation", ["relu"]),
        batch_size=trial.suggest_categorical("batch_size", [200]),
        dropout=trial.suggest_float("dropout", 0.0, 0.0),
        bins=trial.suggest_categorical("bins", [0]),
        optimizer=optimizer.suggest(trial),
        plateau=plateau.suggest(trial),
    )


def params(config: Dense) -> Params:
    """Return the flat parameters of a config."""
    return {
        "width": config.width,
        "depth": config.depth,
        "activation": config.activation,
        "batch_size": config.batch_size,
        "dropout": config.dropout,
        "bins": config.bins,
        **optimizer.params(config.optimizer),
        **plateau.params(config.plateau),
    }


def label(config: Dense) -> str:
    """Return `32x3 adam 1.2e-2`, or `32x3 bins 1.2e-2`."""
    rate = optimizer.rate(config.optimizer.learning_rate)
    how = "bins" if config.bins else config.optimizer.kind  # a column has little room
    return f"{config.width}x{config.depth} {how} {rate}"


def own(rows: int, columns: int) -> Space[Dense]:
    """Return the space of a table of the user's own, of so many training rows and columns."""
    from search_spaces import own_table

    return own_table.space("binary", rows, columns)


ADDED: Params = {"bins": 0}
SPACE = Space(suggest, BASELINE, params, label, own=own, added=ADDED)
