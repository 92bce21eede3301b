"""The one maker of specs: for the search, the repeats on fresh seeds, the probes, and the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import Monitor
from objectives.training import CHECKPOINT_EVERY, TrialSpec
from sweeps.study.pruning import TO_LAST_EPOCH

if TYPE_CHECKING:
    from sweeps.study.session import Session


@dataclass(frozen=True)
class Specs:
    """What runs that belong together have in common: what is not said here is as in `TrialSpec`.

    patience: of runs that may end early. weights, checkpoints, files: folders, None where none is
    kept. ways: may grow; a spec has those that are known when it is made. epochs: (config, most)
    -> how long a config trains, None: the most. limits, others (further monitors): of the search
    alone.
    """

    max_epochs: int
    monitor: Monitor
    patience: int = 0
    rungs: tuple[int, ...] = ()
    weights: Path | None = None
    checkpoints: Path | None = None
    files: Path | None = None
    checkpoint_every: float = CHECKPOINT_EVERY
    ways: Mapping[str, str] = field(default_factory=dict)
    check: bool = True
    epochs: Callable[[Any, int], int] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    others: tuple[Monitor, ...] = ()

    @classmethod
    def of(cls, session: Session) -> Specs:
        """Return what the runs of a study have in common, whatever they are for."""
        objective = session.sweep.objective
        return cls(
            max_epochs=objective.max_epochs,
            monitor=session.monitor,
            patience=objective.patience_in_epochs,
            weights=session.folder / "weights",
            checkpoint_every=session.settings.checkpoint_every,
            ways=session.store.ways,
            check=session.settings.check,
            epochs=objective.epochs,
        )

    def make(
        self, number: int, config: Any, seed: int, role: str = "trial", **other: Any
    ) -> TrialSpec:
        """Return the spec of a run. other: fields that it has for itself."""
        own = self.epochs if "max_epochs" not in other else None
        common: dict[str, Any] = {
            "max_epochs": self.max_epochs if own is None else own(config, self.max_epochs),
            "monitor": self.monitor,
            "rungs": self.rungs,
            "patience": 0 if role in TO_LAST_EPOCH else self.patience,
            "weights": self.weights and self.weights / f"{number:05d}.npz",
            "checkpoint": self.checkpoints and self.checkpoints / f"{number:05d}",
            "files": self.files and self.files / f"{number:05d}",
            "checkpoint_every": self.checkpoint_every,
            "ways": dict(self.ways),
            "check": self.check,
            "limits": self.limits,
        }
        return TrialSpec(number, config, seed, **common | other)
