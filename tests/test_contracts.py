"""Every space, objective and sweep on the disk keeps its contract; there is no list to extend."""

import dataclasses
import importlib
import math
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import objectives
import search_spaces
import sweeps
from objectives import Data, Monitor, Objective, Part, Source
from search_spaces import Dimension, Replay, Space, dimensions
from search_spaces.plateau import Plateau
from sweeps.export.config import Exported, read, write
from tests.drawn import DrawnTrial


def entries(package: ModuleType) -> dict[str, ModuleType]:
    """The public modules of a package, without its folders."""
    return {
        found.name: importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
        if not found.ispkg and not found.name.startswith("_")
    }


SPACES = {name: m.SPACE for name, m in entries(search_spaces).items() if hasattr(m, "SPACE")}
SHARED = {name: m for name, m in entries(search_spaces).items() if not hasattr(m, "SPACE")}
BUILDING = {name: m for name, m in entries(objectives).items() if hasattr(m, "build")}
OBJECTIVES = {name: getattr(m, name.upper(), None) for name, m in BUILDING.items()}
SWEEPS = {name: getattr(m, "SWEEP", None) for name, m in entries(sweeps).items()}


def each(found: dict[str, Any]) -> pytest.MarkDecorator:
    assert len(found) > 1
    return pytest.mark.parametrize("name", sorted(found))


@each(SPACES)
def test_a_space_has_a_baseline_within_its_own_bounds(name: str, tmp_path: Path) -> None:
    space = SPACES[name]
    assert isinstance(space, Space)
    kind = type(space.baseline)
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert space.suggest(Replay(space.params(space.baseline))) == space.baseline
    write(Exported(name, space.baseline), tmp_path / "config.yaml")
    assert read(tmp_path / "config.yaml", kind).config == space.baseline


@each(SPACES)
@settings(deadline=None)
@given(data=st.data())
def test_params_and_suggest_are_inverse(name: str, data: st.DataObject) -> None:
    space, trial = SPACES[name], DrawnTrial(data.draw)
    config = space.suggest(trial)
    params = space.params(config)
    assert params == trial.params
    assert list(params) == list(dict.fromkeys(params))
    assert space.suggest(Replay(params)) == config
    assert hash(config) == hash(space.suggest(Replay(params)))


@each(SPACES)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_what_a_space_samples_is_within_the_bounds_of_its_config(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = SPACES[name].suggest(DrawnTrial(data.draw))
    path = tmp_path_factory.getbasetemp() / f"{name}.json"
    write(Exported(name, config), path)
    assert read(path, type(config)).config == config


@each(SPACES)
@settings(deadline=None)
@given(data=st.data())
def test_dimensions_are_all_that_a_space_asks_for(name: str, data: st.DataObject) -> None:
    trial = DrawnTrial(data.draw)
    SPACES[name].suggest(trial)
    known = dimensions(SPACES[name].suggest)
    assert trial.dimensions.items() <= known.items()
    assert known.keys() >= SPACES[name].params(SPACES[name].baseline).keys()


@each(SPACES)
def test_every_dimension_can_be_reached_and_varied(name: str) -> None:
    for dimension in dimensions(SPACES[name].suggest).values():
        check(dimension)


def check(dimension: Dimension) -> None:
    if dimension.choices is not None:
        assert len(set(dimension.choices)) == len(dimension.choices) > 0
        return
    assert dimension.low is not None
    assert dimension.high is not None
    assert -math.inf < dimension.low <= dimension.high < math.inf
    assert dimension.low > 0 or not dimension.log


@each(SPACES)
@settings(deadline=None)
@given(data=st.data())
def test_a_label_fits_a_list(name: str, data: st.DataObject) -> None:
    label = SPACES[name].label(SPACES[name].suggest(DrawnTrial(data.draw)))
    assert 0 < len(f"017 {label}") <= 22  # where MLflow's list of runs cuts names
    assert label == label.strip()
    assert len(label.splitlines()) == 1


@each(SHARED)
@settings(deadline=None)
@given(data=st.data())
def test_a_shared_piece_of_spaces_is_inverse_too(name: str, data: st.DataObject) -> None:
    piece, trial = SHARED[name], DrawnTrial(data.draw)
    config = piece.suggest(trial)
    assert piece.params(config) == trial.params
    assert piece.suggest(Replay(trial.params)) == config


@each(OBJECTIVES)
def test_an_objective_says_how_it_is_judged(name: str) -> None:
    objective = OBJECTIVES[name]
    assert isinstance(objective, Objective), f"objectives/{name}.py has no {name.upper()}"
    assert any(objective.space is space for space in SPACES.values())
    assert objective.monitor.startswith("val_"), "decisions are made by validation"
    assert objective.judged_by == Monitor.of(objective.monitor), "Keras says the same"
    assert objective.max_epochs >= 1
    assert objective.batch(objective.space.baseline) >= 1


@each(OBJECTIVES)
def test_embedded_data_are_the_same_every_time(name: str, tmp_path: Path) -> None:
    objective = OBJECTIVES[name]
    data = objective.data(Source())
    assert data.source.name == "embedded"
    assert data.digest == objective.data(Source()).digest
    assert same(data, reopened(data, tmp_path))
    for part in (data.train, data.validation, data.test):
        assert len(part) == len(part.x) > 0
        assert np.isfinite(part.x).all()
        assert part.x.dtype == np.float32
        assert part.x.shape[1:] == data.train.x.shape[1:]


@each(OBJECTIVES)
def test_the_parts_of_embedded_data_are_drawn_apart(name: str) -> None:
    data = OBJECTIVES[name].data(Source())
    if data.train.x[0].size < 10:
        assert data.train.x.std() > 0  # rows of few small numbers repeat by chance
        return
    rows = np.concatenate([part.x for part in (data.train, data.validation, data.test)])
    assert len(np.unique(rows, axis=0)) == len(rows)


@settings(deadline=None, max_examples=30)
@given(
    rows=st.lists(st.integers(1, 5), min_size=3, max_size=3),
    shape=st.lists(st.integers(1, 3), max_size=2),
    kind=st.sampled_from(["<f4", "<f8", "<i4"]),
    weighted=st.booleans(),
    class_weight=st.none() | st.dictionaries(st.integers(0, 9), st.floats(0.1, 10)),
    details=st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4)),
)
def test_data_are_the_same_when_opened_again(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[int],
    shape: list[int],
    kind: str,
    weighted: bool,
    **plain: Any,
) -> None:
    rng = np.random.default_rng(0)
    parts = [
        Part(
            rng.normal(0, 9, (n, *shape)).astype(kind),
            rng.integers(0, 3, n),
            rng.random(n) if weighted else None,
        )
        for n in rows
    ]
    data = Data(*parts, **plain)
    assert data.shape == (sum(rows), *shape)
    assert same(data, reopened(data, tmp_path_factory.mktemp("data")))


