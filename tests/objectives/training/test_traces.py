"""Traces kept on disk: the same curves, no tracing, and none where code may change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from objectives.training import Trainer
from tests.objectives.training.conformance import spec, train
from tests.objectives.training.small_objective import SMALL, Small, data

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
CONFIGS = (
    Small(),
    Small(normalised=True, auc=True, dropout=0.2),
    Small(optimizer="sgd", momentum=0.5, l2=0.01, clipnorm=0.1, schedule=True),
    Small(net="lstm"),
)
CHILD = """
from objectives.training.environment import prepare_environment
prepare_environment(threads=1, device="cpu")
import json
from tests.objectives.training import test_traces as t
found = [t.train(t.compiled(), t.spec(config), t.spec(config, 1, seed=7)) for config in t.CONFIGS]
print("found:", json.dumps([t.traces(), [curves for _, curves in found]]))
"""


def compiled() -> Trainer:
    from objectives.training.compiled import CompiledTrainer

    return CompiledTrainer(SMALL, data())


def traces() -> int:
    from objectives.training.program import Program

    return Program.traces


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "keras-sweeps" / "traces"


@pytest.fixture
def trained(folder: Path) -> tuple[Path, Any]:
    """A trace that was kept, and the curve of the program that was traced."""
    _, curves = train(compiled(), spec())
    (file,) = folder.iterdir()
    return file, curves


def test_another_process_traces_nothing_and_trains_alike(tmp_path: Path) -> None:
    """In a cache folder whose name has what would end a flag of XLA."""
    cache = tmp_path / 'Jane "J" Doe\\s'
    bare = {k: v for k, v in os.environ.items() if k != "TF_XLA_FLAGS"}  # set by other tests

    def child() -> Any:
        run = subprocess.run(
            [sys.executable, "-c", CHILD],
            env=bare | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)},
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(run.stdout.partition("found:")[2])

    count, curves = child()
    assert count == len(CONFIGS)
    programs = set((cache / "keras-sweeps" / "xla").iterdir())
    assert len(programs) >= len(CONFIGS)
    assert child() == [0, curves]
    assert set((cache / "keras-sweeps" / "xla").iterdir()) == programs


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", None], ids=repr)
def test_a_broken_trace_is_made_again(trained: tuple[Path, Any], content: bytes | None) -> None:
    file, curves = trained
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    before = traces()
    assert train(compiled(), spec())[1] == curves
    assert traces() == before + 1
    assert train(compiled(), spec())[1] == curves
    assert traces() == before + 1


def test_a_trace_of_a_model_whose_logs_have_other_names_is_anothers(
    trained: tuple[Path, Any],
) -> None:
    import tensorflow as tf

    from objectives.training.traces import Trace

    file, _ = trained
    state = [tf.Variable(0.0) for _ in range(50)]
    found = Trace.read(file, state, {"loss", "accuracy"})
    assert found is not None
    assert found.logs == (["accuracy", "loss"], ["accuracy", "loss"])
    assert Trace.read(file, state, {"loss", "dense_7_accuracy"}) is None
    assert Trace.read(file, state[:3], {"loss", "accuracy"}) is None


def test_a_cache_that_cannot_be_written_is_done_without(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("in the way")
    (result,), _ = train(compiled(), spec())
    assert result.fallback is None


@pytest.fixture
def other_epsilon() -> Iterator[None]:
    own = keras.config.epsilon()
    keras.config.set_epsilon(1e-3)
    yield
    keras.config.set_epsilon(own)


def test_another_setting_of_keras_is_another_trace(
    trained: tuple[Path, Any], other_epsilon: None
) -> None:
    file, _ = trained
    before = traces()
    train(compiled(), spec())
    assert traces() == before + 1
    assert len(list(file.parent.iterdir())) == 2


@keras.saving.register_keras_serializable()
def mine(x: Any) -> Any:
    return keras.ops.relu(x)


class Mine(keras.layers.Dense):
    pass


class Sum(keras.metrics.Mean):
    pass


class Limit(keras.constraints.Constraint):
    def __call__(self, weights: Any) -> Any:
        return weights


class Adam(keras.optimizers.Adam):
    pass


class Net(keras.Sequential):
    pass


def wrapped() -> Any:
    return keras.layers.Bidirectional(keras.layers.LSTM(2, activation=mine))


def model(
    *layers: Any, loss: Any = "mse", optimizer: Any = "adam", kind: Any = None, **more: Any
) -> Any:
    found = (kind or keras.Sequential)([keras.Input((3,)), *layers, keras.layers.Dense(1)])
    found.compile(optimizer, loss, **more)
    return found


def test_models_of_keras_alone_are_kept_and_no_others() -> None:
    from objectives.training.structure import portable

    dense, reshape = keras.layers.Dense, keras.layers.Reshape
    inner = keras.Sequential([keras.Input((3,)), dense(2, activation="relu")])
    for kept in (
        model(dense(2, "relu", kernel_regularizer="l2", kernel_constraint="non_neg")),
        model(reshape((3, 1)), keras.layers.Bidirectional(keras.layers.LSTM(2))),
        model(keras.layers.Normalization(mean=0.0, variance=1.0), keras.layers.Dropout(0.5)),
        model(inner, metrics=["mae", keras.metrics.AUC()], loss=keras.losses.Huber()),
        model(optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 9))),
    ):
        assert portable(kept)
    for own in (
        model(dense(2, mine)),
        model(dense(2, kernel_constraint=Limit())),
        model(Mine(2)),
        model(keras.layers.Lambda(mine)),
        model(reshape((3, 1)), wrapped()),
        model(keras.Sequential([keras.Input((3,)), dense(2, mine)])),
        model(loss=lambda y, p: keras.ops.mean(y - p)),
        model(metrics=[Sum()]),
        model(metrics=[mine]),
        model(optimizer=Adam()),
        model(kind=Net),
    ):
        assert not portable(own)
