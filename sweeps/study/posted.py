"""A study in a database server: what the search decides is written by a thread of its own.

So training never waits for the database; see `outbox.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.changes import plain_trial
from sweeps.study.outbox import Outbox
from sweeps.study.rows import every_trial


class Posted:
    """What `WriteThrough` has for its disk: it writes later, and reads from the database."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._numbers: dict[int, int] = {}  # of trials, by the ids that are given here
        self._told = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox.server, name)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the study's attributes."""
        found = self._outbox.server.get_study_user_attrs(study_id)
        self._outbox.instance = found.get("instance")
        return found

    def get_all_trials(self, study_id: int, *args: Any, **kwargs: Any) -> list[FrozenTrial]:
        """Return the study's trials, which may be changed from then on."""
        found = every_trial(self._outbox.server, study_id)
        self._numbers = {trial._trial_id: trial.number for trial in found}
        self._outbox.begin(study_id, {number: t for t, number in self._numbers.items()})
        return found

    def delete_study(self, study_id: int) -> None:
        """Delete the study, at once."""
        self._outbox.drop()
        self._outbox.server.delete_study(study_id)

    def create_new_trial(self, study_id: int, template: FrozenTrial | None = None) -> int:
        """Return the id of a trial. Raises RuntimeError once if the study is another's by now."""
        number = len(self._numbers)
        made = -1 - number
        self._numbers[made] = number
        trial = template or optuna.trial.create_trial(state=TrialState.RUNNING)
        self._post("create_new_trial", made, plain_trial(trial))
        if self._outbox.conflict is not None and not self._told:
            self._told = True
            raise RuntimeError(f"{self._outbox.conflict}; changes are kept in {self._outbox.file}")
        return made

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of the study."""
        if key == "instance":
            self._outbox.instance = value
        self._post("set_study_user_attr", None, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of Optuna's."""
        self._post("set_study_system_attr", None, key, value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of a trial."""
        self._post("set_trial_user_attr", trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of Optuna's."""
        self._post("set_trial_system_attr", trial_id, key, value)

    def set_trial_intermediate_value(self, trial_id: int, step: int, value: float) -> None:
        """Report a value."""
        self._post("set_trial_intermediate_value", trial_id, int(step), float(value))

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """End a trial."""
        found = None if values is None else [float(value) for value in values]
        self._post("set_trial_state_values", trial_id, int(state), found)
        return True

    def _post(self, do: str, trial: int | None, *args: Any) -> None:
        numbered = {} if trial is None else {"number": self._numbers[trial]}
        self._outbox.put(json.loads(json.dumps({"do": do, **numbered, "args": args})))

    def settle(self) -> int:
        """Wait for what is still to be written; return how many changes are not."""
        return self._outbox.settle()
