"""What a function of the user's has to be called with."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces import BadInput, Replay, Space, plain, recorded

if TYPE_CHECKING:
    import keras

    from objectives import Data


def required(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that a call has to give by position."""
    empty, positional = inspect.Parameter.empty, inspect.Parameter.POSITIONAL_OR_KEYWORD
    found = inspect.signature(function).parameters.values()
    return [one.name for one in found if one.default is empty and one.kind is positional]


def key_of(params: Mapping[str, Any]) -> str:
    """Return a text that tells one config of `build(trial)` from another."""
    return repr(sorted(plain(dict(params)).items()))


@dataclass(frozen=True)
class Build:
    """A user's `build`, called as `build(config, data)` whatever it takes.

    by_trial: it asks a trial while it builds. takes_data: it takes the data too. takes_metrics: it
    has an argument of that name, for the names of metrics to compile with.
    """

    function: Callable[..., Any]
    by_trial: bool
    takes_data: bool
    takes_metrics: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "__wrapped__", self.function)  # for `inspect.unwrap`

    @classmethod
    def of(cls, function: Callable[..., Any], by_trial: bool) -> Build:
        """Return what calls a function of the user's. Raises BadInput for what it cannot take."""
        if isinstance(function, Build):
            return function
        if hasattr(function, "fit_arguments") and not by_trial:
            raise BadInput("from_keras_tuner(build) asks for its values itself: leave space= out")
        asked = required(function)
        first = "trial" if by_trial else "config"
        if len(asked) < 3 and not (by_trial and asked[:1] == ["config"]):
            adapted = hasattr(function, "fit_arguments")
            metrics = "metrics" in inspect.signature(function).parameters and not adapted
            return cls(function, by_trial, len(asked) == 2, metrics)
        hint = "" if not by_trial else ", or give space=Space(...), from which its config comes"
        raise BadInput(
            f"build takes {', '.join(asked)}: let it take the {first} alone, or "
            f"{first} and data{hint}"
        )

    def __call__(
        self, config: Any, data: Data | None, metrics: tuple[str, ...] = ()
    ) -> keras.Model:
        """Return the model of a config."""
        return self._called(Replay(config) if self.by_trial else config, data, metrics)

    def space(self, start: Mapping[str, Any] | None, data: Callable[[], Data]) -> Space[Any]:
        """Return the space that a trial is asked for; the data are read when it is."""
        found = recorded(
            lambda trial: self._called(trial, data() if self.takes_data else None), start
        )
        first_is = getattr(self.function, "first_is", found.first_is)
        return dataclasses.replace(found, first_is=first_is)

    def fit_arguments(self, config: Any) -> Mapping[str, Any]:
        """Return the arguments of `model.fit` that a HyperModel chooses for a config."""
        own = getattr(self.function, "fit_arguments", None)
        return {} if own is None else own(config)

    def fit_callbacks(self, config: Any) -> list[Any]:
        """Return the callbacks that a HyperModel adds for a config, fresh."""
        own = getattr(self.function, "fit_callbacks", None)
        return [] if own is None else own(config)

    def _called(self, asked: Any, data: Data | None, metrics: tuple[str, ...] = ()) -> Any:
        named = {"metrics": metrics} if self.takes_metrics else {}
        return self.function(asked, *([data] if self.takes_data else []), **named)
