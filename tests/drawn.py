"""A trial whose answers hypothesis draws: any config that a space can give."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from search_spaces import Dimension, Trial

C = TypeVar("C")


class DrawnTrial:
    """Answers as Optuna does: within the range, and the same for the same name."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.params: dict[str, Any] = {}
        self.dimensions: dict[str, Dimension] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self.dimensions[name] = Dimension("float", low, high, log, step)
        assert math.isfinite(low)
        assert low <= high
        assert not (log and low <= 0)
        if step is None:
            return self._answer(name, st.floats(low, high))
        steps = math.floor((high - low) / step + 1e-9)
        return self._answer(name, st.integers(0, steps).map(lambda n: low + n * step))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        self.dimensions[name] = Dimension("int", low, high, log, step)
        assert low <= high
        assert not (log and low <= 0)
        return self._answer(
            name, st.integers(0, (high - low) // step).map(lambda n: low + n * step)
        )

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.dimensions[name] = Dimension("categorical", choices=tuple(choices))
        return self._answer(name, st.sampled_from(list(choices)))

    def _answer(self, name: str, strategy: st.SearchStrategy[Any]) -> Any:
        if name not in self.params:
            self.params[name] = self.draw(strategy)
        return self.params[name]


@st.composite
def configs(draw: Any, suggest: Callable[[Trial], C]) -> C:
    """Draw a config of a space."""
    return suggest(DrawnTrial(draw))


@st.composite
def trials(draw: Any) -> DrawnTrial:
    """Draw a trial."""
    return DrawnTrial(draw)
