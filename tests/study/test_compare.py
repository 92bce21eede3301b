"""Two studies compared: the same data, an interval, a word."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import BadInput, Source
from sweeps.study.compare import compare, lines
from sweeps.study.confirm import Confirm
from sweeps.study.statistics import welch
from tests.scripted import load
from tests.study.test_loop import Watching, session


def study(folder: Path, name: str, repeats: int = 5, **settings: Any) -> Any:
    with session(folder, trials=3, study=name, **settings) as opened:
        opened.loop(Watching()).run()
        if repeats:
            Confirm(opened, repeats).run()
    return session(folder, study=name)


def test_a_better_study_is_named_and_equal_ones_are_not(tmp_path: Path) -> None:
    narrow = study(tmp_path, "narrow", ranges=("width=1:2", "rate=0.5:1"))
    wide = study(tmp_path, "wide", fix=("width=16", "rate=0.2"))
    twin = study(tmp_path, "twin", fix=("width=16", "rate=0.2"))
    with wide as one, twin as other:
        same = compare(one, other)
        assert same.better is None
        assert same.difference.mean == 0
        assert "none on any seed" in lines(same)[-1]
    with session(tmp_path, study="narrow") as one, session(tmp_path, study="wide") as other:
        found = compare(one, other)
        assert found.same_seeds
        assert found.difference.low <= found.difference.mean <= found.difference.high
        assert found.better == "wide"
        assert "wide is better" in lines(found)[-1]
    del narrow


def test_other_data_and_missing_repeats_are_refused(tmp_path: Path) -> None:
    with study(tmp_path, "a") as one, study(tmp_path, "b", repeats=0) as other:
        with pytest.raises(BadInput, match=r"'b' has 0 repeats.*--confirm 5"):
            compare(one, other)
        data = load(Source())
        object.__setattr__(data, "digest", "f" * 40)
        object.__setattr__(other, "data", data)
        with pytest.raises(BadInput, match=r"digest of the data of one is \w{40}, .* other f{40}"):
            compare(one, other)
        object.__setattr__(data, "folds", (data, data))
        with pytest.raises(BadInput, match="number of folds of one is 0, of the other 2"):
            compare(one, other)


def test_equal_data_under_another_name_are_the_same_data(tmp_path: Path) -> None:
    with study(tmp_path, "a") as one, study(tmp_path, "b", fix=("width=3",)) as other:
        renamed = dataclasses.replace(load(Source()), source=Source("folder/renamed.csv"))
        object.__setattr__(other, "data", renamed)
        assert compare(one, other).one == "a"


@given(st.floats(-5, 5), st.integers(3, 12), st.integers(0, 99))
def test_unpaired_intervals_hold_the_mean_and_flip_with_the_order(
    shift: float, n: int, seed: int
) -> None:
    rng = random.Random(seed)
    a = [shift + rng.gauss(0, 1) for _ in range(n)]
    b = [rng.gauss(0, 1) for _ in range(n)]
    one, other = welch(a, b), welch(b, a)
    assert one.low <= one.mean <= one.high
    assert one.mean == pytest.approx(-other.mean)
    assert one.low == pytest.approx(-other.high)
    assert one.word == other.word
    assert (one.word == "real") == (one.low > 0 or one.high < 0)
