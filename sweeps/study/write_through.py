"""A study in memory, with every change written through to Optuna's store on disk.

Samplers and pruners read a study's whole history again and again. From memory that is free; from
SQLite it would cost more than training a small net. Only one driver writes to a study, so the two
copies never differ, except while the disk is full, the file locked or the server unreachable: then
changes are kept in memory, in order, and written as soon as possible.
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
        self._pending: deque[Callable[[], object]] = deque()
        self._tries, self._next = 0, 0.0
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
        try:
            while self._pending:
                self._pending[0]()
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
        return len(self._pending)

    def settle(self) -> int:
        """Write all that can be written by the end; return how many changes remain."""
        late = getattr(self._disk, "settle", None)  # of a database server
        return self.flush() + (int(late()) if late is not None else 0)

    def _write(self, change: Callable[[], object]) -> None:
        self._pending.append(change)
        if not self._tries or self._clock() >= self._next:
            self.flush()

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
        if self._rows is not None and template is not None:
            with contextlib.suppress(Unsure):
                return self._rows.create(template, self.get_trial_number_from_id(trial_id))
        return int(self._disk.create_new_trial(self._disk_study or 0, template))

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Write through."""
        self._write(
            lambda: self._disk.set_trial_intermediate_value(
                self._disk_trials[trial_id], step, intermediate_value
            )
        )
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write through."""
        self._write(
            lambda: self._disk.set_trial_user_attr(self._disk_trials[trial_id], key, value)
        )
        super().set_trial_user_attr(trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write through."""
        self._write(
            lambda: self._disk.set_trial_system_attr(self._disk_trials[trial_id], key, value)
        )
        super().set_trial_system_attr(trial_id, key, value)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Write through."""
        self._write(
            lambda: self._disk.set_trial_state_values(self._disk_trials[trial_id], state, values)
        )
        return bool(super().set_trial_state_values(trial_id, state, values))


def reason(fault: BaseException) -> str:
    """Return the root cause of a storage error, in one line."""
    root: BaseException = fault
    while root.__cause__ is not None:
        root = root.__cause__
    return redact(str(root).strip().splitlines()[0] if str(root) else type(root).__name__)
