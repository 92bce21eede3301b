"""Paired differences, against scipy and against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeps.study.statistics import bounds, holm, paired, repeats_to_settle, welch

values = st.floats(-1e3, 1e3, allow_subnormal=False)
pairs = st.lists(st.tuples(values, values), min_size=2, max_size=12)


@given(st.integers(0, 10_000), st.integers(2, 12), st.floats(0.5, 0.99))
def test_paired_agrees_with_scipy(seed: int, n: int, level: float) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, n))
    found = paired(list(a), list(b), level)
    wanted = stats.ttest_rel(a, b)
    interval = wanted.confidence_interval(level)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-6)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-6)
    assert (found.word == "real") == (found.p < 1 - level)


@given(pairs)
def test_swapping_the_sides_swaps_the_sign(given_pairs: list[tuple[float, float]]) -> None:
    a, b = map(list, zip(*given_pairs, strict=True))
    one, other = paired(a, b), paired(b, a)
    assert one.mean == -other.mean
    assert one.low == pytest.approx(-other.high)
    assert (one.word, one.p, one.more) == (other.word, other.p, other.more)


@given(pairs)
def test_undecided_exactly_where_the_interval_holds_zero(
    given_pairs: list[tuple[float, float]],
) -> None:
    a, b = map(list, zip(*given_pairs, strict=True))
    found = paired(a, b)
    assert found.low <= found.mean <= found.high
    if found.word == "real":
        assert found.low > 0 or found.high < 0
        assert found.more == 0
    else:
        assert found.more is None or found.more > 0


def test_the_promised_repeats_settle_it_when_mean_and_spread_stay() -> None:
    a, b = [0.0, 3.0, 1.0, 2.0], [0.0, 1.0, 0.0, 2.5]
    found = paired(a, b)
    assert found.word == "undecided"
    assert found.more is not None
    total = found.n + found.more
    half = {n: stats.t.ppf(0.975, n - 1) * found.spread / math.sqrt(n) for n in (total, total - 1)}
    assert half[total] < abs(found.mean) <= half[total - 1]


def test_one_pair_decides_nothing() -> None:
    found = paired([1.0], [0.0])
    assert (found.word, found.p, found.mean) == ("undecided", 1.0, 1.0)
    assert math.isinf(found.high)


def test_equal_values_are_undecided_and_a_constant_difference_is_real() -> None:
    same = paired([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    assert (same.word, same.p, same.more) == ("undecided", 1.0, None)
    rounding = paired([0.1 + 0.2, 0.3], [0.3, 0.3])
    assert rounding.word == "undecided"
    assert paired([2.0, 3.0, 4.0], [1.0, 2.0, 3.0]).word == "real"


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], [1.0, 2.0]), ([math.nan], [1.0])])
def test_what_cannot_be_compared_is_refused(a: list[float], b: list[float]) -> None:
    with pytest.raises(ValueError, match="pair"):
        paired(a, b)


def test_holm_on_the_example_of_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0.0, 1.0), max_size=20))
def test_holm_keeps_the_order_and_never_helps(p: list[float]) -> None:
    corrected = holm(p)
    assert all(p_i <= c <= 1.0 for p_i, c in zip(p, corrected, strict=True))
    by_p = [c for _, c in sorted(zip(p, corrected, strict=True))]
    assert by_p == sorted(by_p)


def test_a_real_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        a = rng.normal(0.3, 1.0, 5)
        found = paired(list(a), [0.0] * 5, level=0.9)
        hits += found.low <= 0.3 <= found.high
    assert 860 <= hits <= 940


def test_no_distance_is_never_settled() -> None:
    assert repeats_to_settle(0.0, 1.0, 5) is None
    assert repeats_to_settle(1e-6, 1.0, 5) is None


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=2, max_size=8))
def test_intervals_of_shares_stay_in_their_bounds(pairs: list[tuple[float, float]]) -> None:
    a, b = ([pair[place] for pair in pairs] for place in (0, 1))
    for compare in (paired, welch):
        found, free = compare(a, b, metric="test_accuracy"), compare(a, b, metric="test_loss")
        assert found.low <= found.mean <= found.high
        assert np.mean(b) + found.low >= -1e-9
        assert np.mean(b) + found.high <= 1.0 + 1e-9
        assert found.mean == free.mean
        if found.word == "real":
            assert free.word == "real"
            assert free.high - free.low <= 0.5


def test_nothing_is_real_whose_interval_is_wider_than_possible() -> None:
    found = paired([0.97, 0.95, 0.96], [0.24, 0.05, 0.53], metric="test_accuracy")
    assert found.low > 0
    assert found.high == pytest.approx(1.0 - (0.24 + 0.05 + 0.53) / 3)
    assert found.word == "undecided"
    assert found.more is not None
    assert found.more > 0


def test_no_loss_falls_below_zero() -> None:
    one, other = [0.02, 0.05, 0.01], [0.7, 0.4, 1.4]
    for compare in (paired, welch):
        found, free = compare(one, other, metric="test_loss"), compare(one, other)
        assert np.mean(other) + free.low < 0.0
        assert np.mean(other) + found.low == pytest.approx(0.0)
        assert (found.high, found.word, found.p) == (free.high, free.word, free.p)
        assert (found.cut, free.cut) == (True, False)
        assert "cut to what is possible" in str(found)
        assert "cut" not in str(free), "the mean is the middle of an interval that is whole"
        for name in ("test_r2", "test_nll"):  # these may be negative
            assert compare(one, other, metric=name) == free


def test_what_a_metric_lies_between() -> None:
    assert bounds("val_accuracy", [0.2, 0.9]) == (0.0, 1.0)
    assert bounds("val_accuracy", [20.0, 90.0]) == bounds("val_r2", [0.1]) == (-math.inf, math.inf)
    assert bounds("val_loss", [0.2]) == (0.0, math.inf)
    assert bounds("val_loss", [0.2, -0.1]) == (-math.inf, math.inf)


def test_percentages_are_no_shares() -> None:
    one, other = [97.0, 95.0, 96.0], [24.0, 5.0, 53.0]
    assert paired(one, other, metric="accuracy") == paired(one, other)
