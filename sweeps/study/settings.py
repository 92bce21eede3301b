"""What a command may change of a sweep, and what a study remembers of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from objectives import BadInput, Source
from sweeps.study.limits import limits_of
from sweeps.study.options import CONFIRM, OPTIONS, Options
from sweeps.study.sweep import Pruner, Sampler, Sweep, check_pruner, check_sampler, kind_of
from sweeps.tracking.redact import redact, remember
from sweeps.tracking.stores import sqlite_url, unusable, with_driver

REMEMBERED = {name: one.default for name, one in OPTIONS.items() if one.remembered}
MANY = [name for name in REMEMBERED if OPTIONS[name].many]
DECLARED = {"sampler": Sampler, "pruner": Pruner}

STATE = ".sweeps"  # the folder of everything that is neither Optuna's nor MLflow's
ARRAYS = "data"  # in a study's folder there: what its workers map
MLFLOW = {"sqlite", "postgresql", "mysql", "mssql", "http", "https", "file", "databricks", "uc"}


@dataclass(frozen=True)
class Settings(Options):
    """The options that were given, and what they come to.

    source: the user's own data. queue: parameters of configs to train next. folder: where stores
    and files go.
    """

    source: Source | None = None
    queue: tuple[Mapping[str, Any], ...] = ()
    folder: Path = field(default_factory=Path.cwd)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.sampler is not None:
            check_sampler(self.sampler)
        if self.pruner is not None:
            check_pruner(self.pruner)

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
            found[name] = tuple(value or ()) if name in MANY else value
        source = self.source
        if source is None:
            stored = known.get("source")
            if stored:
                source = Source.of(stored)
            if source is not None and source.path is not None:
                source = dataclasses.replace(source, path=str(self.folder / source.path))
        return dataclasses.replace(self, source=source or Source(), **found)

    def remember(self) -> dict[str, Any]:
        """Return what `resolve` wants back, as plain data: of a sampler of Optuna's its name."""
        found = {name: getattr(self, name) for name in REMEMBERED}
        for name, ours in DECLARED.items():
            given = found[name]
            if given is not None:
                known = isinstance(given, ours)
                found[name] = dataclasses.asdict(given if known else ours(kind_of(given)))
        source = dataclasses.replace(self.source or Source(), arrays=None).plain()
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
            others=sweep.objective.others if self.monitor is None else (),
        )
        return dataclasses.replace(
            sweep,
            objective=objective,
            sampler=self.sampler or sweep.sampler,
            pruner=self.pruner or sweep.pruner,
            prune_by=self.prune_by or sweep.prune_by,
            n_trials=self.trials or sweep.n_trials,
            limits=limits_of(self.limit or ()) or sweep.limits,
        )

    @property
    def seeds(self) -> int:
        """The greatest number of fresh seeds of a trial that is confirmed."""
        return CONFIRM if self.confirm is None else self.confirm

    @property
    def out_of_time(self) -> bool:
        """Whether the timeout has passed."""
        return bool(self.timeout) and time.monotonic() >= self.started + (self.timeout or 0.0)

    def storage_url(self) -> str:
        """Return Optuna's store: the given one, or `optuna.db` in the folder."""
        return self.storage or sqlite_url((self.folder / "optuna.db").resolve())

    def mlflow_uri(self) -> str:
        """Return MLflow's store: the given one, or `mlflow.db` in the folder. Raises BadInput."""
        from importlib.metadata import entry_points

        given = self.tracking_uri or ""
        remember(given)
        scheme, there, _ = given.partition("://")
        kind, plugins = scheme.split("+")[0], "mlflow.tracking_store"
        if there and kind not in MLFLOW and not entry_points(group=plugins, name=kind):
            raise BadInput(
                f"--tracking-uri {redact(given)!r}: MLflow knows no {scheme!r}; it "
                "takes a folder, sqlite:///FILE, postgresql://, mysql://, mssql:// or http(s)://"
            )
        if there and (why := unusable(given)) is not None:
            raise BadInput(f"--tracking-uri: {why}")
        return with_driver(given) or sqlite_url((self.folder / "mlflow.db").resolve())
