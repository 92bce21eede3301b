"""All trials of a study, read in six queries off the rows of Optuna's tables.

Optuna's storage builds an object for every row that it reads, and a distribution for every value.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial

TRIALS = models.TrialModel.__table__
PARAMS, VALUES = models.TrialParamModel.__table__, models.TrialValueModel.__table__
REPORTS = models.TrialIntermediateValueModel.__table__
USER, SYSTEM = models.TrialUserAttributeModel.__table__, models.TrialSystemAttributeModel.__table__


def every_trial(storage: BaseStorage, study: int) -> list[FrozenTrial]:
    """Return all trials of a study, by number, as `get_all_trials` does."""
    if not isinstance(storage, RDBStorage):
        return sorted(storage.get_all_trials(study, deepcopy=False), key=lambda t: t.number)
    with faults(), storage.engine.connect() as connection:
        read = _Reading(connection, study)
        found = [read.trial(*row) for row in read.trials()]
    return sorted(found, key=lambda t: t.number)


@lru_cache(maxsize=4096)
def distribution_of(text: str) -> BaseDistribution:
    """Return a range, the same object for the same text."""
    return json_to_distribution(text)


class _Reading:
    """The rows of one study, by the ids of trials."""

    def __init__(self, connection: sqlalchemy.Connection, study: int) -> None:
        self._connection, self._study = connection, study
        self._params = self._of(PARAMS, "param_name", "param_value", "distribution_json")
        self._values = self._of(VALUES, "objective", "value", "value_type")
        self._reports = self._of(REPORTS, "step", "intermediate_value", "intermediate_value_type")
        self._user = self._of(USER, "key", "value_json")
        self._system = self._of(SYSTEM, "key", "value_json")

    def trials(self) -> Sequence[Any]:
        """Return the rows of the trials themselves."""
        columns = [
            TRIALS.c[name]
            for name in ("trial_id", "number", "state", "datetime_start", "datetime_complete")
        ]
        wanted = sqlalchemy.select(*columns).where(TRIALS.c.study_id == self._study)
        return self._connection.execute(wanted).all()

    def _of(self, table: Any, *names: str) -> Mapping[int, list[Any]]:
        (key,) = table.primary_key.columns
        wanted = (
            sqlalchemy.select(table.c.trial_id, *(table.c[name] for name in names))
            .join(TRIALS, TRIALS.c.trial_id == table.c.trial_id)
            .where(TRIALS.c.study_id == self._study)
            .order_by(key)
        )
        found = defaultdict(list)
        for row in self._connection.execute(wanted):
            found[row[0]].append(row)
        return found

    def trial(self, key: int, number: int, state: Any, begun: Any, ended: Any) -> FrozenTrial:
        """Return a trial of these rows."""
        params = [
            (name, distribution_of(text), value)
            for _, name, value, text in self._params.get(key, ())
        ]
        value_of = models.TrialValueModel.stored_repr_to_value
        report_of = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
        values = {n: value_of(value, kind) for _, n, value, kind in self._values.get(key, ())}
        return FrozenTrial(
            number=number,
            state=state,
            value=None,
            values=[values[n] for n in sorted(values)] or None,
            datetime_start=_local(begun),
            datetime_complete=_local(ended),
            params={name: one.to_external_repr(value) for name, one, value in params},
            distributions={name: one for name, one, _ in params},
            user_attrs={name: json.loads(text) for _, name, text in self._user.get(key, ())},
            system_attrs={name: json.loads(text) for _, name, text in self._system.get(key, ())},
            intermediate_values={
                step: report_of(value, kind) for _, step, value, kind in self._reports.get(key, ())
            },
            trial_id=key,
        )


def _local(utc: datetime | None) -> datetime | None:
    return None if utc is None else utc.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


@contextmanager
def faults() -> Iterator[None]:
    """Raise what Optuna's storage raises for a fault of the database."""
    try:
        yield
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise StorageInternalError("the database has refused it") from error
