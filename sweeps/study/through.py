"""One study held in memory, every change written through to Optuna's store on the disk.

Samplers and pruners read a study's whole history again and again: from memory that is free,
from SQLite it would cost more than training a small net. One driver a study writes, so the two
never differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState


class WriteThrough(InMemoryStorage):
    """The study of this name, created on the disk if it is missing."""

    def __init__(self, disk: BaseStorage, name: str, directions: Sequence[StudyDirection]) -> None:
        super().__init__()
        self._disk = disk
        known = {study.study_name: study._study_id for study in disk.get_all_studies()}
        self._disk_study = known.get(name)
        if self._disk_study is None:
            self._disk_study = disk.create_new_study(directions, name)
        study = super().create_new_study(disk.get_study_directions(self._disk_study), name)
        for key, value in disk.get_study_user_attrs(self._disk_study).items():
            super().set_study_user_attr(study, key, value)
        self._disk_trials: dict[int, int] = {}
        for trial in sorted(disk.get_all_trials(self._disk_study), key=lambda t: t.number):
            self._disk_trials[super().create_new_trial(study, trial)] = trial._trial_id

    def delete_study(self, study_id: int) -> None:
        """Forget the study on the disk too."""
        self._disk.delete_study(self._disk_study or 0)
        super().delete_study(study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Write through."""
        self._disk.set_study_user_attr(self._disk_study or 0, key, value)
        super().set_study_user_attr(study_id, key, value)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Write through, in one transaction."""
        stored = self._disk.create_new_trial(self._disk_study or 0, template_trial)
        number = super().create_new_trial(study_id, template_trial)
        self._disk_trials[number] = stored
        return number

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Write through."""
        disk = self._disk_trials[trial_id]
        self._disk.set_trial_intermediate_value(disk, step, intermediate_value)
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write through."""
        self._disk.set_trial_user_attr(self._disk_trials[trial_id], key, value)
        super().set_trial_user_attr(trial_id, key, value)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Write through."""
        done = self._disk.set_trial_state_values(self._disk_trials[trial_id], state, values)
        super().set_trial_state_values(trial_id, state, values)
        return bool(done)
