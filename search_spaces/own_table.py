"""The dense space on a table of the user's own, and the configs with which its search begins.

It goes from a linear model (depth 0) to wide nets with dropout. What every dimension gains, and
which configs do well on many tables, `benchmarks/portfolio.py` measures; it writes the configs
into `portfolio.json`.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from search_spaces import (
    Dimension,
    Narrowed,
    Params,
    Replay,
    Space,
    Trial,
    dense,
    optimizer,
    plateau,
)
from search_spaces.dense import Dense
from search_spaces.optimizer import Optimizer

PORTFOLIO = Path(__file__).with_name("portfolio.json")
STEPS = 100  # of one epoch, roughly
BATCHES = (8, 512)
BINS = (0, 16)
WIDE = 128  # columns, above which bins would make the first layer most of a net
# Losses may be tiny where numbers are predicted: what the portfolio has is no end of its range.
PLATEAU = {
    "plateau_min_delta": Dimension("float", low=1e-7, high=1e-2),
    "plateau_min_lr": Dimension("float", low=1e-8, high=1e-4),
}


def batch_size(rows: int) -> int:
    """Return the power of two that makes about a hundred steps of an epoch, within bounds."""
    least, most = BATCHES
    return min(max(int(2.0 ** round(math.log2(max(rows, 1) / STEPS))), least), most)


def suggest(trial: Trial, rows: int = 1000, bins: Sequence[int] = BINS) -> Dense:
    """Sample a net, or a linear model. rows: of the training part. bins: to choose from."""
    depth = trial.suggest_int("depth", 0, 3)
    layers: dict[str, Any] = {}
    if depth:
        layers = {
            "width": trial.suggest_categorical("width", [16, 32, 64, 128, 256]),
            "activation": trial.suggest_categorical("activation", ["relu", "silu"]),
            "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        }
    batch = trial.suggest_categorical("batch_size", [batch_size(rows)])
    kind = trial.suggest_categorical("optimizer", ["adamw"])  # `--range` opens others
    return Dense(
        depth=depth,
        bins=trial.suggest_categorical("bins", list(bins)),
        batch_size=batch,
        optimizer=Optimizer(
            kind=kind,
            learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
            weight_decay=trial.suggest_float("weight_decay", 1e-5, 1.0, log=True),
            momentum=trial.suggest_float("momentum", 0.0, 0.99) if kind == "sgd" else None,
        ),
        plateau=plateau.suggest(Narrowed(trial, PLATEAU)),
        **layers,
    )


def params(config: Dense) -> Params:
    """Return the flat parameters of a config; a linear model has none of the layers'."""
    layers = {
        "width": config.width,
        "activation": config.activation,
        "dropout": config.dropout,
    }
    return {
        "depth": config.depth,
        **(layers if config.depth else {}),
        "bins": config.bins,
        "batch_size": config.batch_size,
        **optimizer.params(config.optimizer),
        **plateau.params(config.plateau),
    }


def label(config: Dense) -> str:
    """Return `32x3 adamw 1.2e-2`, or `linear 3e-2`; with bins, `32x3 bins 1.2e-2`."""
    if config.depth:
        return dense.label(config)
    return (
        f"linear {'bins ' if config.bins else ''}{optimizer.rate(config.optimizer.learning_rate)}"
    )


def space(task: str, rows: int, columns: int) -> Space[Dense]:
    """Return the space of a table of so many training rows and columns.

    task: "binary", "multiclass" or "regression". Its portfolio's first config is the baseline.
    """
    kind = "regression" if task == "regression" else "classification"
    known: Mapping[str, list[Params]] = json.loads(PORTFOLIO.read_text(encoding="utf-8"))
    batch = {"batch_size": batch_size(rows)}
    bins = BINS if columns <= WIDE else (0,)
    asked = functools.partial(suggest, rows=rows, bins=bins)
    members = [one | batch for one in known[kind] if one["bins"] in bins]
    first, *others = (asked(Replay(one)) for one in members)
    return Space(asked, first, params, label, portfolio=tuple(others), added=dense.ADDED)
