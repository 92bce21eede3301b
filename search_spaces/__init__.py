"""What may vary: the contract between a search space and whoever samples it.

A space is a function that asks a trial for values and returns a frozen config, the baseline
config, and the way back from a config to the flat parameters that Optuna keeps. Nothing here
imports more than the standard library, so declaring a sweep costs nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from search_spaces._bad_input import BadInput
from search_spaces._choices import label, match, plain
from search_spaces._dimensions import Dimension, check_value, dimensions, sample_with, survey
from search_spaces._hyperparameters import HyperParameters
from search_spaces._labels import label_of
from search_spaces._nearest import Nearest
from search_spaces._trials import Middle, Narrowed, Recording, Replay, Starting, Survey

__all__ = [
    "BadInput",
    "Dimension",
    "HyperParameters",
    "Narrowed",
    "Params",
    "Recording",
    "Replay",
    "Space",
    "Starting",
    "Survey",
    "Trial",
    "check_value",
    "dimensions",
    "flat",
    "label",
    "match",
    "plain",
    "recorded",
    "sample_with",
    "short",
    "survey",
]

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
    for the middle of every range (the geometric one where it is logarithmic) and the first choice,
    but for what `start` names.
    params: the inverse of `suggest`: `suggest(Replay(params(config))) == config`.
    label: at most 18 characters that tell one config from another.
    restore: from flat parameters to the config; None asks `suggest`, which must then be cheap.
    by_building: whether `suggest` builds a model to find out what is asked for. It is then called
    once for each trial that is proposed, and for nothing else.
    portfolio: configs that a study trains after the baseline, best first, before any is sampled.
    own: from the numbers of training rows and of columns (the length of the inputs' last axis) to
    the space of a user's own data; None: this one.
    first_is: what the first config is where `baseline` is None, in words.
    added: hyperparameters that studies of earlier versions lack, and what each stands at there.
    """

    suggest: Callable[[Trial], C]
    baseline: C
    params: Callable[[C], Params] = flat
    label: Callable[[C], str] = short
    start: Mapping[str, Any] = field(default_factory=dict)
    restore: Callable[[Params], C] | None = None
    by_building: bool = False
    portfolio: tuple[C, ...] = ()
    own: Callable[[int, int], Space[C]] | None = None
    first_is: str = "the middle of each range and the first choice"
    added: Params = field(default_factory=dict)

    def config(self, params: Mapping[str, Any]) -> C:
        """Return the config of flat parameters."""
        if self.restore is not None:
            return self.restore(dict(params))
        return self.suggest(Replay({**self.added, **params}))

    def first(self) -> C:
        """Return the config that a study trains first."""
        return self.suggest(Middle(self.start)) if self.baseline is None else self.baseline

    def starts(self, ranges: Mapping[str, Dimension]) -> list[Params]:
        """Return the parameters of the portfolio, moved into narrowed ranges.

        A value that they exclude becomes the nearest one that they have. What then equals the
        baseline or a config before it is left out, and so is a config that now lacks a parameter.
        """
        found = [self.params(self.first())] if self.portfolio else []
        for config in self.portfolio:
            try:
                asked = Narrowed(Nearest(self.params(config)), ranges)
                moved = self.params(self.suggest(asked))
            except KeyError:  # the width of a linear model that is to have layers
                continue
            if moved not in found:
                found.append(moved)
        return found[1:]


def recorded(build: Callable[[Any], Any], start: Mapping[str, Any] | None = None) -> Space[Any]:
    """Return the space of a function that asks the trial while it builds: configs are dicts.

    start: values of the baseline's, by name.
    """

    def suggest(trial: Trial) -> Params:
        recording = Recording(trial)
        build(recording)
        return recording.params

    return Space(suggest, None, start=start or {}, restore=dict, by_building=True)
