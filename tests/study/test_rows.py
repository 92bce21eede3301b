"""Trials read and written as rows are those that Optuna's own storage reads and writes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.changes import Changing, plain_trial, trial_of
from sweeps.study.rows import every_trial
from sweeps.study.writing import Rows, Unsure

RANGES = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "width": IntDistribution(4, 64, step=4),
    "kind": CategoricalDistribution(["a", None, True, 3, 0.5]),
}
NUMBERS = st.one_of(st.floats(allow_nan=False), st.just(math.inf), st.just(-math.inf))
TRIALS = st.builds(
    lambda rate, width, kind, attrs, reports: optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params={"rate": rate, "width": 4 * width, "kind": kind},
        distributions=RANGES,
        user_attrs=attrs,
        system_attrs={"s": attrs},
        intermediate_values=reports,
    ),
    st.floats(1e-4, 1.0),
    st.integers(1, 16),
    st.sampled_from(RANGES["kind"].choices),
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.text(max_size=9)), max_size=3),
    st.dictionaries(st.integers(0, 9), st.one_of(NUMBERS, st.just(math.nan)), max_size=4),
)
# What is done to the trials one after the other: which one, what, and with what.
DEEDS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.one_of(
            st.tuples(st.just("set_trial_user_attr"), st.sampled_from("ab"), st.integers()),
            st.tuples(st.just("set_trial_system_attr"), st.sampled_from("ab"), st.text()),
            st.tuples(st.just("set_trial_intermediate_value"), st.integers(1, 5), NUMBERS),
            st.tuples(
                st.just("set_trial_state_values"),
                st.just(int(TrialState.COMPLETE)),
                st.lists(NUMBERS, min_size=1, max_size=1),
            ),
        ),
    ),
    max_size=25,
)


def changes(trials: list[FrozenTrial], deeds: list[Any]) -> list[dict[str, Any]]:
    """Return changes in which nothing is done to a trial that is not there or has ended."""
    found = [
        {"do": "create_new_trial", "number": n, "args": [plain_trial(t)]}
        for n, t in enumerate(trials)
    ]
    found.append({"do": "set_study_user_attr", "args": ["settings", {"a": [1]}]})
    over: set[int] = set()
    for number, (do, *args) in deeds:
        if number < len(trials) and number not in over:
            found.append({"do": do, "number": number, "args": args})
            if do == "set_trial_state_values":
                over.add(number)
    return [dict(json.loads(json.dumps(one))) for one in found]


def shown(trials: list[FrozenTrial]) -> list[str]:
    """Return all of a study's trials as text, but for when they ended."""
    return [
        str(
            (
                t.number, t.state, t.values, t.params, t.distributions,
                sorted(t.user_attrs.items()), sorted(t.system_attrs.items()),
                sorted(t.intermediate_values.items()), t.datetime_start,
                t.datetime_complete is None,
            )
        )
        for t in trials
    ]  # fmt: skip


def opened(file: Path) -> tuple[RDBStorage, int]:
    storage = RDBStorage(f"sqlite:///{file}")
    return storage, storage.create_new_study([StudyDirection.MINIMIZE], "s")


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(TRIALS, max_size=5), DEEDS, st.integers(0, 9))
def test_what_is_written_together_is_what_is_written_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, trials: list[FrozenTrial], deeds: Any, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    (ours, study), (theirs, other) = opened(folder / "a.db"), opened(folder / "b.db")
    todo = changes(trials, deeds)
    one_by_one = Changing(theirs, other)
    for change in todo:
        one_by_one.make(change, again=False)
    rows = Rows(ours, study, {})
    for part in (todo[:cut], todo[cut:]):
        rows.make(part, [trial_of(c["args"][0]) for c in part if c["do"] == "create_new_trial"])
    assert shown(ours.get_all_trials(study)) == shown(theirs.get_all_trials(other))
    assert ours.get_study_user_attrs(study) == theirs.get_study_user_attrs(other)
    assert shown(every_trial(ours, study)) == shown(ours.get_all_trials(study))


def test_of_changes_that_do_not_fit_none_is_made(tmp_path: Path) -> None:
    storage, study = opened(tmp_path / "a.db")
    made = optuna.trial.create_trial(state=TrialState.RUNNING)
    new = {"do": "create_new_trial", "number": 0, "args": [plain_trial(made)]}
    attr = {"do": "set_trial_user_attr", "number": 0, "args": ["a", 1]}
    end = {"do": "set_trial_state_values", "number": 0, "args": [int(TrialState.FAIL), None]}
    rows = Rows(storage, study, {})
    rows.make([new], [made])
    before = shown(every_trial(storage, study))
    for wrong in ([attr, new], [end, attr], [{**attr, "number": 7}]):
        with pytest.raises(Unsure):
            rows.make(wrong, [made] * wrong.count(new))
        assert shown(every_trial(storage, study)) == before
    rows.make([end], [])
    with pytest.raises(Unsure, match="has ended"):
        rows.make([attr], [])


def test_a_range_of_another_kind_is_refused_as_optuna_refuses_it(tmp_path: Path) -> None:
    storage, study = opened(tmp_path / "a.db")
    one = optuna.trial.create_trial(
        state=TrialState.RUNNING, params={"x": "a"},
        distributions={"x": CategoricalDistribution(["a", "b"])},
    )  # fmt: skip
    other = optuna.trial.create_trial(
        state=TrialState.RUNNING, params={"x": "a"},
        distributions={"x": CategoricalDistribution(["a", "c"])},
    )  # fmt: skip
    Rows(storage, study, {}).create(one, 0)
    with pytest.raises(ValueError, match="does not support dynamic value space"):
        Rows(storage, study, {}).create(other, 1)
    assert len(every_trial(storage, study)) == 1


def test_another_kind_of_storage_is_read_by_its_own_means() -> None:
    storage = InMemoryStorage()
    study = storage.create_new_study([StudyDirection.MINIMIZE], "s")
    storage.create_new_trial(study)
    assert shown(every_trial(storage, study)) == shown(storage.get_all_trials(study))
