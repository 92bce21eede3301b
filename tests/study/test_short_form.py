"""Studies of `build(trial)`: their first trial, choices of any kind, notes and refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Data, Objective, Source
from search_spaces import Space, dimensions, plain
from sweeps.cli.frames import trials_frame
from sweeps.cli.text import baseline_text
from sweeps.export.config import Exported, Training, read, write
from sweeps.study.session import opened
from sweeps.study.settings import Settings
from sweeps.study.summary import summarise
from sweeps.study.sweep import Sweep
from sweeps.tracking import NoTracker
from tests.scripted import Scripted, load
from tests.study.test_loop import Watching

LAYERS = ([4, 2], (8, 4), {"units": (16,)})


def build(trial: Any) -> None:
    layers = trial.suggest_categorical("layers", LAYERS)
    assert any(layers is choice for choice in LAYERS)
    trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    size = trial.suggest_int("size", 0, 10)
    trial.set_user_attr("twice", 2 * size)


def run(folder: Path, build: Callable[[Any], None] = build, **options: Any) -> Any:
    settings = {"trials": 14, **options.pop("settings", {})}
    sweep = Sweep("short", Objective(load=load, build=build, max_epochs=4, **options))  # type: ignore[arg-type]
    trainer = Scripted(lambda spec, epoch: spec.config["learning_rate"] / epoch)
    trainer.rate = lambda spec, epoch: 0.1
    return opened(
        sweep,
        Settings(folder=folder, **settings),
        lambda *_: trainer,
        lambda *_: NoTracker(),
    )


def test_choices_of_any_kind_can_be_read_again(tmp_path: Path) -> None:
    with run(tmp_path) as study:
        study.loop(Watching()).run()
        frame = trials_frame(study)
    with run(tmp_path, settings={"trials": 20}) as again:
        again.loop(Watching()).run()
        assert summarise(again).importances.shares
        whole = trials_frame(again)
    assert whole.iloc[:14].equals(frame)
    assert {str(cell) for cell in whole.params_layers} == {"[4, 2]", "[8, 4]", "{'units': [16]}"}
    assert (whole.user_attrs_twice == 2 * whole.params_size).all()


@pytest.mark.parametrize("layers", LAYERS)
def test_choices_of_any_kind_are_tried_again_from_a_config(tmp_path: Path, layers: Any) -> None:
    objective: Objective[Any] = Objective(load=load, build=build)  # type: ignore[arg-type]
    config = {"layers": plain(layers), "learning_rate": 1e-3, "size": 4}
    for name in ("config.yaml", "config.json"):
        write(Exported(sweep="short", config=config, training=Training(4)), tmp_path / name)
        found = read(tmp_path / name, dict, "short").config
        assert found == config
        objective.build(found, None)  # finds the choice itself, and fails without


@pytest.mark.parametrize("given", ["layers=[8, 4]", "layers=(8, 4)"])
def test_a_list_can_be_fixed(tmp_path: Path, given: str) -> None:
    with run(tmp_path, settings={"fix": (given,), "trials": 4}) as study:
        study.loop(Watching()).run()
        assert [t.params["layers"] for t in study.store.ended()[1:]] == [[8, 4]] * 3
    with run(tmp_path / "b", settings={"ranges": ("layers=[8,4],[4,2]",)}) as study:
        assert study.store.ranges["layers"].choices == ((8, 4), [4, 2])


def test_the_baseline_is_the_middle_or_as_given_and_said_to_be(tmp_path: Path) -> None:
    with run(tmp_path / "a", settings={"trials": 1}) as study:
        study.loop(Watching()).run()
        (first,) = study.store.ended()
        (text,) = baseline_text(study.store.space, study.store.first())
    assert first.params == {"layers": [4, 2], "learning_rate": pytest.approx(1e-3), "size": 5}
    assert text.startswith(
        "baseline: the middle of each range and the first choice: layers=[4, 2]"
    )
    chosen = {"size": 7, "layers": (8, 4)}
    with run(tmp_path / "b", baseline=chosen, settings={"trials": 1}) as study:
        study.loop(Watching()).run()
        (first,) = study.store.ended()
        (text,) = baseline_text(study.store.space, study.store.first())
        assert "first choice, but size, layers as given: " in text
    assert first.params == {"layers": [8, 4], "learning_rate": pytest.approx(1e-3), "size": 7}


def sized(trial: Any, data: Data) -> int:
    trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    return int(trial.suggest_int("size", 1, data.train.x.shape[1]))


def test_a_build_may_look_at_the_data_that_a_study_is_on(tmp_path: Path) -> None:
    wide = Source(arrays=(np.arange(180.0).reshape(20, 9), np.arange(20) % 2))
    sizes = {}
    for name, source in (("embedded", None), ("wide", wide)):
        with run(tmp_path, sized, settings={"study": name, "source": source}) as study:
            study.loop(Watching()).run()
            sizes[name] = [t.params["size"] for t in study.store.ended()]
            first = study.store.config(study.store.ended()[0].params)
            assert study.sweep.objective.build(first, study.data) == sizes[name][0]
            assert study.space["size"].high == study.data.train.x.shape[1]
    assert max(sizes["embedded"]) == 2 < max(sizes["wide"])
    with run(tmp_path, sized, settings={"source": wide, "fix": ("size=9",)}) as s:
        assert s.store.ranges["size"].high == 9
    known = dimensions(Objective(load=load, build=sized).space.suggest)  # type: ignore[arg-type]
    assert known["size"].high == 2


def test_a_build_of_a_config_may_do_without_the_data() -> None:
    space = Space(lambda trial: {"size": trial.suggest_int("size", 1, 9)}, {"size": 3})
    alone: Any = Objective(load=load, build=lambda config: config["size"], space=space)
    assert alone.build({"size": 4}, load(Source())) == 4


@pytest.mark.parametrize(
    ("baseline", "named"),
    [
        ({"sise": 3}, "no parameter 'sise'; did you mean 'size'"),
        ({"size": 11}, "size is 11, and the sweep takes 0 to 10"),
        ({"size": "5"}, "size is '5'"),
        ({"layers": (4,)}, r"layers is \(4,\)"),
    ],
)
def test_a_baseline_that_the_space_does_not_have_is_refused(
    tmp_path: Path, baseline: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadInput, match=named), run(tmp_path, baseline=baseline) as study:
        study.loop(Watching()).run()


@pytest.mark.parametrize("key", ["seed", "role"])
def test_a_note_of_the_sweeps_own_name_is_refused(tmp_path: Path, key: str) -> None:
    def noting(trial: Any) -> None:
        trial.suggest_float("learning_rate", 0.1, 1.0)
        trial.set_user_attr(key, 1)

    with (
        run(tmp_path, noting) as study,
        pytest.raises(BadInput, match=f"the sweep keeps its own '{key}' there"),
    ):
        study.loop(Watching()).run()


def test_names_of_the_users_and_ours_cannot_meet(tmp_path: Path) -> None:
    names = ("value", "epochs", "number", "role", "label", "seed", "outcome")

    def build(trial: Any) -> None:
        trial.suggest_float("learning_rate", 0.1, 1.0)
        for name in names:
            trial.suggest_int(name, 100, 200)

    with run(tmp_path, build, settings={"trials": 3}) as study:
        study.loop(Watching()).run()
        frame, ended = trials_frame(study), study.store.ended()
    assert list(frame.index) == [0, 1, 2]
    assert frame.columns.is_unique
    assert frame.value.tolist() == [t.value for t in ended]
    assert set(frame.epochs) <= {1, 2, 3, 4}
    for name in names:
        assert frame[f"params_{name}"].tolist() == [t.params[name] for t in ended]
