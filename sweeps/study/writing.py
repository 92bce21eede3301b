"""Changes of a study written as rows of Optuna's tables, many in one transaction.

Optuna's storage writes a new trial of 14 parameters in 67 statements, and each change in a
transaction of its own. What is written here is the same, row by row: all or nothing.
"""

from __future__ import annotations

import json
from collections import ChainMap, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
)
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.changes import NEW
from sweeps.study.rows import (
    PARAMS,
    REPORTS,
    SYSTEM,
    TRIALS,
    USER,
    VALUES,
    distribution_of,
    faults,
)

STUDIES = models.StudyModel.__table__
OF_STUDY = {
    "set_study_user_attr": models.StudyUserAttributeModel.__table__,
    "set_study_system_attr": models.StudySystemAttributeModel.__table__,
}
OF_TRIAL = {"set_trial_user_attr": USER, "set_trial_system_attr": SYSTEM}
INSERT = {"postgresql": "postgresql", "sqlite": "sqlite", "mysql": "mysql", "mariadb": "mysql"}


class Unsure(RuntimeError):
    """What is there is not as expected: nothing was made, and each change has to look first."""


class Rows:
    """Writes changes of one study, each call in one transaction. `ids` are its trials' by number.

    storage: where it is, and only this process writes to it.
    """

    def __init__(self, storage: RDBStorage, study: int, ids: dict[int, int]) -> None:
        self.ids = ids
        self._engine, self._study = storage.engine, study
        self._asked: dict[str, BaseDistribution] = {}  # the first of each parameter

    def ping(self) -> None:
        """Have a connection that answers. Raises what the storage raises."""
        with faults(), self._engine.connect():
            pass

    def create(self, trial: FrozenTrial, number: int) -> int:
        """Create a trial; return its id. Raises Unsure, or what the storage raises."""
        with faults(), self._engine.begin() as connection:
            made = self._create(connection, {number: trial})
        self.ids |= made
        return made[number]

    def make(self, changes: Sequence[Mapping[str, Any]], trials: Sequence[FrozenTrial]) -> None:
        """Make changes as `Changing` has them, all or none. trials: the created ones, in order.

        Raises Unsure where a trial is there already or has ended, or what the storage raises.
        """
        created = [one["number"] for one in changes if one["do"] == NEW]
        rest = _Merged(self._study)
        with faults(), self._engine.begin() as connection:
            self._look(connection, changes, created)
            made = self._create(connection, dict(zip(created, trials, strict=True)))
            known = ChainMap(made, self.ids)
            for change in changes:
                if change["do"] != NEW:
                    rest.add(change, known[change["number"]] if "number" in change else None)
            for table, rows in rest.rows.items():
                self._put(connection, table, [*rows.values()])
            for key, state in rest.ended.items():
                news: dict[str, Any] = {"state": state}
                if state.is_finished():
                    news["datetime_complete"] = _utc(datetime.now())
                connection.execute(TRIALS.update().where(TRIALS.c.trial_id == key).values(news))
        self.ids |= made

    def _look(
        self, connection: sqlalchemy.Connection, changes: Sequence[Any], created: Sequence[int]
    ) -> None:
        """Raise Unsure unless every trial that is changed, and not created, is there and runs."""
        numbers = {one["number"] for one in changes if "number" in one}.difference(created)
        if not numbers:
            return
        if not numbers <= self.ids.keys():
            raise Unsure("a trial is not known")
        keys = {self.ids[number] for number in numbers}
        wanted = sqlalchemy.select(TRIALS.c.state).where(TRIALS.c.trial_id.in_(sorted(keys)))
        states = connection.execute(wanted.with_for_update()).scalars().all()
        if len(states) != len(keys) or set(states) != {TrialState.RUNNING}:
            raise Unsure("a trial has ended")

    def _create(
        self, connection: sqlalchemy.Connection, trials: Mapping[int, FrozenTrial]
    ) -> dict[int, int]:
        """Create trials, which are given by number, in order; return their ids by number."""
        if not trials:
            return {}
        mine = STUDIES.c.study_id == self._study
        connection.execute(sqlalchemy.select(STUDIES.c.study_id).where(mine).with_for_update())
        count = sqlalchemy.select(sqlalchemy.func.count()).where(TRIALS.c.study_id == self._study)
        first = connection.execute(count).scalar_one()
        if [*trials] != [*range(first, first + len(trials))]:
            raise Unsure("the trials before it are others")
        made: dict[int, int] = {}
        rows: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for number, trial in trials.items():
            row = {
                "study_id": self._study, "number": number, "state": trial.state,
                "datetime_start": _utc(trial.datetime_start),
                "datetime_complete": _utc(trial.datetime_complete),
            }  # fmt: skip
            inserted = connection.execute(TRIALS.insert().values(row)).inserted_primary_key
            key = made[number] = int(inserted[0]) if inserted is not None else -1
            rows[PARAMS] += [
                {
                    "trial_id": key, "param_name": name,
                    "param_value": one.to_internal_repr(trial.params[name]),
                    "distribution_json": distribution_to_json(one),
                }
                for name, one in trial.distributions.items()
                if self._fits(connection, name, one)
            ]  # fmt: skip
            rows[VALUES] += [_value(key, n, value) for n, value in enumerate(trial.values or ())]
            rows[REPORTS] += [_report(key, *one) for one in trial.intermediate_values.items()]
            for table, attrs in ((USER, trial.user_attrs), (SYSTEM, trial.system_attrs)):
                rows[table] += [
                    {"trial_id": key, "key": name, "value_json": json.dumps(value)}
                    for name, value in attrs.items()
                ]
        for table, found in rows.items():
            if found:
                connection.execute(table.insert(), found)
        return made

    def _fits(self, connection: sqlalchemy.Connection, name: str, one: BaseDistribution) -> bool:
        """Return True, or raise ValueError as Optuna does for another kind of range."""
        if name not in self._asked:
            wanted = (
                sqlalchemy.select(PARAMS.c.distribution_json)
                .join(TRIALS, TRIALS.c.trial_id == PARAMS.c.trial_id)
                .where(TRIALS.c.study_id == self._study, PARAMS.c.param_name == name)
            )
            known = connection.execute(wanted.limit(1)).scalar()
            self._asked[name] = one if known is None else distribution_of(known)
        check_distribution_compatibility(self._asked[name], one)
        return True

    def _put(self, connection: Any, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, or replace those of the same key."""
        (unique,) = (
            one for one in table.constraints if isinstance(one, sqlalchemy.UniqueConstraint)
        )
        keys = [column.name for column in unique.columns]
        kind = INSERT[self._engine.dialect.name]
        insert = import_module(f"sqlalchemy.dialects.{kind}").insert(table)
        fresh = insert.inserted if kind == "mysql" else insert.excluded
        news = {name: fresh[name] for name in rows[0] if name not in keys}
        if kind == "mysql":
            put = insert.on_duplicate_key_update(news)
        else:
            put = insert.on_conflict_do_update(index_elements=keys, set_=news)
        connection.execute(put, rows)


class _Merged:
    """What changes of trials and of their study come to: of two of one key the later one."""

    def __init__(self, study: int) -> None:
        self.rows: dict[Any, dict[tuple[Any, ...], dict[str, Any]]] = defaultdict(dict)
        self.ended: dict[int, TrialState] = {}
        self._study = study

    def add(self, change: Mapping[str, Any], key: int | None) -> None:
        """Add a change. key: the id of its trial, None where it is the study's. Raises Unsure."""
        do, args = change["do"], change["args"]
        if key is None:
            text = {"value_json": json.dumps(args[1])}
            self.rows[OF_STUDY[do]][(args[0],)] = {"study_id": self._study, "key": args[0], **text}
            return
        if key in self.ended:
            raise Unsure("a trial is changed after its end")
        if do == "set_trial_state_values":
            self.ended[key] = TrialState(args[0])
            for n, value in enumerate(args[1] or ()):
                self.rows[VALUES][key, n] = _value(key, n, value)
        elif do == "set_trial_intermediate_value":
            self.rows[REPORTS][key, args[0]] = _report(key, *args)
        else:
            text = {"value_json": json.dumps(args[1])}
            self.rows[OF_TRIAL[do]][key, args[0]] = {"trial_id": key, "key": args[0], **text}


def _report(key: int, step: int, value: float) -> dict[str, Any]:
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    found = {"trial_id": key, "step": step}
    return found | {"intermediate_value": stored, "intermediate_value_type": kind}


def _value(key: int, objective: int, value: float) -> dict[str, Any]:
    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    return {"trial_id": key, "objective": objective, "value": stored, "value_type": kind}


def _utc(local: datetime | None) -> datetime | None:
    return None if local is None else local.astimezone(UTC).replace(tzinfo=None)
