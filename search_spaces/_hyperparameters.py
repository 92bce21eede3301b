"""KerasTuner's `hp` over a trial: what is asked of it, the trial is asked for."""

from __future__ import annotations

import functools
import logging
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from search_spaces._bad_input import BadInput

if TYPE_CHECKING:
    from search_spaces import Trial

LOG = logging.getLogger("sweeps")
SAMPLING = ("linear", "log", "reverse_log")
ABSENT = (
    *("space", "merge", "ensure_active_values", "active_scopes", "inactive_scopes"),
    *("get_config", "from_config", "to_proto", "from_proto"),
)


class HyperParameters:
    """What `build(hp)` asks, under the names and with the arguments that KerasTuner has.

    A hyperparameter inside a conditional scope is asked for only where its condition is met, and
    has its condition in its name: `units` under `model` = "cnn" is `cnn/units`, so that a name may
    be used again under another condition.

    Args:
        trial: What is asked; None: every answer is the default.

    Attributes:
        values: The active values, by the names that `build` gave them.
    """

    def __init__(self, trial: Trial | None) -> None:
        self.values: dict[str, Any] = {}
        self._ask: Any = trial
        self._answers: dict[str, Any] = {}
        self._known: set[str] = set()
        self._scopes: list[str] = []
        self._conditions: list[tuple[str, tuple[Any, ...]]] = []

    def Int(  # noqa: N802
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str | None = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return a whole number, None outside of its condition."""
        what = f"hp.Int({name!r})"
        low, high = (_whole(what, value) for value in (min_value, max_value))
        by = None if step is None else _whole(what, step)
        kind = _sampling(what, low, high, by, sampling)
        if by is not None and kind != "linear":
            suggest, middle = self._listed([int(v) for v in _multiples(low, high, by, kind)])
        else:
            grid, middle = by or 1, None
            top = low + (high - low) // grid * grid
            log = kind == "log"

            def suggest(full: str) -> Any:
                return self._ask.suggest_int(full, low, top, step=grid, log=log)

        fits = default is not None and low <= default <= high and (default - low) % (by or 1) == 0
        preferred = default if fits else middle
        least = low if default is None else default
        return self._value(name, (parent_name, parent_values), suggest, preferred, least)

    def Float(  # noqa: N802
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return a number, None outside of its condition."""
        what = f"hp.Float({name!r})"
        low, high = float(min_value), float(max_value)
        kind = _sampling(what, low, high, step, sampling)
        if step is not None and kind != "linear":
            suggest, middle = self._listed([*_multiples(low, high, step, kind)])
        else:
            middle, top = None, high
            if step is not None:  # Optuna warns of a range that its step does not divide
                start, by = Decimal(str(low)), Decimal(str(step))
                top = float(start + (Decimal(str(high)) - start) // by * by)

            def suggest(full: str) -> Any:
                return self._ask.suggest_float(full, low, top, step=step, log=kind == "log")

        fits = default is not None and low <= default <= high
        preferred = default if fits else middle
        least = low if default is None else default
        return self._value(name, (parent_name, parent_values), suggest, preferred, least)

    def Choice(  # noqa: N802
        self,
        name: str,
        values: Sequence[Any],
        ordered: bool | None = None,
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return one of the values, None outside of its condition."""
        choices = list(values)
        if not choices:
            raise BadInput(f"hp.Choice({name!r}): it has no values")
        if default is not None and default not in choices:
            raise BadInput(f"hp.Choice({name!r}): default {default!r} is none of {choices}")
        suggest, _ = self._listed(choices)
        first = choices[0] if default is None else default
        return self._value(name, (parent_name, parent_values), suggest, default, first)

    def Boolean(  # noqa: N802
        self,
        name: str,
        default: bool = False,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return True or False, None outside of its condition."""
        suggest, _ = self._listed([False, True])
        return self._value(name, (parent_name, parent_values), suggest, default, default)

    def Fixed(  # noqa: N802
        self, name: str, value: Any, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """Return the value, None outside of its condition."""
        suggest, _ = self._listed([value])
        return self._value(name, (parent_name, parent_values), suggest, None, value)

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Put a name before those of the hyperparameters inside."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Let the hyperparameters inside be None unless the parent has one of the values."""
        parent = self._scoped(parent_name)
        if parent not in self._known:
            raise BadInput(
                f"hp.conditional_scope({parent_name!r}, ...): no hyperparameter {parent!r} was "
                "asked for before"
            )
        listed = isinstance(parent_values, list | tuple)
        self._conditions.append((parent, tuple(parent_values) if listed else (parent_values,)))
        try:
            yield
        finally:
            self._conditions.pop()

    def is_active(self, hyperparameter: str) -> bool:
        """Return whether a hyperparameter has a value, its scopes' names included."""
        return str(hyperparameter) in self.values

    def get(self, name: str) -> Any:
        """Return a value that was asked for. Raises ValueError where it is inactive, KeyError."""
        full = self._scoped(name)
        if full in self.values:
            return self.values[full]
        if full in self._known:
            raise ValueError(f"{full} is currently inactive.")
        raise KeyError(f"{full} does not exist.")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._scoped(name) in self.values

    def copy(self) -> HyperParameters:
        """Return what answers with defaults: KerasTuner's `tunable=False` asks a copy."""
        found = HyperParameters(None)
        found.values, found._known = dict(self.values), set(self._known)
        return found

    def __getattr__(self, name: str) -> Any:
        if name in ABSENT:
            raise BadInput(
                f"hp.{name} is not here: ask for values with hp.Int, Float, Choice, Boolean and "
                "Fixed, and read them with hp.get and hp.values"
            )
        raise AttributeError(f"'HyperParameters' object has no attribute {name!r}")

    def _listed(self, choices: list[Any]) -> tuple[Callable[[str], Any], Any]:
        """Return what asks for one of a few values, and the middle one."""
        return (lambda full: self._ask.suggest_categorical(full, choices)), choices[
            (len(choices) - 1) // 2
        ]

    def _value(
        self,
        name: str,
        parent: tuple[str | None, Any],
        suggest: Callable[[str], Any],
        preferred: Any,
        default: Any,
    ) -> Any:
        """Return the answer, asked for once; None where a condition is not met.

        preferred: the first trial's value, if it is not None. default: KerasTuner's.
        """
        if parent[0] is not None:
            with self.conditional_scope(parent[0], parent[1]):
                return self._value(name, (None, None), suggest, preferred, default)
        full = self._scoped(name)
        self._known.add(full)
        if not all(self.values.get(of) in among for of, among in self._conditions):
            return None
        asked = "/".join([*(_words(of, among) for of, among in self._conditions), full])
        if asked not in self._answers:
            if self._ask is None:
                self._answers[asked] = self.values.get(full, default)
            else:
                if preferred is not None and hasattr(self._ask, "prefer"):
                    self._ask.prefer(asked, preferred)
                self._answers[asked] = suggest(asked)
        self.values[full] = self._answers[asked]
        return self.values[full]

    def _scoped(self, name: str) -> str:
        return "/".join([*self._scopes, str(name)])


def _words(parent: str, values: tuple[Any, ...]) -> str:
    """Return a condition in a name: the values of a word, the name of a switch that is on."""
    if values == (True,):
        text = parent
    else:
        text = "-".join(map(str, values))
        if not all(isinstance(value, str) for value in values):
            text = f"{parent}-{text}"
    return re.sub(r"[^\w.-]+", "_", text)


def _whole(what: str, value: Any) -> int:
    if int(value) != value:
        raise BadInput(f"{what}: {value!r} is no whole number")
    return int(value)


def _sampling(what: str, low: float, high: float, step: float | None, sampling: str | None) -> str:
    """Return how a range is sampled. Raises BadInput for a range that cannot be."""
    kind = (sampling or "linear").lower()
    if kind not in SAMPLING:
        raise BadInput(f"{what}: sampling={sampling!r} is none of {', '.join(SAMPLING)}")
    if low > high:
        raise BadInput(f"{what}: min_value {low} is greater than max_value {high}")
    if kind != "linear" and low <= 0:
        raise BadInput(f"{what}: sampling={kind!r} needs a min_value above 0, and it is {low}")
    if step is not None and step <= (kind != "linear"):
        least = "above 1, as values are multiplied by it" if kind != "linear" else "above 0"
        raise BadInput(f"{what}: step is {step}: it must be {least}")
    if kind == "reverse_log" and step is None:
        _say(f"{what}: sampling='reverse_log' is sampled evenly here, over the same range")
    return kind


def _multiples(low: float, high: float, step: float, kind: str) -> Iterator[float]:
    """Yield the values that KerasTuner's multiplying steps reach."""
    for index in range(int(math.log(high / low, step) + 1e-8) + 1):
        value = low * math.pow(step, index)
        yield value if kind == "log" else high + low - value


@functools.cache
def _say(line: str) -> None:
    LOG.warning(line)
