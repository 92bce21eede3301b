"""An objective function of Optuna's, which builds and trains by itself, as an objective here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from objectives.signatures import key_of, required
from search_spaces import BadInput, Replay

UNCOMPILED = "the function trains by itself: its epochs are those of model.fit, none is compiled"


class Begun(BaseException):
    """The function has asked for its values and begins to train. No `except Exception` stops it.

    model: whose `fit` it called; None where it reported a value.
    """

    def __init__(self, model: Any = None) -> None:
        super().__init__()
        self.model = model


class FromOptuna:
    """A `build(trial)` that calls an objective function of Optuna's up to its first `model.fit`.

    Args:
        function: `function(trial)` returns a float.

    Raises:
        BadInput: It takes something else.
    """

    def __init__(self, function: Callable[[Any], float]) -> None:
        if len(taken := required(function)) != 1:
            raise BadInput(
                f"the function takes {', '.join(taken) or 'nothing'}: study.optimize's takes the "
                "trial alone; bind the others, lambda trial: objective(trial, ...)"
            )
        self.__wrapped__ = self.function = function
        self._epochs: dict[str, int | None] = {}

    def fit_arguments(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the epochs that the first fit asks for."""
        key = key_of(config)
        if key not in self._epochs:
            self(Replay(config))
        return {"epochs": self._epochs.get(key)}

    def fit_callbacks(self, config: Mapping[str, Any]) -> list[Any]:
        """Return no callbacks: the function has its own."""
        return []

    def __call__(self, trial: Any) -> Any:
        """Return the model that is to be trained, None where no `fit` is called."""

        def fit(model: Any, arguments: Mapping[str, Any]) -> Any:
            self._epochs[key_of(trial.params)] = arguments.get("epochs", 1)
            raise Begun(model)

        try:
            with fitting(fit):
                self.function(Asking(trial))
        except Begun as begun:
            return begun.model
        except BadInput:
            raise
        except Exception:  # noqa: S110 (the trial itself shows it: it is run in any case)
            pass
        return None


class Asking:
    """The trial that a function is given while it is asked what it will train."""

    number = 0

    def __init__(self, trial: Any) -> None:
        self._trial = trial
        self.user_attrs: dict[str, Any] = {}

    def report(self, value: float, step: int) -> None:
        """End the asking: training has begun."""
        raise Begun

    def should_prune(self) -> bool:
        """End the asking: training has begun."""
        raise Begun

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a note with the trial."""
        self.user_attrs[key] = value
        self._trial.set_user_attr(key, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)


@contextmanager
def fitting(fit: Callable[[Any, dict[str, Any]], Any]) -> Iterator[Callable[..., Any]]:
    """Let a function of (model, arguments) stand for `keras.Model.fit`; give Keras's own."""
    import inspect

    import keras

    own = keras.Model.fit
    inherited = "fit" not in vars(keras.Model)

    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        arguments = dict(inspect.signature(own).bind(self, *args, **kwargs).arguments)
        arguments.pop("self", None)
        return fit(self, arguments | arguments.pop("kwargs", {}))

    keras.Model.fit = called
    try:
        yield own
    finally:
        if inherited:
            del keras.Model.fit
        else:
            keras.Model.fit = own


def nothing(source: Any) -> Any:
    """Return data that stand for those which a function reads itself."""
    import numpy as np

    from objectives.data import Data, Part, Source

    part = Part(np.zeros((1, 1), np.float32), np.zeros(1, np.float32))
    return Data(part, part, part, source=Source(), details={"said": "read by the function itself"})
