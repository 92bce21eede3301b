"""What a space can ask for: every parameter with its range, found by asking."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from search_spaces._bad_input import BadInput
from search_spaces._choices import label, plain
from search_spaces._trials import Survey

if TYPE_CHECKING:
    from search_spaces import Params, Trial

C = TypeVar("C")


@dataclass(frozen=True)
class Dimension:
    """One parameter's range: `choices` for a categorical one, else `low` and `high`.

    always: whether every config has the parameter; False where that hangs on another one.
    """

    kind: str  # "float", "int" or "categorical"
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    choices: tuple[Any, ...] | None = None
    always: bool = field(default=True, compare=False)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The choices, or the two ends of the range; one where they are the same."""
        return self.choices or tuple(dict.fromkeys((self.low, self.high)))

    def __str__(self) -> str:
        if self.choices is not None:
            return ", ".join(str(label(choice)) for choice in self.choices)
        if self.low == self.high:
            return f"{self.low:g}"
        by = f" by {self.step:g}" if self.step not in (None, 1) else ""
        return f"{self.low:g} to {self.high:g}{by}" + (" (log)" if self.log else "")


def check_value(name: str, value: Any, dimension: Dimension) -> None:
    """Raise BadInput where a value of the baseline that was given is none of a parameter's."""
    low, high = dimension.low, dimension.high
    if dimension.choices is not None:
        fits = any(plain(value) == plain(choice) for choice in dimension.choices)
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = number and low is not None and high is not None and low <= value <= high
    if not fits:
        raise BadInput(
            f"Objective(baseline=...): {name} is {value!r}, and the sweep takes {dimension}"
        )


def survey(suggest: Callable[[Trial], Any]) -> dict[str, tuple[Dimension, Params]]:
    """Return every parameter that a space can ask for, and answers that make it ask for it.

    The space is asked once for every choice of every parameter (both ends of a range), starting
    from the paths that were already found, and then for every pair of choices, many pairs at
    once: a parameter may hang on two others. Answers that the space raises for are passed over.
    """
    found: dict[str, tuple[Dimension, Params]] = {}
    paths: list[Params] = [{}]
    asked: list[Params] = []
    common: set[str] | None = None  # what every config has that could be built
    while paths:
        forced = paths.pop(0)
        if forced in asked:
            continue
        asked.append(forced)
        trial = Survey(forced)
        try:
            suggest(trial)
        except Exception:  # a net that cannot be built of these answers
            if not forced:
                raise
        else:
            common = set(trial.seen) if common is None else common & set(trial.seen)
        for name, dimension in trial.seen.items():
            if name not in found:
                found[name] = dimension, forced
                paths.extend({**forced, name: end} for end in dimension.ends)
        if not paths:
            paths = _pairs(found, asked)
    return {
        name: (dataclasses.replace(dimension, always=name in (common or ())), answers)
        for name, (dimension, answers) in found.items()
    }


def _pairs(found: Mapping[str, tuple[Dimension, Params]], asked: Sequence[Params]) -> list[Params]:
    """Return few answers in which every two ends of two parameters meet, if `asked` has none."""
    ends = {name: dimension.ends for name, (dimension, _) in found.items()}
    places = {(name, end): None for name in ends for end in range(len(ends[name]))}
    missing = dict.fromkeys(p for p in itertools.combinations(places, 2) if p[0][0] != p[1][0])

    def met(row: Mapping[str, int]) -> list[Any]:
        chosen = [(name, row[name]) for name in ends if name in row]
        return [pair for pair in itertools.combinations(chosen, 2) if pair in missing]

    def drop(row: Mapping[str, int]) -> None:
        for pair in met(row):
            del missing[pair]

    def numbers(answers: Params) -> dict[str, int]:
        return {n: ends[n].index(v) for n, v in answers.items() if v in ends[n]}

    for answers in asked:
        drop(numbers(answers))
    rows = []
    while missing:
        row = dict(next(iter(missing)))
        for name in tuple(row):  # what makes the space ask for both
            row = numbers(found[name][1]) | row
        for name in ends:
            if name not in row:
                row[name] = max(range(len(ends[name])), key=lambda n: len(met({**row, name: n})))
        drop(row)
        rows.append({name: ends[name][end] for name, end in row.items()})
    return rows


def dimensions(suggest: Callable[[Trial], Any]) -> dict[str, Dimension]:
    """Return every parameter that a space can ask for, conditional ones included."""
    return {name: dimension for name, (dimension, _) in survey(suggest).items()}


def sample_with(suggest: Callable[[Trial], C], answers: Mapping[str, Any]) -> C:
    """Return the config of the first choice and the low end everywhere but in `answers`."""
    return suggest(Survey(answers))