def reopened(data: Data, folder: Path) -> Data:
    data.save(folder)
    return Data.open(folder)


def same(a: Data, b: Data) -> bool:
    plain = ("source", "digest", "class_weight", "details", "preprocessing")
    assert objectives.digest(b) == a.digest
    assert [getattr(a, key) for key in plain] == [getattr(b, key) for key in plain]
    return True


@each(OBJECTIVES)
@pytest.mark.slow
def test_build_gives_a_compiled_model_that_reports_what_is_monitored(name: str) -> None:
    import keras

    from objectives.training import Decision, Outcome, TrialSpec, here

    objective = OBJECTIVES[name]
    data = small(objective.data(Source()))
    model = objective.build(objective.space.baseline, data)
    assert isinstance(model, keras.Model)
    assert model.compiled
    assert model(data.test.x[:3]).shape[0] == 3
    again = keras.models.clone_model(model)
    assert again.count_params() == model.count_params() > 0
    if objective.callbacks is not None:
        config = dataclasses.replace(objective.space.baseline, plateau=Plateau())
        first, second = (objective.fresh_callbacks(config, objective.judged_by) for _ in range(2))
        assert first
        assert not {id(callback) for callback in first} & {id(callback) for callback in second}
    spec = TrialSpec(0, objective.space.baseline, 1, 1, objective.judged_by)
    seen: dict[str, float] = {}

    def on_epoch(_: TrialSpec, epoch: int, logs: dict[str, float]) -> Decision:
        seen.update(logs)
        return Decision.CONTINUE

    trainer = here(objective, data, "fit")
    (result,) = trainer.train(iter([spec]), on_epoch)
    assert result.outcome is Outcome.COMPLETE, result.error
    assert result.value == seen[objective.monitor]
    assert math.isfinite(result.value)


def small(data: Data) -> Data:
    """The first rows of every part."""

    def head(part: Part) -> Part:
        weight = None if part.sample_weight is None else part.sample_weight[:64]
        return Part(part.x[:64], part.y[:64], weight)

    parts = {name: head(getattr(data, name)) for name in objectives.PARTS}
    return dataclasses.replace(data, digest="", **parts)


@each(SWEEPS)
def test_a_sweep_is_named_as_its_file_and_explains_itself(name: str) -> None:
    sweep = SWEEPS[name]
    assert isinstance(sweep, sweeps.Sweep), f"sweeps/{name}.py has no SWEEP"
    assert sweep.name == name
    assert 10 < len(sweep.help) <= 88
    assert sweep.help.endswith(".")
    assert sweep.n_trials >= 1
    assert sweep.objective is OBJECTIVES[name], "a sweep is one file in each package"
    rungs = sweep.pruner.rungs(sweep.objective.max_epochs)
    assert list(rungs) == sorted(set(rungs))
    assert all(1 <= rung < sweep.objective.max_epochs for rung in rungs)
    assert rungs or sweep.pruner.kind == "none"


def test_every_objective_has_its_sweep() -> None:
    assert SWEEPS.keys() == OBJECTIVES.keys()
