"""Phases of curves whose shape is known because they were made."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sweeps.explain.curves import (
    DIVERGENCE,
    FAST,
    OVERFITTING,
    PLATEAU,
    SLOW,
    crossing,
    noise_of,
    shape,
)

Curve = NDArray[np.float64]
seeds = st.integers(0, 100_000)


def noisy(curve: Curve, noise: float, seed: int) -> list[float]:
    return list(curve + noise * np.random.default_rng(seed).normal(size=len(curve)))


def epochs(n: int) -> Curve:
    return np.arange(1, n + 1, dtype=float)


def decay(n: int, tau: float, floor: float = 0.1) -> Curve:
    return floor + 0.6 * np.exp(-epochs(n) / tau)


def waits(n: int, middle: float, width: float, low: float = 0.02) -> Curve:
    """About 0.69 until `middle - 3 width`, then down to `low`."""
    return low + (0.69 - low) / (1.0 + np.exp((epochs(n) - middle) / width))


def names(found: object) -> list[str]:
    return [phase.name for phase in found.phases]  # type: ignore[attr-defined]


curves = st.one_of(
    st.builds(decay, st.integers(2, 200), st.floats(1.0, 80.0)),
    st.builds(waits, st.integers(2, 200), st.floats(1.0, 100.0), st.floats(0.5, 10.0)),
    st.lists(st.floats(-10, 10), min_size=1, max_size=60).map(lambda v: np.asarray(v, float)),
)


@given(curves, st.floats(0.0, 0.1), seeds)
def test_phases_touch_and_cover_every_epoch(curve: Curve, noise: float, seed: int) -> None:
    found = shape(noisy(curve, noise, seed))
    assert found.phases[0].first == 1
    assert found.phases[-1].last == len(curve)
    for phase, following in zip(found.phases, found.phases[1:], strict=False):
        assert phase.first <= phase.last == following.first - 1
    assert len(set(names(found))) == len(found.phases)


@given(curves, st.floats(0.0, 0.1), seeds, st.sampled_from([0.5, 4.0, 1024.0]))
def test_neither_the_unit_nor_the_sign_matters(
    curve: Curve, noise: float, seed: int, scale: float
) -> None:
    values = noisy(curve, noise, seed)
    found = shape(values)
    other = shape([scale * value for value in values])
    turned = shape([-value for value in values], sign=-1.0)
    assert found.phases == other.phases == turned.phases
    assert (found.left, found.best_epoch) == (turned.left, turned.best_epoch)
    assert turned.start == -found.start


@given(st.integers(20, 300), st.floats(0.03, 0.5))
def test_a_healthy_curve_yields_no_complaint(n: int, part: float) -> None:
    found = shape(decay(n, part * n))
    assert found.complaints == ()
    assert names(found)[0] == FAST


@pytest.mark.parametrize("noise", [0.003, 0.01])
def test_noise_on_a_healthy_curve_is_hardly_ever_a_complaint(noise: float) -> None:
    drawn = np.random.default_rng(0)
    found = [
        shape(noisy(decay(n, part * n), noise, seed))
        for seed, (n, part) in enumerate(
            zip(drawn.integers(20, 300, 300), drawn.uniform(0.03, 0.5, 300), strict=True)
        )
    ]
    assert sum(bool(one.complaints) or names(one)[0] != FAST for one in found) <= 3


@given(st.integers(30, 300), st.floats(0.0, 0.01), seeds)
def test_a_straight_way_down_has_no_knee(n: int, noise: float, seed: int) -> None:
    found = shape(noisy(np.linspace(0.7, 0.1, n), noise, seed))
    assert names(found) == [FAST]


@given(st.floats(12.0, 60.0), st.floats(0.02, 0.12), st.floats(0.0, 0.01), seeds)
def test_the_epoch_that_leaves_the_plateau(
    middle: float, part: float, noise: float, seed: int
) -> None:
    width = part * middle
    curve = waits(120, middle, width)
    found = shape(noisy(curve, noise, seed))
    assert names(found)[:2] == [PLATEAU, FAST]
    truth = middle - math.log(19.0) * width
    assert found.left is not None
    assert abs(found.left - truth) < 2.0 + 0.1 * middle
    assert found.phases[0].last == found.left - 1
    assert PLATEAU in found.complaints


def test_the_recall_task_waits_a_dozen_epochs() -> None:
    """val_loss of 3 stacked LSTM layers at Adam's 0.001, as trained with the seed 11."""
    recorded = [0.69, 0.689, 0.687, 0.685, 0.683, 0.681, 0.677, 0.671, 0.662, 0.65, 0.635, 0.608]
    recorded += [0.574, 0.534, 0.482, 0.414, 0.341, 0.274, 0.214, 0.16, 0.12, 0.09, 0.067, 0.051]
    recorded += [0.039, 0.03, 0.023, 0.019, 0.015, 0.012, 0.01, 0.009, 0.008, 0.007, 0.006, 0.005]
    found = shape(recorded)
    assert names(found) == [PLATEAU, FAST, SLOW]
    assert 8 <= found.phases[0].last <= 13
    assert found.start == pytest.approx(math.log(2), abs=0.02)


