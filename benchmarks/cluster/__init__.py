"""A sweep of 14 parameters whose curves are a formula: what slots report that train nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from objectives import Data, Objective, Part, Source
from objectives.training import Logs
from search_spaces import Space, Trial
from sweeps.study.sweep import Sweep, percentile

MAX_EPOCHS = 100
KEEP = 84.0  # per cent at each of four rungs: half of the trials are pruned


@dataclass(frozen=True)
class Net:
    """Fourteen hyperparameters, all of which apply to every trial."""

    learning_rate: float = 0.01
    weight_decay: float = 1e-4
    dropout: float = 0.1
    momentum: float = 0.9
    smoothing: float = 0.05
    noise: float = 0.01
    l2: float = 1e-5
    clip: float = 1.0
    width: int = 64
    depth: int = 2
    batch: int = 128
    warmup: int = 3
    activation: str = "relu"
    optimizer: str = "adam"


def suggest(trial: Trial) -> Net:
    """Ask for a config."""
    return Net(
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.5),
        momentum=trial.suggest_float("momentum", 0.0, 0.99),
        smoothing=trial.suggest_float("smoothing", 0.0, 0.2),
        noise=trial.suggest_float("noise", 0.0, 0.1),
        l2=trial.suggest_float("l2", 1e-7, 1e-2, log=True),
        clip=trial.suggest_float("clip", 0.1, 10.0, log=True),
        width=trial.suggest_int("width", 8, 512, log=True),
        depth=trial.suggest_int("depth", 1, 8),
        batch=trial.suggest_int("batch", 16, 512, log=True),
        warmup=trial.suggest_int("warmup", 0, 10),
        activation=trial.suggest_categorical("activation", ["relu", "gelu", "silu", "tanh"]),
        optimizer=trial.suggest_categorical("optimizer", ["adam", "adamw", "sgd"]),
    )


def load(source: Source) -> Data:
    """Return data that nothing reads."""
    part = Part(np.zeros((2, 4), np.float32), np.zeros(2, np.float32))
    return Data(part, part, part, source=Source())


def build(config: Net, data: Data) -> Any:
    """Build nothing: no slot trains."""
    raise AssertionError("a slot trains nothing")


SPACE = Space(suggest, Net(), label=lambda config: f"{config.width}x{config.depth}")
OBJECTIVE = Objective(space=SPACE, load=load, build=build, max_epochs=MAX_EPOCHS)
SWEEP = Sweep("cluster", OBJECTIVE, pruner=percentile(KEEP))
NAMES = tuple(one.name for one in fields(Net))


def floor(config: Net) -> float:
    """Return what a config's curve falls to: what the search is to learn."""
    rate, width = math.log10(config.learning_rate) + 2.5, math.log2(config.width / 128.0)
    return 0.1 + 0.05 * rate**2 + 0.02 * width**2 + 0.2 * (config.dropout - 0.15) ** 2


def value(low: float, seed: int, epoch: int) -> float:
    """Return an epoch's validation loss."""
    wiggle = math.sin(0.7 * epoch + seed % 97) * 0.002
    return low + 0.001 * (seed % 13) + math.exp(-epoch / 12.0) + wiggle


def logs_of(low: float, seed: int, epoch: int) -> Logs:
    """Return six metrics of an epoch."""
    loss = value(low, seed, epoch)
    return {
        "loss": 0.9 * loss,
        "accuracy": 1.0 - loss / 2.0,
        "val_loss": loss,
        "val_accuracy": 1.0 - loss / 1.9,
        "learning_rate": 0.01 / epoch,
        "epoch_seconds": 1.0,
    }
