"""The compiled trainer: agreement with fit, programs shared and not shared, ways out."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import Any

import numpy as np
import pytest

from objectives import Data
from objectives.training import Logs, Outcome, Trainer
from tests.objectives.training.conformance import spec, train
from tests.objectives.training.small_objective import SMALL, Small, data

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is on disk: a program that is made is traced."""
    pytest.importorskip("objectives.training.compiled")
    monkeypatch.setattr("objectives.training.tracing.place", lambda *_: None)


def compiled(found: Any = None, way: str = "xla") -> Trainer:
    from objectives.training.compiled import CompiledTrainer

    return CompiledTrainer(SMALL, found or data(), way)


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One entry for every tracing."""
    from objectives.training import epoch, tracing

    found: list[Any] = []

    def trace(*given: Any) -> Any:
        found.append(given)
        return epoch.trace(*given)

    monkeypatch.setattr(tracing, "trace", trace)
    return found


WAYS = pytest.mark.parametrize("way", ["xla", "graph"])


def weighted() -> Data:
    return data(weighted=True, class_weight={0: 1.5, 1: 0.5})


@functools.cache
def first_epoch_of_fit(config: Small) -> Logs:
    """The same for both ways."""
    from objectives.training.fit import FitTrainer

    _, (curve,) = train(FitTrainer(SMALL, weighted()), spec(config, max_epochs=1))
    return curve[0]


@WAYS
@pytest.mark.parametrize(
    "config",
    [
        Small(),
        Small(normalized=True, auc=True),
        Small(net="lstm", auc=True),
        Small(optimizer="adamw", weight_decay=0.02, clipnorm=0.1),
        Small(optimizer="sgd", momentum=0.9, l2=0.01, weight_decay=0.02),
        Small(optimizer="rmsprop", schedule=True),
        Small(optimizer="nadam", batch_size=100),
    ],
    ids=lambda c: f"{c.net}-{c.optimizer}",
)
def test_the_first_epoch_agrees_with_fit(config: Small, way: str) -> None:
    """Weighted rows, weighted classes, a last batch of 8 rows."""
    (result,), (fast,) = train(compiled(weighted(), way), spec(config, max_epochs=1))
    assert (result.fallback, result.extra["way"]) == (None, way)
    assert fast[0] == pytest.approx(first_epoch_of_fit(config), rel=1e-6)


BASE = Small(
    optimizer="sgd",
    momentum=0.5,
    weight_decay=0.01,
    clipnorm=0.1,
    dropout=0.2,
    l2=0.01,
    normalized=True,
)
INPUTS = {
    "seed": (BASE, {"seed": 6}),
    "rate": (dataclasses.replace(BASE, learning_rate=0.02), {}),
    "decay": (dataclasses.replace(BASE, weight_decay=0.3), {}),
    "scale": (dataclasses.replace(BASE, scale=3.0), {}),
    "momentum": (dataclasses.replace(BASE, momentum=0.9), {}),
    "dropout": (dataclasses.replace(BASE, dropout=0.5), {}),
    "penalty": (dataclasses.replace(BASE, l2=0.1), {}),
    "clipping": (dataclasses.replace(BASE, clipnorm=0.01), {}),
    "initializer": (dataclasses.replace(BASE, initializer="he_normal"), {}),
    "callbacks": (dataclasses.replace(BASE, callbacks=("plateau",)), {"max_epochs": 5}),
}


@WAYS
def test_every_input_reaches_a_shared_program(way: str, traces: list[Any]) -> None:
    """Changing an input changes the curve, to that of a fresh program, and traces nothing."""
    shared = compiled(way=way)
    _, (base,) = train(shared, spec(BASE, max_epochs=5))
    curves = {}
    for name, (config, changes) in INPUTS.items():
        (result,), (curves[name],) = train(shared, spec(config, **changes))
        assert result.extra["compiled"] is False, name
    assert len(traces) == 1
    for name, curve in curves.items():
        config, changes = INPUTS[name]
        assert curve != base[: len(curve)], name
        assert curve == train(compiled(way=way), spec(config, **changes))[1][0], name
    assert len(traces) == 1 + len(INPUTS)


BAKED_IN: list[dict[str, Any]] = [
    {"momentum": 0.0},
    {"dropout": 0.0},
    {"l2": 0.0},
    {"clipnorm": None},
    {"schedule": True},
    {"batch_size": 24},
    {"width": 5},
    {"auc": True},
]


def test_what_is_baked_in_makes_a_new_program() -> None:
    trainer = compiled(way="graph")
    configs = [BASE, *(dataclasses.replace(BASE, **change) for change in BAKED_IN), BASE]
    specs = [spec(config, number, max_epochs=2) for number, config in enumerate(configs)]
    results, curves = train(trainer, *specs)
    assert [result.extra["compiled"] for result in results] == [True] * (len(specs) - 1) + [False]
    assert curves[0] == curves[-1]
    assert len({repr(curve) for curve in curves}) == len(specs) - 1


def test_part_of_the_rows_is_another_program() -> None:
    results, curves = train(compiled(), spec(share=1.0), spec(number=1, share=0.5))
    assert [result.extra["compiled"] for result in results] == [True, True]
    # 36 rows in batches of 16 are 3 steps an epoch instead of 5.
    assert curves[0][0]["effective_learning_rate"] != curves[1][0]["effective_learning_rate"]


def test_dropout_agrees_with_fit_over_seeds() -> None:
    """XLA draws other masks: the losses of many seeds come from one distribution."""
    from scipy.stats import ks_2samp

    from objectives.training.fit import FitTrainer

    config = Small(dropout=0.4, width=16)
    specs = [spec(config, number, seed=number, max_epochs=2) for number in range(8)]
    found = []
    for trainer in (compiled(), FitTrainer(SMALL, data())):
        _, curves = train(trainer, *specs)
        found.append([curve[-1]["loss"] for curve in curves])
    assert found[0] != found[1]
    assert ks_2samp(*found).pvalue > 0.01
    assert np.corrcoef(*found)[0, 1] > 0.5, "the same initial weights should show"


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (Small(fault="python"), "it runs Python code in every step"),
        (Small(callbacks=("batches",)), "the callback LambdaCallback acts within epochs"),
    ],
)
def test_what_cannot_be_compiled_is_fitted_and_says_why_once(
    config: Small, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = compiled()
    with caplog.at_level(logging.WARNING, logger="sweeps"):
        results, _ = train(trainer, spec(config), spec(config, 1), spec(number=2))
    assert [result.outcome for result in results] == [Outcome.COMPLETE] * 3
    for result in results[:2]:
        assert result.fallback is not None
        assert why in result.fallback
        assert "\n" not in result.fallback
    assert results[2].fallback is None
    assert [record.getMessage().count(why) for record in caplog.records] == [1]


@WAYS
def test_a_program_is_named_by_what_it_computes_and_not_by_when_it_was_made(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XLA's persistent cache goes by the name."""
    from objectives.training.traces import Trace

    names: list[str] = []
    own = Trace.function

    def function(self: Trace, way: str) -> Any:
        found = own(self, way)
        names.append(found.__name__)
        return found

    monkeypatch.setattr(Trace, "function", function)
    for width in (4, 5, 4):
        train(compiled(way=way), spec(Small(width=width), max_epochs=1))
    each = list(dict.fromkeys(name for name in names if name.endswith(way)))
    assert len(each) == 2


