"""Train the same trials by `fit` and by another trainer, and compare every number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from objectives import Data, Monitor, Objective, Part
from objectives.training import Decision, Logs, Outcome, TrialResult, TrialSpec, here

Curve = list[Logs]
SECONDS = "epoch_seconds"


@dataclass(frozen=True)
class Case:
    """A program: `build(config, data)`, the configs of its trials, and what it is fed."""

    build: Callable[[Any, Data], Any]
    configs: Sequence[Any]
    data: Callable[[], Data]
    callbacks: Callable[[Any, str], list[Any]] | None = None
    monitor: str = "val_loss"

    @property
    def objective(self) -> Objective[Any]:
        return Objective(
            load=None,  # type: ignore[arg-type]
            build=lambda config, data: self.build(config["value"], data),
            space=object(),  # type: ignore[arg-type]
            callbacks=self.callbacks,
            batch_size=16,
        )


def parts(x: Callable[[Any, int], Any], y: Callable[[Any, Any], Any], **more: Any) -> Data:
    """Return 56 and 24 rows: in batches of 16, both leave a short last one."""
    rng = np.random.default_rng(3)

    def part(count: int) -> Part:
        found = x(rng, count)
        return Part(found, y(rng, found))

    validation = part(24)
    return Data(part(56), validation, validation, **more)


def numbers() -> Data:
    """Return a regression: 6 standard normal columns, one target."""
    return parts(
        lambda rng, count: rng.standard_normal((count, 6)).astype("float32"),
        lambda rng, x: (x[:, :1] - 0.5 * x[:, 1:2] ** 2 + 1.0).astype("float32"),
    )


def train(
    case: Case, way: str, configs: Sequence[Any], epochs: int = 2, **spec: Any
) -> tuple[list[TrialResult], list[Curve]]:
    """Train one trial a config, all by one trainer."""
    curves: list[Curve] = [[] for _ in configs]

    def on_epoch(of: TrialSpec, epoch: int, logs: Logs) -> Decision:
        curves[of.number].append({k: v for k, v in logs.items() if k != SECONDS})
        return Decision.CONTINUE

    given = {"monitor": Monitor(case.monitor, "min"), "check": False} | spec
    specs = [
        TrialSpec(n, {"value": config}, 5, epochs, **given) for n, config in enumerate(configs)
    ]
    trainer = here(case.objective, case.data(), way)
    try:
        results = list(trainer.train(iter(specs), on_epoch))
    finally:
        trainer.close()
    for result in results:
        assert result.outcome is Outcome.COMPLETE, result.error
    return results, curves


def same(found: Curve, expected: Curve) -> None:
    """Assert that two curves agree: rounding grows with the epochs."""
    assert len(found) == len(expected)
    for epoch, (mine, plain) in enumerate(zip(found, expected, strict=True)):
        assert mine == pytest.approx(plain, rel=1e-4 if epoch else 1e-5, abs=1e-6), epoch + 1


def agrees(case: Case, way: str = "auto", **spec: Any) -> list[TrialResult]:
    """Assert that trials agree with `fit`, each before and after another one.

    Returns:
        Their results.
    """
    configs = list(case.configs)
    _, expected = train(case, "fit", configs, **spec)
    texts = {repr(curve) for curve in expected}
    assert len(texts) == len(configs), "each of the trials should have a curve of its own"
    results, curves = train(case, way, [*configs, *configs[-2::-1]], **spec)
    assert curves == curves[::-1], "the same trial again has the same digits"
    for plain, found in zip(expected, curves, strict=False):
        same(found, plain)
    return results
