"""Changes of a study as plain data, which can be made again without any being made twice.

A change whose answer was lost may have been made, and so may one that an earlier process has
written down. So what is there is looked at first: a trial by its number, an end by its state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

Change = Mapping[str, Any]
NEW = "create_new_trial"


class Conflict(RuntimeError):
    """A study in its database is no longer the one that a change belongs to."""


def plain_trial(trial: FrozenTrial) -> dict[str, Any]:
    """Return a trial as plain data. Raises TypeError for an attribute that JSON cannot hold."""
    begun, ended = trial.datetime_start, trial.datetime_complete
    plain = {
        "state": int(trial.state),
        "values": trial.values,
        "start": begun.isoformat() if begun else None,
        "end": ended.isoformat() if ended else None,
        "params": {
            name: trial.distributions[name].to_internal_repr(value)
            for name, value in trial.params.items()
        },
        "distributions": {
            name: optuna.distributions.distribution_to_json(one)
            for name, one in trial.distributions.items()
        },
        "user_attrs": trial.user_attrs,
        "system_attrs": trial.system_attrs,
        "reports": sorted(trial.intermediate_values.items()),
    }
    return dict(json.loads(json.dumps(plain)))


def trial_of(plain: Mapping[str, Any]) -> FrozenTrial:
    """Return the trial of plain data."""
    made = {
        name: optuna.distributions.json_to_distribution(one)
        for name, one in plain["distributions"].items()
    }
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=TrialState(plain["state"]),
        value=None,
        values=plain["values"],
        datetime_start=datetime.fromisoformat(plain["start"]) if plain["start"] else None,
        datetime_complete=datetime.fromisoformat(plain["end"]) if plain["end"] else None,
        params={name: made[name].to_external_repr(v) for name, v in plain["params"].items()},
        distributions=made,
        user_attrs=plain["user_attrs"],
        system_attrs=plain["system_attrs"],
        intermediate_values={int(step): value for step, value in plain["reports"]},
    )


def _same(one: FrozenTrial, other: FrozenTrial) -> bool:
    """Return whether two trials were asked for at once: MySQL keeps only whole seconds."""
    begun = one.datetime_start, other.datetime_start
    if begun[0] is None or begun[1] is None:
        return begun[0] is begun[1] and one.params == other.params
    return abs((begun[0] - begun[1]).total_seconds()) <= 1.0 and one.params == other.params


class Changing:
    """Makes changes in one study of a store. Raises Conflict, or what the store raises."""

    def __init__(self, disk: BaseStorage, study: int, trials: Mapping[int, int] = {}) -> None:
        """trials: the store's own ids, by number, as far as they are known."""
        self._disk = disk
        self.study = study
        self.trials = dict(trials)

    def make(self, change: Change, *, again: bool) -> None:
        """Make a change. again: it may have been made before."""
        args = change["args"]
        try:
            if change["do"] == NEW:
                self._create(change["number"], trial_of(args[0]))
            elif change["do"] == "set_trial_state_values":
                self._end(change["number"], TrialState(args[0]), args[1])
            elif "number" in change:
                self._set(change, again)
            else:
                getattr(self._disk, change["do"])(self.study, *args)
        except KeyError as error:
            raise Conflict(f"the study, or a part of it, was deleted ({error})") from error

    def _trial(self, number: int) -> int:
        if number not in self.trials:
            self.trials[number] = self._disk.get_trial_id_from_study_id_trial_number(
                self.study, number
            )
        return self.trials[number]

    def _create(self, number: int, trial: FrozenTrial) -> None:
        """Create a trial, unless it is there."""
        try:
            there = self._disk.get_trial(self._trial(number))
        except KeyError:
            pass
        else:
            if not _same(there, trial):
                raise Conflict(f"trial {number} is another one there")
            return
        made = self._disk.create_new_trial(self.study, trial)
        if self._disk.get_trial_number_from_id(made) != number:
            self._disk.set_trial_state_values(made, TrialState.FAIL)
            raise Conflict(f"the trials before {number} are not those that are there")
        self.trials[number] = made

    def _end(self, number: int, state: TrialState, values: Any) -> None:
        trial = self._trial(number)
        try:
            self._disk.set_trial_state_values(trial, state, values)
        except optuna.exceptions.UpdateFinishedTrialError:
            there = self._disk.get_trial(trial)
            if there.state != state or (values is not None and there.values != values):
                raise Conflict(f"trial {number} has ended otherwise there") from None

    def _set(self, change: Change, again: bool) -> None:
        number, args = change["number"], change["args"]
        try:
            getattr(self._disk, change["do"])(self._trial(number), *args)
        except optuna.exceptions.UpdateFinishedTrialError:
            there = self._disk.get_trial(self._trial(number))
            kept: dict[str, Mapping[Any, Any]] = {
                "set_trial_user_attr": there.user_attrs,
                "set_trial_system_attr": there.system_attrs,
                "set_trial_intermediate_value": there.intermediate_values,
            }
            known = kept[change["do"]]
            if not again or args[0] not in known or not _equal(known[args[0]], args[1]):
                raise Conflict(f"trial {number} has ended otherwise there") from None


def _equal(one: Any, other: Any) -> bool:
    return json.dumps(one) == json.dumps(other)  # NaN is equal to itself
