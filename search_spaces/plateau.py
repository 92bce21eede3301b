"""ReduceLROnPlateau settings, or off."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from annotated_types import Gt, Interval, Lt

from search_spaces import Params, Trial


@dataclass(frozen=True)
class Plateau:
    """Settings of `keras.callbacks.ReduceLROnPlateau`, under its own names."""

    factor: Annotated[float, Gt(0.0), Lt(1.0)] = 0.5
    patience: Annotated[int, Interval(ge=1, le=1000)] = 5
    min_delta: Annotated[float, Interval(ge=0.0, le=1e6)] = 1e-4
    cooldown: Annotated[int, Interval(ge=0, le=1000)] = 0
    min_lr: Annotated[float, Interval(ge=0.0, le=1e3)] = 1e-5


def suggest(trial: Trial) -> Plateau | None:
    """Sample settings, or None where the plateau is off: its settings are then not asked for."""
    switch = trial.suggest_categorical("plateau", ["off", "on"])
    if switch not in ("off", "on"):
        raise ValueError(f"plateau is off or on, not {switch}")
    if switch == "off":
        return None
    return Plateau(
        factor=trial.suggest_float("plateau_factor", 0.1, 0.8),
        patience=trial.suggest_int("plateau_patience", 3, 20),
        min_delta=trial.suggest_float("plateau_min_delta", 1e-5, 1e-2, log=True),
        cooldown=trial.suggest_int("plateau_cooldown", 0, 5),
        min_lr=trial.suggest_float("plateau_min_lr", 1e-6, 1e-4, log=True),
    )


def params(plateau: Plateau | None) -> Params:
    """Return the parameters that `suggest` would have asked for."""
    if plateau is None:
        return {"plateau": "off"}
    return {"plateau": "on"} | {f"plateau_{k}": v for k, v in asdict(plateau).items()}
