"""A study opened for work: its lock, its data, its store, its trainer and its tracker."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Data, Monitor, Objective, Source
from objectives.training import Trainer
from objectives.training.beside import measured
from search_spaces import Dimension
from sweeps.study.connecting import connect
from sweeps.study.driver import Progress
from sweeps.study.identity import identity, remembered, same_arrays, stored_identity
from sweeps.study.learned import RANGES, asks_otherwise, declared_ranges, kept_ranges, ranges_of
from sweeps.study.loop import Loop
from sweeps.study.naming import check_name, check_sweep, only_study, study_name
from sweeps.study.options import OPTIONS
from sweeps.study.pruning import make_pruner
from sweeps.study.samplers import make_sampler
from sweeps.study.settings import ARRAYS, STATE, Settings
from sweeps.study.several import check_several
from sweeps.study.shown import name_metrics
from sweeps.study.sole_driver import behind, held, lock
from sweeps.study.specs import Specs
from sweeps.study.storage import Store, forget_mistake, open_study
from sweeps.study.sweep import Sweep, rungs
from sweeps.tracking import Tracker
from sweeps.tracking.stores import moved

if TYPE_CHECKING:
    import optuna

# Objective, data, the study's own folder, one of `TRAINERS` -> a trainer.
MakeTrainer = Callable[[Objective[Any], Data, Path, str], Trainer]

LOG = logging.getLogger("sweeps")


def _kept(folder: Path, made_of: Mapping[str, Any]) -> Data | None:
    """Return the arrays that a study's workers have mapped, if it was made of them."""
    try:
        data = Data.open(folder / ARRAYS)
    except (OSError, ValueError, KeyError):
        return None
    return data if same_arrays(data.digest, made_of.get("digest", "")) else None


def _changes(before: Sweep, now: Sweep) -> Iterator[str]:
    """Say by what the trials from here on are chosen and ended, where it is new."""
    for name in ("sampler", "pruner", "prune_by", "patience"):
        was, value = OPTIONS[name].declared(before), OPTIONS[name].declared(now)
        if was != value:
            yield f"{OPTIONS[name].flag}: {value or 'off'} from here on, {was or 'off'} before"


@dataclass
class Session:
    """An opened study. `trainer` is made at the first use: reading needs none.

    declared: the ranges of the space, None where only a trial that is asked for tells them. notes:
    what the user should know of how it was opened, a line each.
    """

    sweep: Sweep
    settings: Settings
    data: Data
    name: str
    store: Store
    declared: Mapping[str, Dimension] | None
    make_trainer: MakeTrainer
    tracker: Tracker
    notes: Sequence[str] = ()
    _trainer: Trainer | None = None

    @property
    def folder(self) -> Path:
        """The study's own folder: lock, arrays, kept weights, journals."""
        return self.settings.folder / STATE / self.name

    @property
    def monitor(self) -> Monitor:
        """What decides, and its better direction."""
        return self.sweep.objective.judged_by

    @property
    def space(self) -> Mapping[str, Dimension]:
        """The ranges of the space, or, where nobody declares it, those of the trials so far."""
        return self.store.dimensions() if self.declared is None else self.declared

    @property
    def trainer(self) -> Trainer:
        """The trainer, made once."""
        if self._trainer is None:
            kind = self.settings.trainer or "auto"
            self._trainer = self.make_trainer(self.sweep.objective, self.data, self.folder, kind)
        return self._trainer

    def loop(self, progress: Progress) -> Loop:
        """Return the loop that brings this study to its total."""
        specs, others = Specs.of(self), self.sweep.objective.others
        name_metrics(self.store.study, [one.name for one in (self.monitor, *others)])
        return Loop(
            store=self.store,
            trainer=self.trainer,
            tracker=self.tracker,
            progress=progress,
            specs=dataclasses.replace(
                specs,
                rungs=rungs(self.sweep.pruner, specs.max_epochs) if self.sweep.prunes else (),
                checkpoints=self.folder / "checkpoints",
                files=self.folder / "callbacks",
                limits=measured(others, self.sweep.limits),
                others=others,
            ),
            total=self.sweep.n_trials,
            out_of_time=lambda: self.settings.out_of_time,
        )

    def places(self) -> int:
        """Return how many trials are trained at once.

        Raises:
            BadInput: No worker is to be had; a study without a trial is forgotten then.
        """
        try:
            return self.trainer.places
        except BadInput:
            if not self.store.unfinished():  # which go on from their checkpoints
                self.discard()
            raise

    def discard(self) -> None:
        """Forget a study in which no trial has ended: it was made of a mistake."""
        import optuna

        if not self.store.ended():
            study = self.store.study
            optuna.delete_study(study_name=study.study_name, storage=study._storage)
            shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> int:
        """End the trainer and the tracker; return how many items MLflow still lacks."""
        if self._trainer is not None:
            self._trainer.close()
        self.store.flush()
        return self.tracker.close()


