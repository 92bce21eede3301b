"""Predictions as one array, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from objectives.training.packing import Packing

RNG = np.random.default_rng(0)
LABEL, PRICE = (RNG.random((5, *shape)).astype("float32") for shape in ((1,), (2, 3)))


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (LABEL, None),
        (PRICE, ["anything"]),
        ({"label": LABEL, "price": PRICE}, None),
        ([LABEL, PRICE], ["label", "price"]),
    ],
)
def test_what_is_packed_is_unpacked(said: Any, names: Any) -> None:
    packing = Packing.of(said, names)
    assert packing is not None
    packed = packing.pack(said)
    assert len(packed) == 5
    again = packing.unpack(packed)
    assert type(again) is type(said)
    flat = (
        [again]
        if isinstance(said, np.ndarray)
        else list(getattr(again, "values", lambda: again)())
    )
    given = (
        [said] if isinstance(said, np.ndarray) else list(getattr(said, "values", lambda: said)())
    )
    for one, other in zip(flat, given, strict=True):
        np.testing.assert_array_equal(one, other)
    # Nets are stacked in front of the rows.
    for one, other in zip(packing.several(np.stack([packed, packed])), given, strict=True):
        assert one.shape == (2, *other.shape)


def test_what_is_given_for_outputs_is_found_by_name_or_place() -> None:
    packing = Packing.of({"a": LABEL, "b": PRICE}, None)
    assert packing is not None
    assert packing.aligned({"b": 2, "a": 1}) == [1, 2]
    assert packing.aligned([1, 2]) == [1, 2]
    assert packing.aligned("mse") == ["mse", "mse"]
    assert packing.aligned(None) == [None, None]
    with pytest.raises(ValueError, match="3 for 2 outputs"):
        packing.aligned([1, 2, 3])
    with pytest.raises(ValueError, match="one output"):
        Packing().aligned([1, 2])


@pytest.mark.parametrize("said", [np.arange(3), [LABEL, np.arange(5)], [[LABEL], PRICE]])
def test_what_is_no_numbers_of_rows_is_not_packed(said: Any) -> None:
    assert Packing.of(said, ["a", "b"]) is None
