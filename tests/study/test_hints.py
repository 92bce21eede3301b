"""A hint proposes a range that the same command line takes, and a wider one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Dimension, recorded
from sweeps.study.ranges import narrowing
from sweeps.study.summary import hints


def proposed(dimension: Dimension, best: float) -> list[str]:
    ended: Any = SimpleNamespace(params={"p": best})
    return [text for _, _, text in hints(ended, {"p": dimension}, 100)]


def taken(dimension: Dimension, text: str) -> Dimension:
    more = {"log": True} if dimension.log else {"step": dimension.step or 1}

    def suggest(trial: Any) -> None:
        trial.suggest_int("p", dimension.low, dimension.high, **more)

    return narrowing(recorded(suggest), ranges=[text])["p"]


@given(st.integers(1, 10**7), st.integers(1, 10**7), st.booleans(), st.booleans())
def test_wider_ranges_of_whole_numbers_are_taken(
    low: int, more: int, log: bool, at_the_low_end: bool
) -> None:
    dimension = Dimension("int", low, low + more, log=log)
    best = low if at_the_low_end else low + more
    found = proposed(dimension, best)
    assert len(found) == (log or not at_the_low_end)
    for text in found:
        wider = taken(dimension, text)
        assert wider.low is not None
        assert wider.high is not None
        assert 1 <= wider.low <= low
        assert wider.high - wider.low >= more


@pytest.mark.parametrize("size", [64, 2_000_001])
def test_a_larger_choice_is_proposed_as_it_is(size: int) -> None:
    dimension = Dimension("categorical", choices=(8, size))
    assert proposed(dimension, size) == [f"p=8,{size},{2 * size}"]
    assert proposed(dimension, 8) == [f"p=4,8,{size}"]
