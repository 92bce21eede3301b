"""A study opened for work: its lock, its data, its store, its trainer and its tracker."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Data, Objective, Source, direction
from objectives.training import Trainer
from sweeps.study.loop import Loop, Progress, run_name
from sweeps.study.storage import Store, check_name, connect, default_url, open_study
from sweeps.study.sweep import Pruner, Sampler, Sweep
from sweeps.tracking import EndedTrial, StudyRun, Tracker, TrialRun

if TYPE_CHECKING:
    import filelock

    from search_spaces import Dimension

# Objective, data and the study's own folder -> a trainer.
MakeTrainer = Callable[[Objective[Any], Data, Path], Trainer]

STATE = ".sweeps"  # the folder of everything that is neither Optuna's nor MLflow's


@dataclass(frozen=True)
class Settings:
    """What a command may change of a sweep; None leaves the sweep's own value.

    timeout: seconds. fix, ranges: as on the command line. folder: where stores and files go.
    """

    trials: int | None = None
    max_epochs: int | None = None
    timeout: float | None = None
    seed: int = 0
    study: str | None = None
    storage: str | None = None
    tracking_uri: str | None = None
    sampler: Sampler | None = None
    pruner: Pruner | None = None
    monitor: str | None = None
    fix: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    source: Source = field(default_factory=Source)
    workers: int | None = None
    device: str = "cpu"
    trainer: str = "auto"
    folder: Path = field(default_factory=Path.cwd)
    started: float = field(default_factory=time.monotonic)

    def apply(self, sweep: Sweep) -> Sweep:
        """Return the sweep as these settings want it."""
        objective = dataclasses.replace(
            sweep.objective,
            max_epochs=self.max_epochs or sweep.objective.max_epochs,
            monitor=self.monitor or sweep.objective.monitor,
        )
        return dataclasses.replace(
            sweep,
            objective=objective,
            sampler=self.sampler or sweep.sampler,
            pruner=self.pruner or sweep.pruner,
            n_trials=self.trials or sweep.n_trials,
        )

    def storage_url(self) -> str:
        """Return Optuna's store: the given one, or `optuna.db` in the folder."""
        return self.storage or default_url(self.folder)

    def mlflow_uri(self) -> str:
        """Return MLflow's store: the given one, or `mlflow.db` in the folder."""
        return self.tracking_uri or f"sqlite:///{(self.folder / 'mlflow.db').resolve()}"


def study_name(sweep: Sweep, data: Data, settings: Settings) -> str:
    """Return the asked-for name, or the sweep's with the file's and its digest."""
    if settings.study is not None:
        return check_name(settings.study)
    if data.source == "embedded":
        return check_name(sweep.name)
    stem = "".join(c if c.isalnum() else "-" for c in Path(data.source).name.split(".")[0])
    return check_name(f"{sweep.name}-{stem[:40]}-{data.digest[:6]}")


def identity(
    sweep: Sweep, data: Data, settings: Settings, space: Mapping[str, Dimension]
) -> dict[str, Any]:
    """Return what a study is made of: its trials are comparable while none of it changes."""
    return {
        "sweep": sweep.name,
        "data": f"{data.source} ({data.digest[:12]})",
        "split": dict(data.details.get("split", {"kind": "as given"})),
        "monitor": sweep.objective.monitor,
        "seed": settings.seed,
        "max-epochs": sweep.objective.max_epochs,
        "trainer": settings.trainer,
        "space": {name: str(dimension) for name, dimension in space.items()},
    }