@pytest.mark.parametrize(
    "config",
    [Small(auc=True, normalized=True, dropout=0.1), Small(net="lstm")],
    ids=["dense", "lstm"],
)
def test_validation_in_wide_batches_only_where_rows_are_independent(config: Small) -> None:
    from objectives.training.structure import rowwise

    model = SMALL.build(config, data())
    assert rowwise(model)
    model.compile("sgd", lambda y, p: (y - p[:, 0]) ** 2)
    assert not rowwise(model)


@pytest.mark.parametrize(
    ("dtype", "shape", "packed"),
    [
        ("float32", (6,), True),
        ("float32", (5,), False),
        ("float32", (), False),
        ("uint8", (4, 2), True),
        ("float16", (2,), False),
        ("float64", (2,), False),
        ("bool", (8,), False),
    ],
)
def test_rows_as_words_are_the_same_bytes(
    dtype: str, shape: tuple[int, ...], packed: bool
) -> None:
    import tensorflow as tf

    from objectives.training.epoch import words

    rows = (7.5 * np.random.default_rng(0).standard_normal((3, *shape))).astype(dtype)
    found = words(tf.constant(rows))
    assert (found.dtype == tf.int64) is packed
    assert found.shape[0] == 3
    assert found.numpy().tobytes() == rows.tobytes()


def test_evaluating_needs_no_program(tmp_path: Any, traces: list[Any]) -> None:
    trainer = compiled()
    specs = [spec(seed=n, number=n, weights=tmp_path / f"{n}.npz") for n in range(2)]
    train(trainer, *specs)
    scores = [trainer.evaluate(each) for each in specs]
    assert len(traces) == 1
    assert scores[0] != scores[1]
    assert scores[0] == pytest.approx(compiled().evaluate(specs[0]), rel=1e-6)
