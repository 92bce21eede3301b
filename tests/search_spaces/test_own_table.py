"""The space of a user's own table: its portfolio, and what a linear model is asked for."""

import dataclasses
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import Data, Part, Source
from objectives.dense_binary import DENSE_BINARY
from search_spaces import Dimension, Replay, dense, dimensions, own_table, plain
from sweeps.explain.changes import Reference, catalogue
from sweeps.explain.experiment import idle
from sweeps.export.config import Exported, read, write
from sweeps.study.session import Session, opened
from sweeps.study.settings import Settings
from sweeps.study.sweep import Sweep
from sweeps.tracking import NoTracker
from tests.drawn import DrawnTrial
from tests.scripted import Scripted
from tests.study.test_loop import Watching

TASKS = ("binary", "multiclass", "regression")
SWEEP = Sweep("own", DENSE_BINARY, n_trials=8)


def study(folder: Path, trainer: Any = None, *, reading: bool = False, **given: Any) -> Any:
    x = np.random.default_rng(0).normal(size=(200, 3))
    source = Source(arrays=(x, (x[:, 0] > 0).astype(int)))
    asked = Settings(**{"folder": folder, "source": source, "max_epochs": 3, **given})
    script = Scripted(lambda spec, epoch: 1.0 / epoch)
    script.rate = lambda spec, epoch: spec.config.optimizer.learning_rate
    make = lambda *_: trainer or script  # noqa: E731
    return opened(SWEEP, asked, make, lambda *_: NoTracker(), reading=reading)


def trained(session: Session) -> list[tuple[str, dict[str, Any]]]:
    session.loop(Watching()).run()
    return [(t.role, dict(t.params)) for t in session.store.ended()]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("rows", [1, 40, 5_000, 10_000_000])
@pytest.mark.parametrize("columns", [0, 5, 5_000])
def test_a_portfolio_lies_in_its_own_space(
    task: str, rows: int, columns: int, tmp_path: Path
) -> None:
    space = own_table.space(task, rows, columns)
    every = [space.baseline, *space.portfolio]
    assert len(set(every)) == len(every) > 1
    assert any(config.bins for config in every) == (columns < 1000)  # a wide net is slow with them
    assert space.starts({}) == [space.params(config) for config in space.portfolio]
    for config in every:
        assert space.suggest(Replay(space.params(config))) == config
        assert config.batch_size in (dimensions(space.suggest)["batch_size"].choices or ())
        write(Exported("own", config), tmp_path / "config.yaml")
        assert read(tmp_path / "config.yaml", type(config)).config == config


@given(data=st.data())
@settings(deadline=None)
def test_a_linear_model_has_no_layers_to_sample(data: st.DataObject) -> None:
    space, trial = own_table.space("binary", 1000, 10), DrawnTrial(data.draw)
    config = space.suggest(trial)
    assert space.params(config) == trial.params
    assert bool(config.depth) == ("width" in trial.params) == ("dropout" in trial.params)
    assert 0 < len(f"017 {space.label(config)}") <= 22
    assert space.label(config).startswith("linear") == (config.depth == 0)


def test_a_search_on_own_data_begins_with_the_portfolio(tmp_path: Path) -> None:
    with study(tmp_path) as session:
        space = session.store.space
        found = trained(session)
    known = [plain(space.params(config)) for config in (space.baseline, *space.portfolio)]
    assert [params for _, params in found[: len(known)]] == known
    roles = ["baseline", *["portfolio"] * len(space.portfolio)]
    assert [role for role, _ in found] == [*roles, *["trial"] * (8 - len(roles))]


def test_a_tried_config_delays_the_portfolio_and_a_resumed_study_goes_on(tmp_path: Path) -> None:
    with study(tmp_path / "a", trials=2) as session:
        trained(session)
        tried = {**session.store.space.params(session.store.space.baseline), "learning_rate": 0.05}
    with study(tmp_path / "a", trials=8, queue=(tried,)) as session:
        found = trained(session)
        members = session.store.starts
    assert found[2] == ("tried", tried)
    assert [params for role, params in found if role == "portfolio"] == members


@pytest.mark.parametrize("space", [dense.SPACE, own_table.space("binary", 1000, 10)])
def test_a_config_with_bins_or_without_stays_itself(space: Any) -> None:
    for bins in (0, 8, 16):
        config = dataclasses.replace(dense.BASELINE, bins=bins)
        assert space.config(space.params(config)) == config
    before = space.params(dense.BASELINE)
    del before["bins"]  # as a study of an earlier version has it
    assert space.config(before) == dense.BASELINE