@dataclass
class Session:
    """An opened study. `trainer` is made at the first use: reading needs none."""

    sweep: Sweep
    settings: Settings
    data: Data
    name: str
    store: Store
    space: Mapping[str, Dimension]
    make_trainer: MakeTrainer
    tracker: Tracker
    _trainer: Trainer | None = None

    @property
    def folder(self) -> Path:
        """The study's own folder: lock, arrays, kept weights, journals."""
        return self.settings.folder / STATE / self.name

    @property
    def mode(self) -> str:
        """The better direction of the monitor: "min" or "max"."""
        return direction(self.sweep.objective.monitor)

    @property
    def trainer(self) -> Trainer:
        """The trainer, made once."""
        if self._trainer is None:
            self._trainer = self.make_trainer(self.sweep.objective, self.data, self.folder)
        return self._trainer

    def loop(self, progress: Progress) -> Loop:
        """Return the loop that brings this study to its total."""
        objective, timeout = self.sweep.objective, self.settings.timeout
        return Loop(
            store=self.store,
            trainer=self.trainer,
            tracker=self.tracker,
            progress=progress,
            total=self.sweep.n_trials,
            max_epochs=objective.max_epochs,
            monitor=objective.monitor,
            mode=self.mode,
            rungs=self.sweep.pruner.rungs(objective.max_epochs),
            weights=self.folder / "weights",
            deadline=self.settings.started + timeout if timeout else None,
        )

    def discard(self) -> None:
        """Forget a study in which no trial has ended: it was made of a mistake."""
        import optuna

        if not self.store.ended():
            study = self.store.study
            optuna.delete_study(study_name=study.study_name, storage=study._storage)

    def repair(self) -> list[str]:
        """Make the tracker agree with the store; return what was mended."""
        ended = self.store.ended()
        label = self.store.space.label
        return self.tracker.repair(
            EndedTrial(
                TrialRun(
                    t.number,
                    run_name(t.number, t.role, label(self.store.config(t.params))),
                    t.params,
                    t.seed,
                    t.role,
                ),
                t.outcome,
                t.epochs,
                t.metrics,
            )
            for t in ended
        )

    def close(self) -> int:
        """End the trainer and the tracker; return how many items MLflow still lacks."""
        if self._trainer is not None:
            self._trainer.close()
        return self.tracker.close()


def lock(folder: Path, name: str) -> filelock.BaseFileLock:
    """Take a study for this process, by a kernel lock that dies with it. Raises BadInput."""
    import filelock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(folder / "lock", timeout=0)
        held.acquire()
    except filelock.Timeout:
        raise BadInput(
            f"study {name!r} is being run by another process: wait for it, stop it, or take "
            "another study with --study NAME"
        ) from None
    except OSError as error:
        raise BadInput(
            f"cannot write to {str(folder)!r} ({error.strerror}): run in a folder of yours"
        ) from None
    return held


@contextlib.contextmanager
def opened(
    sweep: Sweep,
    settings: Settings,
    make_trainer: MakeTrainer,
    make_tracker: Callable[[str, Path], Tracker],
    data: Data | None = None,
) -> Iterator[Session]:
    """Open or create a study and hold its lock until the block ends."""
    from search_spaces import Narrowed, dimensions
    from sweeps.study.ranges import narrowing

    sweep = settings.apply(sweep)
    space = sweep.objective.space
    ranges = narrowing(space, settings.fix, settings.ranges)
    asked = dimensions(lambda trial: space.suggest(Narrowed(trial, ranges)))
    data = data or sweep.objective.load(settings.source)
    name = study_name(sweep, data, settings)
    folder = settings.folder / STATE / name
    with lock(folder, name):
        study = open_study(
            connect(settings.storage_url()),
            name,
            identity(sweep, data, settings, asked),
            direction(sweep.objective.monitor),
            sweep.pruner,
            sweep.objective.max_epochs,
        )
        store = Store(study, space, sweep.sampler, settings.seed, ranges)
        tracker = make_tracker(settings.mlflow_uri(), folder)
        session = Session(sweep, settings, data, name, store, asked, make_trainer, tracker)
        try:
            yield session
        finally:
            session.close()


def parent_run(session: Session, versions: Mapping[str, str]) -> StudyRun:
    """Return what the tracker's parent run holds of a study."""
    sweep, data = session.sweep, session.data
    return StudyRun(
        experiment=sweep.name,
        name=session.name,
        params={
            "sweep": sweep.name,
            "seed": session.settings.seed,
            "max_epochs": sweep.objective.max_epochs,
            "monitor": sweep.objective.monitor,
            "sampler": sweep.sampler.kind,
            "pruner": sweep.pruner.kind,
        }
        | {f"space.{name}": str(dimension) for name, dimension in session.space.items()}
        | {f"version.{name}": version for name, version in versions.items()},
        data={
            "source": data.source,
            "digest": data.digest,
            "shape": list(data.shape),
            "rows": {part: len(getattr(data, part)) for part in ("train", "validation", "test")},
        },
        monitor=sweep.objective.monitor,
        mode=session.mode,
        instance=session.store.study.user_attrs["instance"],
        columns=tuple(
            name
            for name, dimension in session.space.items()
            if (
                len(dimension.choices) > 1
                if dimension.choices
                else dimension.low != dimension.high
            )
        )[:6],
    )
