"""What a command may change of a sweep, and what a study remembers of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Source
from objectives.monitor import Mode
from objectives.training import CHECKPOINT_EVERY
from sweeps.study.sweep import (
    AnySampler,
    Pruner,
    Sampler,
    Sweep,
    check_pruner,
    check_sampler,
    kind_of,
)
from sweeps.tracking.redact import redact
from sweeps.tracking.stores import lacking_driver, sqlite_url

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

STRIDE = 100  # of the numbers of confirming runs: repeat 2 of trial 41 is run 4102
CONFIRM = 5  # fresh seeds on which the best trials and the baseline are trained again

# An option that is not given is the study's own, if it exists already.
REMEMBERED: dict[str, Any] = {
    "seed": 0,
    "max_epochs": None,
    "patience": None,
    "monitor": None,
    "mode": None,
    "trainer": "auto",
    "fix": (),
    "ranges": (),
    "confirm": CONFIRM,
    "sampler": None,
    "pruner": None,
}
DECLARED = {"sampler": Sampler, "pruner": Pruner}

MLFLOW = {"sqlite", "postgresql", "mysql", "mssql", "http", "https", "file", "databricks", "uc"}


@dataclass(frozen=True)
class Settings:
    """None leaves the study's own value, or the sweep's.

    trials: the total. patience: epochs, 0 for never to end a trial early. confirm: fresh seeds, 0
    for none. timeout: seconds. fix, ranges: as on the command line. tries: parameters of configs
    to train next. source: the user's own data. workers: processes, 0 for this one.
    checkpoint_every: seconds, infinite for never. check: whether the first steps of a structure of
    a user's own model are compared with `model.fit`'s. folder: where stores and files go.
    """

    trials: int | None = None
    confirm: int | None = None
    max_epochs: int | None = None
    patience: int | None = None
    timeout: float | None = None
    seed: int | None = None
    study: str | None = None
    storage: str | None = None
    tracking_uri: str | None = None
    sampler: AnySampler | None = None
    pruner: Pruner | BasePruner | None = None
    monitor: str | None = None
    mode: Mode | None = None
    fix: tuple[str, ...] | None = None
    ranges: tuple[str, ...] | None = None
    tries: tuple[Mapping[str, Any], ...] = ()
    source: Source | None = None
    workers: int | None = None
    device: str = "cpu"
    checkpoint_every: float = CHECKPOINT_EVERY
    check: bool = True
    trainer: str | None = None
    folder: Path = field(default_factory=Path.cwd)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        leasts = {"trials": 1, "max_epochs": 1, "patience": 0, "seed": 0, "workers": 0}
        for name, least in leasts.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise BadInput(f"{name} is {value}: it must be {least} or more")
        if not 0 <= (self.confirm or 0) < STRIDE:
            raise BadInput(f"confirm is {self.confirm}: it must be from 0 to {STRIDE - 1}")
        if self.sampler is not None:
            check_sampler(self.sampler)
        if self.pruner is not None:
            check_pruner(self.pruner)
        if self.monitor is not None and not self.monitor.startswith("val_"):
            raise BadInput(
                f"monitor {self.monitor!r} is not of the validation part: take "
                f"'val_{self.monitor}', or another that begins with val_"
            )

    def resolve(self, remembered: Mapping[str, Any] | None) -> Settings:
        """Return settings in which nothing that a study is made of is left open."""
        known = dict(remembered or {})
        if self.monitor not in (None, known.get("monitor")):
            known["mode"] = None  # it was another monitor's
        found: dict[str, Any] = {}
        for name, default in REMEMBERED.items():
            given = getattr(self, name)
            value = known.get(name, default) if given is None else given
            if isinstance(value, dict):
                value = DECLARED[name](**value)
            found[name] = tuple(value) if isinstance(value, list) else value
        source = self.source
        if source is None:
            stored = known.get("source")
            if stored:  # version 0.1 kept metrics there
                source = Source(**{k: v for k, v in stored.items() if k != "metrics"})
            if source is not None and source.path is not None:
                source = dataclasses.replace(source, path=str(self.folder / source.path))
        if source is None:
            source = Source()
        return dataclasses.replace(self, source=source, **found)

    def remember(self) -> dict[str, Any]:
        """Return what `resolve` wants back, as plain data: of a sampler of Optuna's its name."""
        found = {name: getattr(self, name) for name in REMEMBERED}
        for name, ours in DECLARED.items():
            given = found[name]
            if given is not None:
                known = isinstance(given, ours)
                found[name] = dataclasses.asdict(given if known else ours(kind_of(given)))
        source = dataclasses.asdict(dataclasses.replace(self.source or Source(), arrays=None))
        if source["path"] is not None:
            path, folder = Path(source["path"]).resolve(), self.folder.resolve()
            inside = path.is_relative_to(folder)  # then it is found there when the folder moves
            source["path"] = str(path.relative_to(folder) if inside else path)
        return found | {"source": source}

    def apply(self, sweep: Sweep) -> Sweep:
        """Return the sweep as these settings want it."""
        mode = self.mode
        if mode is None and self.monitor in (None, sweep.objective.monitor):
            mode = sweep.objective.mode
        objective = dataclasses.replace(
            sweep.objective,
            max_epochs=self.max_epochs or sweep.objective.max_epochs,
            patience=sweep.objective.patience if self.patience is None else self.patience,
            monitor=self.monitor or sweep.objective.monitor,
            mode=mode,
        )
        return dataclasses.replace(
            sweep,
            objective=objective,
            sampler=self.sampler or sweep.sampler,
            pruner=self.pruner or sweep.pruner,
            n_trials=self.trials or sweep.n_trials,
        )

    @property
    def out_of_time(self) -> bool:
        """Whether the timeout has passed."""
        return bool(self.timeout) and time.monotonic() >= self.started + (self.timeout or 0.0)

    def storage_url(self) -> str:
        """Return Optuna's store: the given one, or `optuna.db` in the folder."""
        return self.storage or sqlite_url((self.folder / "optuna.db").resolve())

    def mlflow_uri(self) -> str:
        """Return MLflow's store: the given one, or `mlflow.db` in the folder. Raises BadInput."""
        scheme, there, _ = (self.tracking_uri or "").partition("://")
        kind, plugins = scheme.split("+")[0], "mlflow.tracking_store"
        if there and kind not in MLFLOW and not entry_points(group=plugins, name=kind):
            raise BadInput(
                f"--tracking-uri {redact(self.tracking_uri)!r}: MLflow knows no {scheme!r}; it "
                "takes a folder, sqlite:///FILE, postgresql://, mysql://, mssql:// or http(s)://"
            )
        if there and (lacking := lacking_driver(self.tracking_uri or "")) is not None:
            raise BadInput(f"--tracking-uri: {lacking}")
        return self.tracking_uri or sqlite_url((self.folder / "mlflow.db").resolve())