def test_a_study_from_before_there_were_bins_is_read_and_goes_on(tmp_path: Path) -> None:
    with study(tmp_path, trials=2, ranges=("bins=0",)) as session:
        trained(session)
    with sqlite3.connect(tmp_path / "optuna.db") as store:
        store.execute("DELETE FROM trial_params WHERE param_name = 'bins'")
        for table in ("trial_user_attributes", "study_user_attributes"):
            for word in ('"bins": 0, ', '"bins": "0", '):
                change = f"UPDATE {table} SET value_json = replace(value_json, ?, '')"
                store.execute(change, (word,))
    with study(tmp_path, reading=True) as session:
        found = session.store.ended()
        assert ["bins" in trial.params for trial in found] == [False, False]
        assert [session.store.config(trial.params).bins for trial in found] == [0, 0]
    with study(tmp_path, trials=8) as session:
        assert len(trained(session)) == 8


def test_the_embedded_data_keep_their_own_space() -> None:
    x = np.zeros((3, 1), np.float32)
    embedded = Data(Part(x, x), Part(x, x), Part(x, x), source=Source())
    assert DENSE_BINARY.on(embedded) is DENSE_BINARY


NARROWED = {
    "learning_rate=3e-2:5e-2": ("learning_rate", 3e-2, 5e-2),
    "dropout=0.1:0.2": ("dropout", 0.1, 0.2),
    "width=32,64": ("width", 32, 64),
    "depth=1:1": ("depth", 1, 1),
}


@pytest.mark.parametrize("text", NARROWED)
def test_the_portfolio_moves_into_narrowed_ranges(tmp_path: Path, text: str) -> None:
    name, low, high = NARROWED[text]
    with study(tmp_path, ranges=(text,), trials=5) as session:
        space, starts = session.store.space, session.store.starts
        found = trained(session)
    assert found[0] == ("baseline", plain(space.params(space.baseline)))  # as it is
    members = [params for role, params in found if role == "portfolio"]
    assert members == starts
    assert members, "some are left"
    assert all(low <= params[name] <= high for params in members if name in params)
    whole = [space.params(config) for config in space.portfolio]
    kept = [params for params in whole if low <= params.get(name, low) <= high]
    if name != "depth":
        assert all(params in members for params in kept)
        assert len(members) == len(whole)


def test_what_a_fixed_value_makes_equal_or_incomplete_is_left_out() -> None:
    space = own_table.space("binary", 1000, 10)
    width = Dimension("categorical", choices=(40,))
    linear = dataclasses.replace(space.baseline, depth=0)
    whole = dataclasses.replace(space, portfolio=(linear, *space.portfolio))
    assert whole.starts({})[0] == space.params(linear)
    deep = whole.starts({"depth": Dimension("int", 2, 2), "width": width})
    assert all(params["depth"] == 2 and params["width"] == 40 for params in deep)
    assert len(deep) <= len(space.portfolio)
    flat = space.starts({"depth": Dimension("int", 0, 0)})
    assert all("width" not in params for params in flat)
    assert len({str(params) for params in flat}) == len(flat)


def test_the_portfolio_is_not_pruned_but_may_run_out_of_patience(tmp_path: Path) -> None:
    patience = {}

    def script(spec: Any, epoch: int) -> float:
        patience[spec.number] = spec.patience
        return 1.0 + spec.number + 1.0 / epoch

    trainer = Scripted(script)
    trainer.rate = lambda spec, epoch: spec.config.optimizer.learning_rate
    with study(tmp_path, trainer, max_epochs=20, patience=6) as session:
        session.loop(Watching()).run()
        ended = session.store.ended()
        count = 1 + len(session.store.starts)
    assert {t.outcome for t in ended[:count]} == {"complete"}
    assert {t.outcome for t in ended[count:]} == {"pruned"}
    assert [patience[number] for number in range(8)] == [0, *[6] * 7]


def test_explain_does_not_change_what_a_linear_model_lacks() -> None:
    space = own_table.space("binary", 1000, 10)
    flat = dataclasses.replace(space.baseline, depth=0)
    probes = catalogue(Reference("flat", flat, 0, 20, rows=1000, batch=32))
    left = {probe.name for probe in probes if idle(probe, space)}
    assert {"wider", "narrower", "dropout"} <= left
    assert not {"deeper", "rate_x3", "weight_decay", "plateau_off", "longer"} & left
    net = catalogue(Reference("net", space.baseline, 0, 20, rows=1000, batch=32))
    assert not any(idle(probe, space) for probe in net)
