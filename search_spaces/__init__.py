"""What may vary: the contract between a search space and whoever samples it.

A space is a function that asks a trial for values and returns a frozen config, the baseline
config, and the way back from a config to the flat parameters that Optuna keeps. Nothing here
imports more than the standard library, so declaring a sweep costs nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from search_spaces._labels import label_of

Value = bool | int | float | str | None
Params = dict[str, Any]
C = TypeVar("C")


class Trial(Protocol):
    """What a space needs of a trial: the `suggest_*` methods, exactly as Optuna has them."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a float from [low, high]."""
        ...

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return an int from [low, high]."""
        ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of the choices."""
        ...


def flat(config: Any) -> Params:
    """Return the parameters of a config whose fields carry the parameters' names."""
    if isinstance(config, Mapping):
        return dict(config)
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


def short(config: Any) -> str:
    """Return a label such as `units=16 lr=0.035`, for lists and charts."""
    return label_of(flat(config))


@dataclass(frozen=True)
class Space(Generic[C]):
    """A search space.

    suggest: samples a config, asking the trial only for what applies (conditional parameters).
    baseline: the config that every study trains first, and that nothing ever prunes; None stands
    for the first choice and the low end of everything.
    params: the inverse of `suggest`: `suggest(Replay(params(config))) == config`.
    label: at most 18 characters that tell one config from another.
    """

    suggest: Callable[[Trial], C]
    baseline: C
    params: Callable[[C], Params] = flat
    label: Callable[[C], str] = short

    def first(self) -> C:
        """Return the config that a study trains first."""
        return sample_with(self.suggest, {}) if self.baseline is None else self.baseline


def recorded(build: Callable[[Any], Any], baseline: Params | None = None) -> Space[Any]:
    """Return the space of a function that asks the trial while it builds: configs are dicts."""

    def suggest(trial: Trial) -> Params:
        recording = Recording(trial)
        build(recording)
        return recording.params

    return Space(suggest, baseline)


class Replay:
    """A trial that answers with given parameters, and raises KeyError for any other."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = dict(params)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return the given value."""
        return float(self.params[name])

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return the given value."""
        return int(self.params[name])

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return the given value."""
        return self.params[name]


@dataclass(frozen=True)
class Dimension:
    """One parameter's range: `choices` for a categorical one, else `low` and `high`."""

    kind: str  # "float", "int" or "categorical"
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    choices: tuple[Any, ...] | None = None

    @property
    def ends(self) -> tuple[Any, ...]:
        """The choices, or the two ends of the range; one where they are the same."""
        return self.choices or tuple(dict.fromkeys((self.low, self.high)))

    def __str__(self) -> str:
        if self.choices is not None:
            return ", ".join(str(choice) for choice in self.choices)
        if self.low == self.high:
            return f"{self.low:g}"
        by = f" by {self.step:g}" if self.step not in (None, 1) else ""
        return f"{self.low:g} to {self.high:g}{by}" + (" (log)" if self.log else "")


class Narrowed:
    """A trial seen through `--fix` and `--range`: replaced ranges, everything else unchanged."""

    def __init__(self, trial: Trial, ranges: Mapping[str, Dimension]) -> None:
        self._trial = trial
        self._ranges = ranges

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest from the replaced range, if there is one."""
        given = self._ranges.get(name)
        if given is not None and given.low is not None and given.high is not None:
            low, high, step = given.low, given.high, None
            log = log and low > 0
        return self._trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Suggest from the replaced range, if there is one."""
        given = self._ranges.get(name)
        if given is not None and given.low is not None and given.high is not None:
            low, high = int(given.low), int(given.high)
            log = log and low > 0
            high -= (high - low) % step  # values stay on the grid that was asked for
        return self._trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Suggest from the replaced choices, if there are any."""
        given = self._ranges.get(name)
        if given is not None and given.choices is not None:
            choices = given.choices
        return self._trial.suggest_categorical(name, choices)


class Recording(Narrowed):
    """A trial that passes on what is asked and remembers what was answered."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial, {})
        self.params: Params = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest, and remember."""
        self.params[name] = super().suggest_float(name, low, high, step=step, log=log)
        return float(self.params[name])

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Suggest, and remember."""
        self.params[name] = super().suggest_int(name, low, high, step=step, log=log)
        return int(self.params[name])

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Suggest, and remember."""
        self.params[name] = super().suggest_categorical(name, choices)
        return self.params[name]


class _Survey:
    """A trial that records every range it is asked for, answering with one forced choice."""

    def __init__(self, forced: Mapping[str, Any]) -> None:
        self.forced = forced
        self.seen: dict[str, Dimension] = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self.seen[name] = Dimension("float", low, high, log, step)
        return float(self.forced.get(name, low))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        self.seen[name] = Dimension("int", low, high, log, step)
        return int(self.forced.get(name, low))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.seen[name] = Dimension("categorical", choices=tuple(choices))
        return self.forced.get(name, choices[0])


def survey(suggest: Callable[[Trial], Any]) -> dict[str, tuple[Dimension, Params]]:
    """Return every parameter that a space can ask for, and answers that make it ask for it.

    The space is asked once for every choice of every parameter (both ends of a range), starting
    from the paths that were already found, and then for every pair of choices, many pairs at
    once: a parameter may hang on two others. Answers that the space raises for are passed over.
    """
    found: dict[str, tuple[Dimension, Params]] = {}
    paths: list[Params] = [{}]
    asked: list[Params] = []
    while paths:
        forced = paths.pop(0)
        if forced in asked:
            continue
        asked.append(forced)
        trial = _Survey(forced)
        try:
            suggest(trial)
        except Exception:  # a net that cannot be built of these answers
            if not forced:
                raise
        for name, dimension in trial.seen.items():
            if name not in found:
                found[name] = dimension, forced
                paths.extend({**forced, name: end} for end in dimension.ends)
        if not paths:
            paths = _pairs(found, asked)
    return found


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
    return suggest(_Survey(answers))
