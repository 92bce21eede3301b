"""Forecasts on curves whose continuation is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from objectives.training import TrialSpec
from sweeps.explain.forecast import Recorded, forecast
from tests.explain.planted import explained, normals, reference


def sweep(seed: int, curves: int = 80, epochs: int = 60) -> list[Recorded]:
    """Power laws with their own floors, speeds and noise, as trials of one sweep have."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(curves):
        t = np.arange(1, epochs + 1)
        speed = rng.uniform(0.3, 1.2)
        values = rng.uniform(0.05, 0.3) + rng.uniform(0.3, 0.6) * t**-speed
        noise = rng.uniform(0.0005, 0.004)
        found.append(Recorded(list(values + noise * rng.normal(size=epochs)), [0.01] * epochs))
    return found


def cut(curve: Recorded, n: int, **changed: object) -> Recorded:
    return Recorded(curve.values[:n], changed.get("rates", curve.rates[:n]))  # type: ignore[arg-type]


@pytest.mark.parametrize("recorded", [64, 32], ids=["longer curves", "as long as it"])
def test_it_covers_as_often_as_it_says_and_beats_the_last_value(recorded: int) -> None:
    hits, errors, errors_of_last = [], [], []
    for seed in range(14):
        curves = sweep(seed, curves=55, epochs=64)
        known = [cut(curve, recorded) for curve in curves[:40]]
        for curve in curves[40:]:
            found = forecast(cut(curve, 32), known, 32)
            if found is None:
                continue
            truth = min(curve.values)
            hits.append(found.low - 1e-12 <= truth <= found.high + 1e-12)
            errors.append(abs(found.value - truth))
            errors_of_last.append(abs(found.last - truth))
    assert len(hits) >= 60
    assert 0.7 <= np.mean(hits) <= 0.9
    assert np.median(errors) < np.median(errors_of_last)


def test_a_curve_unlike_all_others_is_not_forecast() -> None:
    curves = sweep(0)
    assert forecast(cut(curves[0], 25), curves[1:], 25) is not None
    steeper = Recorded([10.0 * value for value in curves[0].values[:25]])
    assert forecast(steeper, curves[1:], 25) is None


def test_the_next_doubling_is_not_forecast_where_the_last_two_differ() -> None:
    rng = np.random.default_rng(0)
    bent = []
    for _ in range(40):
        gain = rng.uniform(0.5, 1.0)
        early = np.linspace(1.0, 1.0 - 0.1 * gain, 10)  # slow at first, then ten times as fast
        later = early[-1] - gain * np.linspace(0.1, 1.0, 10)
        last = later[-1] - rng.uniform(1.5, 2.5) * gain * np.linspace(0.05, 1.0, 20)
        bent.append(Recorded([*early, *later, *last]))
    assert forecast(cut(bent[0], 20), bent[1:], 20) is not None, "longer curves tell"
    assert forecast(cut(bent[0], 20), [cut(b, 20) for b in bent[1:]], 20) is None


def test_a_score_that_rises_is_forecast_as_its_mirror_image() -> None:
    curves = sweep(0)
    turned = [Recorded([-v for v in c.values], c.rates) for c in curves]
    one = forecast(cut(curves[0], 25), curves[1:], 20)
    other = forecast(cut(turned[0], 25), turned[1:], 20, sign=-1.0)
    assert one is not None
    assert other is not None
    assert (other.value, other.low, other.high) == (-one.value, -one.high, -one.low)
    assert one.low <= one.value <= one.high <= one.last


def test_nothing_is_shown_where_nothing_can_be_said() -> None:
    curves = sweep(1)
    first, others = cut(curves[0], 25), curves[1:]
    assert forecast(first, others, 25) is not None
    assert forecast(first, others[:10], 25) is None, "few curves"
    assert forecast(first, others, 100) is None, "no curve reaches so far"
    assert forecast(cut(curves[0], 3), others, 25) is None, "too young"
    dropped = [0.01] * 12 + [0.005] * 13
    assert forecast(cut(curves[0], 25, rates=dropped), others, 25) is None, "the rate dropped"
    rng = np.random.default_rng(0)
    walks = [Recorded(list(rng.normal(size=60).cumsum())) for _ in range(60)]
    stuck = [Recorded([0.5] * 60) for _ in range(60)]
    assert forecast(cut(stuck[0], 25), stuck[1:], 25) is None, "no better than the last value"
    broken = [Recorded([*c.values[:40], float("nan")]) for c in walks]
    assert forecast(cut(walks[0], 25), broken, 25) is None, "no finite curve reaches so far"


def test_an_explanation_says_what_more_epochs_would_bring(tmp_path: Path) -> None:
    def curve(spec: TrialSpec, epoch: int) -> float:
        return 0.2 + 0.5 * epoch**-0.6 + 0.002 * normals(spec.seed)[epoch]

    found = explained(curve, tmp_path, recorded=sweep(0, epochs=120))
    ahead = found.to_json()["forecast"]
    assert ahead["epoch"] == 120
    assert ahead["low"] <= ahead["value"] <= ahead["high"] <= ahead["last"]
    assert "at epoch 120" in "\n".join(found.summary_lines())
    assert explained(curve, tmp_path, recorded=sweep(0, 10, epochs=120)).forecast is None
    short = reference(max_epochs=16)
    doubled = explained(curve, tmp_path, short, recorded=sweep(0, epochs=16)).forecast
    assert doubled is not None
    assert (doubled["epoch"], doubled["curves"]) == (32, 80)
