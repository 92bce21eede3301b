"""A study in memory, with every change written through to Optuna's store on disk.

Samplers and pruners read a study's whole history again and again. From memory that is free; from
SQLite it would cost more than training a small net. Only one driver writes to a study, so the two
copies never differ, except while the disk is full, the file locked or the server unreachable: then
changes are kept in memory, in order, and written as soon as possible.

What a short epoch reports is not worth a transaction of its own: changes of running trials are
gathered for up to a second, and written before anything else is.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.rows import every_trial
from sweeps.study.writing import Rows, Unsure
from sweeps.tracking.courier import pause
from sweeps.tracking.notices import announce
from sweeps.tracking.redact import redact

LOG = logging.getLogger("sweeps")
FAULTS = (StorageInternalError, OSError)  # the first wraps SQLAlchemy's errors
GATHER = 1.0  # seconds in which changes of running trials come together


class WriteThrough(InMemoryStorage):
    """An Optuna storage that holds one study, which is created on disk if it is missing."""

    def __init__(
        self,
        disk: BaseStorage,
        name: str,
        directions: Sequence[StudyDirection],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._disk = disk
        self._clock = clock
        self._pending: deque[tuple[int, Callable[[], object]]] = deque()  # how many changes each
        self._gathered: list[tuple[int, dict[str, Any]]] = []  # of trials, by their ids here
        self._tries, self._next, self._written = 0, 0.0, -GATHER
        known = {study.study_name: study._study_id for study in disk.get_all_studies()}
        self._disk_study = known.get(name)
        if self._disk_study is None:
            self._disk_study = disk.create_new_study(directions, name)
        study = super().create_new_study(disk.get_study_directions(self._disk_study), name)
        for key, value in disk.get_study_user_attrs(self._disk_study).items():
            super().set_study_user_attr(study, key, value)
        for key, value in disk.get_study_system_attrs(self._disk_study).items():
            super().set_study_system_attr(study, key, value)
        self._disk_trials: dict[int, int] = {}
        for trial in every_trial(disk, self._disk_study):
            there = trial._trial_id
            self._disk_trials[self._adopt(study, trial)] = there
        self._rows: Rows | None = None
        if isinstance(disk, RDBStorage):
            ids = dict(enumerate(self._disk_trials.values()))
            self._rows = Rows(disk, self._disk_study, ids)

    def _adopt(self, study: int, trial: FrozenTrial) -> int:
        """Take a trial that nobody else has, without the copy that Optuna makes."""
        info = self._studies[study]
        trial_id = self._max_trial_id = self._max_trial_id + 1
        trial.number, trial._trial_id = len(info.trials), trial_id
        self._trial_id_to_study_id_and_number[trial_id] = (study, trial.number)
        info.trials.append(trial)
        self._update_cache(trial_id, study)
        return trial_id

    def flush(self) -> int:
        """Write pending changes, oldest first; return how many remain."""
        self._close_gathered()
        try:
            while self._pending:
                self._pending[0][1]()
                self._pending.popleft()
        except FAULTS as fault:
            if not self._tries:
                announce(
                    LOG,
                    "the study cannot be written to its store (%s): training continues, and "
                    "pending changes are written as soon as possible",
                    reason(fault),
                )
            self._tries += 1
            self._next = self._clock() + pause(self._tries)
        else:
            if self._tries:
                announce(LOG, "the study's store is complete again")
            self._tries = 0
        self._written = self._clock()
        return sum(count for count, _ in self._pending)

    def settle(self) -> int:
        """Write all that can be written by the end; return how many changes remain."""
        late = getattr(self._disk, "settle", None)  # of a database server
        return self.flush() + (int(late()) if late is not None else 0)

    def _write(self, change: Callable[[], object]) -> None:
        self._close_gathered()
        self._pending.append((1, change))
        self._flush_if_due()

    def _flush_if_due(self) -> None:
        if not self._tries or self._clock() >= self._next:
            self.flush()

    def _gather(self, trial_id: int, do: str, *args: Any, now: bool = False) -> None:
        """Take a change of a trial, which is written soon, or now."""
        if self._rows is None:
            self._write(lambda: getattr(self._disk, do)(self._disk_trials[trial_id], *args))
            return
        number = self.get_trial_number_from_id(trial_id)
        self._gathered.append((trial_id, {"do": do, "number": number, "args": args}))
        if now or self._clock() - self._written >= GATHER:
            self._flush_if_due()

    def _close_gathered(self) -> None:
        """Have what was gathered written before what comes next."""
        if (rows := self._rows) is not None and self._gathered:
            gathered, self._gathered = self._gathered, []
            self._pending.append((len(gathered), lambda: self._make(rows, gathered)))

    def _make(self, rows: Rows, gathered: Sequence[tuple[int, dict[str, Any]]]) -> None:
        try:
            rows.make([change for _, change in gathered], ())
        except Unsure:
            for trial_id, change in gathered:
                getattr(self._disk, change["do"])(self._disk_trials[trial_id], *change["args"])

    def delete_study(self, study_id: int) -> None:
        """Delete the study on disk too."""
        self._disk.delete_study(self._disk_study or 0)
        super().delete_study(study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Write through."""
        self._write(lambda: self._disk.set_study_user_attr(self._disk_study or 0, key, value))
        super().set_study_user_attr(study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Write through."""
        self._write(lambda: self._disk.set_study_system_attr(self._disk_study or 0, key, value))
        super().set_study_system_attr(study_id, key, value)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Write through, in one transaction."""
        trial_id = super().create_new_trial(study_id, template_trial)

        def create() -> None:
            self._disk_trials[trial_id] = self._create(trial_id, template_trial)

        self._write(create)
        return trial_id

    def _create(self, trial_id: int, template: FrozenTrial | None) -> int:
        """Create a trial on disk; return its id there."""
        number = self.get_trial_number_from_id(trial_id)
        if self._rows is not None and template is not None:
            with contextlib.suppress(Unsure):
                return self._rows.create(template, number)
        made = int(self._disk.create_new_trial(self._disk_study or 0, template))
        if self._rows is not None:
            self._rows.ids[number] = made
        return made

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Write through."""
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)
        self._gather(trial_id, "set_trial_intermediate_value", step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write through."""
        super().set_trial_user_attr(trial_id, key, value)
        self._gather(trial_id, "set_trial_user_attr", key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write through."""
        super().set_trial_system_attr(trial_id, key, value)
        self._gather(trial_id, "set_trial_system_attr", key, value)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Write through, now: with what was gathered, the end of a trial is one transaction."""
        changed = bool(super().set_trial_state_values(trial_id, state, values))
        self._gather(trial_id, "set_trial_state_values", state, values, now=True)
        return changed


def reason(fault: BaseException) -> str:
    """Return the root cause of a storage error, in one line."""
    root: BaseException = fault
    while root.__cause__ is not None:
        root = root.__cause__
    return redact(str(root).strip().splitlines()[0] if str(root) else type(root).__name__)
