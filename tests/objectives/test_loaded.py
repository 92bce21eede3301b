"""What `load` gave: refused with what to write, or warned of where a net may learn nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Data, Objective, Part, Source
from sweeps.cli.source import data_lines

X = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
Y = np.arange(60) % 2


def read(loaded: Any, arrays: Any = None) -> Data:
    objective: Objective[Any] = Objective(load=lambda _: loaded, build=lambda trial: None)  # type: ignore[arg-type, return-value]
    return objective.data(Source(arrays=arrays))


def holed(value: float, *places: tuple[int, ...]) -> Any:
    found = X.copy()
    for place in places:
        found[place] = value
    return found


@pytest.mark.parametrize(
    ("loaded", "said"),
    [
        (None, "load gave None"),
        (X, "load gave a ndarray"),
        ([X, X], "load gave a list"),
        ({"x": X, "y": Y}, "load gave a dict"),
        ((X, Y, Y, Y), "load gave a tuple of 4"),
    ],
)
def test_what_is_no_data_is_told_what_to_write(loaded: Any, said: str) -> None:
    with pytest.raises(BadInput, match=rf"{said}: it has to give \(x, y\), ") as refused:
        read(loaded)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (holed(np.nan, (0, 1), (7, 1)), "x is NaN in 2 of 60 rows (column 1)"),
        (holed(-np.inf, (3, 0), (3, 2)), "x is infinite in 1 of 60 rows (columns 0, 2)"),
        (np.full((60, 2, 2), np.nan, np.float32), "x is NaN in 60 of 60 rows (channels 0, 1)"),
        (X, None),
    ],
)
def test_inputs_that_are_no_finite_numbers_are_warned_of(
    x: Any, said: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    parts = Data(Part(x[:20], Y[:20]), Part(x[20:40], Y[20:40]), Part(x[40:], Y[40:]))
    for found in (read((x, Y)), read(None, arrays=(x, Y)), read(parts)):
        lines = data_lines(found)
        assert lines == [] if said is None else lines[0].startswith(f"warning: {said}: a net")
        assert len(found.train) + len(found.validation) + len(found.test) == 60
    assert len(caplog.records) == (0 if said is None else 3)


@pytest.mark.parametrize(("value", "what"), [(np.nan, "NaN"), (np.inf, "infinite")])
def test_such_targets_are_refused(value: float, what: str) -> None:
    y = X[:, 0].astype(np.float64)
    y[[4, 5]] = value
    with pytest.raises(BadInput, match=f"y is {what} in 2 of 60 rows, .* leave them out, or fill"):
        read((X, y))
