"""A direction has one home, and what nobody knows is never guessed."""

import ast
import dataclasses
import inspect
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import BadInput, Monitor, Objective, Source
from objectives.monitor import MAXIMISED, MINIMISED, MODES, TWO_SENSES, _in_snake_case
from objectives.training import Best, UnknownMonitor
from sweeps.export.config import Exported, Training, read, write
from sweeps.export.model import spec_of
from sweeps.study.settings import Settings
from tests.scripted import SWEEP, Toy, build, load

ROOT = Path(__file__).parents[2]
MODE = {"up": "max", "down": "min"}
OPPOSITE = {"min": "max", "max": "min"}


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("val_loss", "min"),
        ("val_poisson", "min"),
        ("val_hinge", "min"),
        ("val_squared_hinge", "min"),
        ("val_logcosh", "min"),
        ("val_mape", "min"),
        ("val_MSE", "min"),
        ("val_MeanSquaredError", "min"),
        ("val_acc", "max"),
        ("val_auc_1", "max"),
        ("val_pr_auc", "max"),
        ("val_top_k_categorical_accuracy", "max"),
        ("val_Left_mae", "min"),
        ("val_left_loss", "min"),
        ("val_left_binary_accuracy", "max"),
    ],
)
def test_the_direction_is_what_keras_says(name: str, mode: str) -> None:
    assert Monitor.of(name).mode == mode


OWN_NAMES = (
    "perplexity", "nll", "wer", "fpr", "gain", "power", "false_positives", "mean", "neg_mse",
    "minus_loss", "neg_mean_squared_error", "log_likelihood",
)  # fmt: skip


@pytest.mark.parametrize("name", [*OWN_NAMES, *sorted(TWO_SENSES)])
def test_a_name_that_nobody_can_know_is_refused_until_its_mode_is_said(name: str) -> None:
    with pytest.raises(BadInput, match=rf"'val_{name}'.*mode"):
        Monitor.of(f"val_{name}")
    assert [Monitor.of(f"val_{name}", mode).mode for mode in MODES] == list(MODES)


def test_a_misspelt_name_is_told_its_neighbour() -> None:
    with pytest.raises(BadInput, match=r"'val_los'.*did you mean 'val_loss'"):
        Monitor.of("val_los")


def test_a_wrong_mode_is_refused() -> None:
    with pytest.raises(BadInput, match=r"'down'.*'min'"):
        Monitor.of("val_loss", "down")  # type: ignore[arg-type]