@pytest.mark.parametrize("n", [5, 20, 60, 200])
def test_noise_alone_hardly_ever_leaves(n: int) -> None:
    found = [shape(noisy(np.full(n, 0.693), 0.01, seed)) for seed in range(300)]
    assert sum(names(one) == [PLATEAU] for one in found) >= 291


@settings(deadline=None)
@given(st.integers(20, 60), st.floats(0.2, 3.0), st.floats(0.0, 0.01), seeds)
def test_overfitting_is_told_from_divergence_by_the_training_loss(
    turn: int, rise: float, noise: float, seed: int
) -> None:
    n = 3 * turn
    after = np.maximum(epochs(n) - turn, 0.0) / (n - turn)
    curve = decay(n, turn / 4) + rise * after
    falling = list(decay(n, turn / 4, floor=0.0))
    found = shape(noisy(curve, noise, seed), train=falling)
    assert names(found)[-1] == OVERFITTING
    last = found.phases[-1]
    assert abs(last.first - turn) < 0.6 * turn
    assert found.end > found.best
    if rise > 1.0:
        rising = list(decay(n, turn / 4) + rise * after)
        assert names(shape(noisy(curve, noise, seed), train=rising))[-1] == DIVERGENCE


@given(st.integers(1, 40), st.integers(1, 10))
def test_what_is_not_finite_is_divergence(before: int, after: int) -> None:
    values = [*decay(before, 10.0), *[math.nan, math.inf][:after], *[0.5] * (after - 2)]
    found = shape(values)
    assert (found.phases[-1].name, found.phases[-1].first) == (DIVERGENCE, before + 1)
    assert found.phases[-1].last == len(values)


def test_a_curve_without_a_finite_value_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        shape([math.nan, 1.0])


@given(st.floats(6.0, 60.0), st.floats(0.05, 0.2))
def test_crossing_between_epochs(middle: float, part: float) -> None:
    width = part * middle
    curve = waits(150, middle, width, low=0.0)
    level = 0.69 * 0.9
    truth = middle - math.log(9.0) * width
    assert crossing(list(curve), level, 0.69) == pytest.approx(max(truth, 0.0), abs=0.6)


@given(st.floats(0.05, 0.95), st.integers(3, 30))
def test_crossing_within_the_first_epochs_and_never(part: float, n: int) -> None:
    line = list(np.linspace(1.0, 0.0, n + 1)[1:])
    assert crossing(line, 1.0 - part, 1.0) == pytest.approx(part * n, abs=1e-6)
    assert crossing(line, -0.1, 1.0) == math.inf
    assert crossing([-v for v in line], part - 1.0, -1.0, -1.0) == pytest.approx(part * n)


@pytest.mark.parametrize("n", [100, 300])
def test_noise_is_measured_around_the_trend(n: int) -> None:
    """Without bias, and as sure as a median of so many is: one curve alone may well be far off."""
    line = np.linspace(0.7, 0.1, n)
    found = np.array([noise_of(noisy(line, 0.0625, seed)) for seed in range(1000)]) / 0.0625
    error = 1.5 / math.sqrt(n)  # somewhat more than that of independent bends
    assert found.mean() == pytest.approx(1.0, abs=0.02)
    assert found.std() < error
    assert np.mean(np.abs(found - 1.0) < 3.0 * error) > 0.99


@given(st.lists(st.floats(-1.0, 1.0), min_size=20, max_size=60), st.floats(-1.0, 1.0))
def test_noise_has_the_unit_of_the_curve_and_no_trend(values: list[float], slope: float) -> None:
    curve = np.array(values)
    noise = noise_of(curve)
    assert noise_of(-8.0 * curve) == 8.0 * noise
    assert noise_of(curve + slope * epochs(len(curve))) == pytest.approx(noise, abs=1e-12)