def stored_study(url: str, name: str) -> optuna.Study:
    """Return a study as Optuna has it."""
    import optuna

    return optuna.load_study(study_name=name, storage=connect(url, create=False))


@contextlib.contextmanager
def opened(
    sweep: Sweep,
    settings: Settings,
    make_trainer: MakeTrainer,
    make_tracker: Callable[[str, Path], Tracker],
    data: Data | None = None,
    *,
    reading: bool = False,
    absent: bool = False,
) -> Iterator[Session]:
    """Open or create a study and hold its lock until the block ends.

    reading: the study has to be there, and no lock is taken; the arrays that it keeps serve, so
    that a file which was moved or changed since is not missed. absent: unless it is named, it may
    be absent: one in memory stands in. Raises BadInput, and then leaves nothing behind.
    """
    if data is None and settings.source is not None:
        data = sweep.objective.data(settings.source)  # before a store is made: it may be refused
    absent = absent and settings.study is None
    storage = connect(settings.storage_url(), create=False, memory=absent or not reading)
    if data is None:
        name = check_name(
            settings.study or (only_study(storage, sweep) if reading else sweep.name)
        )
    else:
        name = study_name(sweep, data, settings)
    folder = settings.folder / STATE / name
    check_sweep(storage, name, sweep)
    alone = held(storage, name, folder, lock(folder, name))
    with contextlib.nullcontext(storage) if reading else alone as storage:
        if not reading:
            forget_mistake(storage, name)
        if absent and remembered(storage, name) is None:
            import optuna

            storage, reading = optuna.storages.InMemoryStorage(), False
        url = None if reading or absent else settings.storage_url()
        yield from _opened(
            sweep, settings, make_trainer, make_tracker, data, storage, name, url, reading=reading
        )


def _on_disk(storage: optuna.storages.BaseStorage, url: str | None) -> optuna.storages.BaseStorage:
    """Return the store, made where one in memory has stood in for it."""
    import optuna

    if url is None or not isinstance(storage, optuna.storages.InMemoryStorage):
        return storage
    return connect(url)


def _opened(
    sweep: Sweep,
    settings: Settings,
    make_trainer: MakeTrainer,
    make_tracker: Callable[[str, Path], Tracker],
    data: Data | None,
    storage: optuna.storages.BaseStorage,
    name: str,
    url: str | None,
    *,
    reading: bool,
) -> Iterator[Session]:
    """Open or create a study whose lock is held.

    url: of the store that is made where none is, once nothing is left to refuse.
    """
    known = remembered(storage, name)
    settings = settings.resolve(known)
    if reading and known is None:
        there = ", ".join(study.study_name for study in storage.get_all_studies())
        other = f"; there are: {there} (--study NAME)" if there else ""
        raise BadInput(f"there is no study {name!r} in this folder yet: run it first{other}")
    before, sweep = Settings().resolve(known).apply(sweep), settings.apply(sweep)
    folder = settings.folder / STATE / name
    if data is None and reading:
        data = _kept(folder, stored_identity(storage, name))
    data = data or sweep.objective.data(settings.source or Source())
    sweep = dataclasses.replace(sweep, objective=sweep.objective.on(data))
    space = sweep.objective.space
    ranges = ranges_of(space, settings, storage, name)
    declared = declared_ranges(space, ranges)
    notes = [said] if (said := moved(settings.mlflow_uri())) is not None else []
    tracker = make_tracker(settings.mlflow_uri(), folder)
    notes += behind(folder) if reading else []
    pruner = None if reading else make_pruner(sweep.pruner, sweep.objective.max_epochs)
    if not reading:
        check_several(make_sampler(sweep.sampler, 0), sweep.objective.others)  # may be refused
    made_of = identity(sweep, data, settings, declared, ranges)
    if not reading:
        forget_mistake(storage, name, made_of, partial(asks_otherwise, space, ranges), space.added)
    study = open_study(
        _on_disk(storage, url),
        name,
        made_of,
        settings.remember(),
        sweep.objective.monitors,
        pruner,
        space.added,
    )
    if not reading and study.user_attrs["settings"] != settings.remember():
        study.set_user_attr("settings", settings.remember())  # what was given last
        notes += _changes(before, sweep)
    if ranges and declared is None and not reading and RANGES not in study.user_attrs:
        study.set_user_attr(RANGES, kept_ranges(ranges))
    store = Store(study, space, sweep.sampler, settings.seed or 0, ranges)
    known_already = store.enqueue(settings.queue)
    notes += [f"--try: this config is trial {number} already" for number in known_already]
    for note in notes:
        LOG.warning(note)
    session = Session(sweep, settings, data, name, store, declared, make_trainer, tracker, notes)
    try:
        yield session
    finally:
        session.close()
