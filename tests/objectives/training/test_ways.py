"""Which way a structure goes: measured once, recorded, and not tried again where it aborted."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.objectives.training.compare import Case, numbers, train

keras = pytest.importorskip("keras")
ways = pytest.importorskip("objectives.training.ways")
kinds = pytest.importorskip("tests.objectives.training.kinds")
pytestmark = pytest.mark.slow


def dense(width: int, data: Any) -> Any:
    return kinds.sequential(keras.layers.Dense(width, "relu"))


DENSE = Case(dense, [3], numbers)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ways that were found by measuring, in turn."""
    found: list[str] = []
    own = ways._measured

    def measure(*given: Any) -> Any:
        result = own(*given)
        found.append(result[0])
        return result

    monkeypatch.setattr(ways, "_measured", measure)
    return found


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling costs nothing, so that XLA is tried even for a few short epochs."""
    monkeypatch.setattr(ways, "SECONDS_PER_OPERATION", 0.0)


def test_what_was_measured_is_remembered(measured: list[str], patient: None) -> None:
    results = [train(DENSE, "auto", [3])[0][0] for _ in range(2)]
    assert len(measured) == 1
    assert {result.extra["way"] for result in results} == set(measured)
    train(DENSE, "auto", [4])  # another structure
    train(DENSE, "auto", [3], epochs=3)  # in longer trials
    assert len(measured) == 3


def test_measuring_leaves_the_trial_as_it_was(measured: list[str], patient: None) -> None:
    _, curves = train(DENSE, "auto", [3])
    _, again = train(DENSE, measured[0], [3])
    assert curves == again


def test_a_small_net_in_few_epochs_is_not_compiled(measured: list[str]) -> None:
    (result,), _ = train(DENSE, "auto", [3])
    assert measured == [result.extra["way"]] == ["graph"]


@pytest.mark.parametrize("way", ["xla", "graph"])
def test_a_recorded_way_is_taken_without_measuring(measured: list[str], way: str) -> None:
    (first,), _ = train(DENSE, "graph", [3])
    given = {first.extra["structure"]: way}
    (result,), _ = train(DENSE, "auto", [3], ways=given)
    assert result.extra["way"] == way
    assert measured == []


def test_a_structure_recorded_as_fits_is_trained_by_fit() -> None:
    (first,), _ = train(DENSE, "graph", [3])
    (result,), curves = train(DENSE, "auto", [3], ways={first.extra["structure"]: "fit"})
    assert result.extra["way"] == "fit"
    assert "this study's earlier trials" in (result.fallback or "")
    assert curves == train(DENSE, "fit", [3])[1]


@pytest.mark.parametrize(("died", "taken"), [("xla", "graph"), ("graph", "fit")])
def test_a_way_on_which_a_process_died_is_not_taken_again(
    died: str, taken: str, monkeypatch: pytest.MonkeyPatch, patient: None
) -> None:
    from objectives.training.kept_ways import KeptWays

    monkeypatch.setattr(KeptWays, "fatal", lambda self, way: way == died)
    (result,), _ = train(DENSE, "auto", [3])
    assert result.extra["way"] == taken
    assert (result.fallback is None) is (taken == "graph")


def test_a_first_run_that_fails_leaves_all_variables_and_goes_to_fit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from objectives.training.program import Program

    own = Program.run

    def run(self: Any, *given: Any, **named: Any) -> Any:
        own(self, *given, **named)
        raise RuntimeError("out of memory\nAllocator: more")

    monkeypatch.setattr(Program, "run", run)
    with caplog.at_level(logging.WARNING, logger="sweeps"):
        (result,), curves = train(DENSE, "graph", [3])
    assert result.fallback == "RuntimeError: out of memory"
    assert len(caplog.records) == 1
    monkeypatch.undo()
    assert curves == train(DENSE, "fit", [3])[1]


def test_xla_that_cannot_compile_is_left_for_a_graph_with_a_line(
    monkeypatch: pytest.MonkeyPatch, patient: None, caplog: pytest.LogCaptureFixture
) -> None:
    from objectives.training.program import Program

    own = Program.steps

    def steps(self: Any, order: Any, count: int) -> float:
        if self.way == "xla":
            raise RuntimeError("No registered 'Odd' OpKernel for XLA_CPU_JIT devices")
        return own(self, order, count)

    monkeypatch.setattr(Program, "steps", steps)
    with caplog.at_level(logging.WARNING, logger="sweeps"):
        (result,), _ = train(DENSE, "auto", [3])
    assert (result.extra["way"], result.fallback) == ("graph", None)
    assert "XLA cannot compile Odd" in caplog.text


class Named:
    """As much of a trace as is looked at."""

    def __init__(self, *operations: str, texts: bool = False) -> None:
        self.operations, self.texts = frozenset(operations), texts


@pytest.mark.parametrize(
    ("trace", "fit", "graph"),
    [
        (Named("MatMul"), None, None),
        (Named("MatMul", "Conv2D"), None, "XLA is slow at convolution on a CPU"),
        (Named("BatchMatMulV2"), None, "XLA is slow at batched matrix products on a CPU"),
        (Named("AddV2", texts=True), None, "XLA has no strings and no lookup tables"),
        (Named("LookupTableFindV2"), None, "XLA has no strings and no lookup tables"),
        (Named("EagerPyFunc"), "it runs Python code in every step", None),
        (Named("RandomUniform"), "keeps its state outside of the model", None),
        (Named("StatelessRandomUniformV2"), None, None),
        (Named("LookupTableInsertV2"), "no part of the model", "XLA has no strings"),
    ],
)
def test_what_the_operations_tell(trace: Any, fit: str | None, graph: str | None) -> None:
    for found, expected in ((ways.by_fit(trace), fit), (ways.by_graph(trace), graph)):
        if expected is None:
            assert found is None
        else:
            assert expected in str(found)