@given(st.sampled_from(MODES), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_all_that_a_direction_says_agrees(mode: Any, one: float, other: float) -> None:
    monitor, turned = Monitor("v", mode), Monitor("v", OPPOSITE[mode])  # type: ignore[arg-type]
    assert monitor.better(one, other) == turned.better(other, one)
    assert monitor.better(one, other) == (monitor.sign * one < monitor.sign * other)
    assert not monitor.better(monitor.worst, one)
    assert not monitor.better(math.nan, one)
    assert Monitor.directed("v", monitor.direction.upper()) == monitor


def test_a_metric_of_an_output_wants_the_output_to_be_there() -> None:
    best = Best(Monitor.of("val_left_mae"))
    assert best.update(1, {"left_loss": 1.0, "val_left_mae": 2.0})
    with pytest.raises(UnknownMonitor, match=r"'val_own_mse'.*mode"):
        Best(Monitor.of("val_own_mse")).update(1, {"loss": 1.0, "val_own_mse": 2.0})
    assert Best(Monitor.of("val_own_mse", "max")).update(1, {"loss": 1.0, "val_own_mse": 2.0})


def test_an_option_for_another_monitor_leaves_the_objectives_own_mode() -> None:
    own = Objective(
        load=load, build=build, space=SWEEP.objective.space, monitor="val_gain", mode="max"
    )
    sweep = type(SWEEP)("own", own)

    def judged(**given: Any) -> Monitor:
        return Settings(**given).apply(sweep).objective.judged_by

    assert judged() == Monitor("val_gain", "max")
    assert judged(mode="min") == Monitor("val_gain", "min")
    assert judged(monitor="val_loss") == Monitor("val_loss", "min")
    with pytest.raises(BadInput, match="'val_other'"):
        judged(monitor="val_other")
    assert judged(monitor="val_other", mode="max") == Monitor("val_other", "max")


def test_a_plain_optuna_study_of_the_other_direction_is_refused() -> None:
    objective = dataclasses.replace(SWEEP.objective, monitor="val_auc")
    with pytest.raises(BadInput, match=r"'minimize'.*'val_auc'.*direction='maximize'"):
        optuna.create_study().optimize(objective, n_trials=1)


@pytest.mark.parametrize("mode", [None, *MODES])
def test_a_config_file_keeps_the_mode_that_keras_does_not_know(tmp_path: Path, mode: Any) -> None:
    file = tmp_path / "config.yaml"
    training = Training(3, monitor="val_gain", mode=mode)
    write(Exported("toy", SWEEP.objective.space.baseline, training), file)
    again = read(file, Toy)
    assert again.training == training
    assert ("mode" in file.read_text(encoding="utf-8")) == (mode is not None)
    if mode is None:
        with pytest.raises(BadInput, match="'val_gain'"):
            spec_of(again)
        known = dataclasses.replace(training, monitor="val_auc")
        assert spec_of(dataclasses.replace(again, training=known)).monitor.mode == MODES[1]
    else:
        assert spec_of(again).monitor == Monitor("val_gain", mode)


def words(path: Path) -> Iterator[str]:
    """Yield where a module names a direction."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and node.value in MODES:
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.value!r}"


def test_no_other_module_says_min_or_max() -> None:
    sources = [
        p
        for part in ("objectives", "sweeps", "search_spaces")
        for p in (ROOT / part).rglob("*.py")
    ]
    home = ROOT / "objectives" / "monitor.py"
    memory = "objectives/reading/__init__.py"  # a limit of memory is a number, or "max"
    assert list(words(home)), "the search finds what it looks for"
    found = [w for path in sources if path != home for w in words(path) if memory not in w]
    assert not found, "\n".join(found)


def said_by_keras() -> dict[str, set[str]]:
    """What Keras says of every public loss and metric, by the names that its logs may have."""
    import keras

    said: dict[str, set[str]] = {}
    skipped = {"get", "serialize", "deserialize", "Loss", "Metric", "MeanMetricWrapper"}
    for module in (keras.losses, keras.metrics):
        for name in sorted(set(dir(module)) - skipped):
            one = getattr(module, name)
            if name.startswith("_") or not callable(one):
                continue
            names, modes = {name}, {"min"} if module is keras.losses else set()
            if inspect.isclass(one) and issubclass(one, keras.metrics.Metric):
                made = metric(one)
                names.add(made.name)
                modes = {MODE[made._direction]} if hasattr(made, "_direction") else set()
            for alias in {*names, *map(_in_snake_case, names)}:
                said.setdefault(alias, set()).update(modes)
    return said


def metric(kind: Any) -> Any:
    for given_ in ((), (0.5,), (2,), (2, [0])):
        try:
            return kind(*given_)
        except (TypeError, ValueError):
            continue
    raise AssertionError(f"{kind} cannot be made")


@pytest.mark.slow
def test_the_table_is_what_keras_says_of_all_its_losses_and_metrics() -> None:
    said = said_by_keras()
    assert {"MeanSquaredError", "mean_squared_error", "AUC", "tversky", "Mean"} <= said.keys()
    for name, modes in said.items():
        snake = said.get(_in_snake_case(name), modes) | modes
        if len(snake) == 1 and _in_snake_case(name) not in TWO_SENSES:
            assert {Monitor.of(f"val_{name}").mode} == snake, name
        else:
            with pytest.raises(BadInput):
                Monitor.of(f"val_{name}")


@pytest.mark.slow
def test_the_table_holds_no_name_that_keras_does_not_know() -> None:
    import keras

    said = said_by_keras()
    of_compile = {"loss", "acc", "ce", "crossentropy"}  # which `compile` itself understands
    assert not MAXIMISED - of_compile - said.keys()
    for name in MINIMISED - of_compile - said.keys():
        assert keras.losses.get(name) is not None
    assert said.keys() >= TWO_SENSES


@pytest.mark.parametrize(
    ("name", "extra"), [("val_auc", ("auc",)), ("val_pr_auc", ("pr_auc",)), ("val_loss", ())]
)
def test_a_monitor_brings_the_metric_that_it_needs_where_a_build_takes_it(
    name: str, extra: tuple[str, ...]
) -> None:
    takes: Any = dataclasses.replace(
        SWEEP.objective, build=lambda config, data, metrics=(): metrics
    )
    data = takes.data(Source())
    assert takes.model(None, data, Monitor.of(name)) == extra
    assert takes.build(None, data) == ()
    plain: Any = dataclasses.replace(SWEEP.objective, build=lambda config: "model")
    assert plain.model(None, data, Monitor.of(name)) == "model"
