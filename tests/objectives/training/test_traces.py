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
    Small(normalized=True, auc=True, dropout=0.2),
    Small(optimizer="sgd", momentum=0.5, l2=0.01, clipnorm=0.1, schedule=True),
    Small(net="lstm"),
)
CHILD = """
from objectives.training.environment import prepare_environment
prepare_environment(threads=1, device="cpu")
import json
from tests.objectives.training import test_traces as t
traces = t.counted(setattr)
found = [t.train(t.compiled(), t.spec(config), t.spec(config, 1, seed=7)) for config in t.CONFIGS]
print("found:", json.dumps([len(traces), [curves for _, curves in found]]))
"""


def compiled() -> Trainer:
    from objectives.training.compiled import CompiledTrainer

    return CompiledTrainer(SMALL, data(), "xla")


def counted(put: Any) -> list[Any]:
    """Return a list that gets an entry for every tracing from now on."""
    from objectives.training import epoch, tracing

    found: list[Any] = []

    def trace(*given: Any) -> Any:
        found.append(given)
        return epoch.trace(*given)

    put(tracing, "trace", trace)
    return found


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return counted(monkeypatch.setattr)


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
    programs = set((cache / "keras-sweeps" / "xla").glob("*/*"))
    assert len(programs) >= len(CONFIGS)
    assert child() == [0, curves]
    assert set((cache / "keras-sweeps" / "xla").glob("*/*")) == programs


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", None], ids=repr)
def test_a_broken_trace_is_made_again(
    trained: tuple[Path, Any], content: bytes | None, traces: list[Any]
) -> None:
    file, curves = trained
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert train(compiled(), spec())[1] == curves
    assert len(traces) == 1
    assert train(compiled(), spec())[1] == curves
    assert len(traces) == 1


def test_a_kept_trace_takes_the_variables_of_any_model_of_its_structure(
    trained: tuple[Path, Any],
) -> None:
    import tensorflow as tf

    from objectives.training.traces import Trace

    file, _ = trained
    found = Trace.read(file)
    assert found is not None
    assert found.names == (["accuracy", "loss"], ["accuracy", "loss"])
    state = [tf.Variable(0.0) for _ in range(50)]
    assert [id(v) for v in found.of(state).state] == [
        id(state[place]) for place in dict.fromkeys(found.places or ())
    ]
    assert Trace.read(file.with_name("absent.npz")) is None


def test_a_trace_that_captures_more_than_variables_is_not_kept(tmp_path: Path) -> None:
    import tensorflow as tf

    from objectives.training.traces import Trace

    trace = Trace("digest", [], ([], []), [tf.constant(1.0)])
    located = trace.located([tf.Variable(1.0)])
    located.write(tmp_path / "trace.npz")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="more than variables"):
        located.of([])


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
    trained: tuple[Path, Any], other_epsilon: None, traces: list[Any]
) -> None:
    file, _ = trained
    train(compiled(), spec())
    assert len(traces) == 1
    assert len(list(file.parent.iterdir())) == 2


def test_a_model_with_code_of_the_users_own_is_not_kept(folder: Path) -> None:
    results, _ = train(compiled(), spec(Small(fault="python")))
    assert results[0].fallback is not None
    assert not folder.exists() or not list(folder.iterdir())
