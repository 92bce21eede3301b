"""A KerasTuner HyperModel, or its `build(hp)`, as what an objective builds with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from objectives.signatures import key_of, required
from search_spaces import BadInput, HyperParameters, Replay, plain

MODULES = ("keras_tuner", "kerastuner")
ONLY = "HyperModel.fit may choose arguments of model.fit and then return model.fit(...)"
TRAINING = {
    *("train_on_batch", "test_on_batch", "predict_on_batch", "train_step", "test_step"),
    *("predict", "evaluate", "make_train_function", "set_weights", "load_weights", "save"),
}


def from_keras_tuner(hypermodel: Any) -> FromKerasTuner:
    """Return what runs a KerasTuner HyperModel, or a function `build(hp)`, unchanged.

    KerasTuner need not be installed. Give the result as `Objective(build=...)`.

    Args:
        hypermodel: An object with `build(hp)` and maybe `fit(hp, model, *args, **kwargs)`, or the
            function `build(hp)`. Its `fit` may choose batch_size, epochs, shuffle,
            steps_per_epoch and callbacks of `model.fit`.

    Raises:
        BadInput: It is neither.
    """
    return FromKerasTuner(hypermodel)


@dataclass
class Plan:
    """What a HyperModel's `fit` passes to `model.fit`, but for the data.

    callbacks: None once they have been taken: each training needs its own.
    """

    params: Mapping[str, Any]
    arguments: dict[str, Any]
    callbacks: list[Any] | None = field(default_factory=list)


class FromKerasTuner:
    """A `build(trial)` that hands an `hp` to KerasTuner's `build(hp)`."""

    first_is = (
        "the default of each hyperparameter that has one, else the middle of its range and the "
        "first choice"
    )

    def __init__(self, hypermodel: Any) -> None:
        if inspect.isclass(hypermodel) and hasattr(hypermodel, "build"):
            raise BadInput(
                f"from_keras_tuner({hypermodel.__name__}) is given a class: give a HyperModel, "
                f"{hypermodel.__name__}(...)"
            )
        build = getattr(hypermodel, "build", hypermodel)
        if not callable(build):
            raise BadInput(
                f"from_keras_tuner was given {type(hypermodel).__name__}: it takes a function "
                "build(hp) or an object with such a method"
            )
        theirs = str(getattr(build, "__module__", "")).startswith(MODULES)
        self.__wrapped__ = hypermodel._build if theirs else build  # as KerasTuner wraps it
        if len(taken := required(self.__wrapped__)) != 1:
            raise BadInput(f"build takes {', '.join(taken)}: KerasTuner's takes hp alone")
        self._build: Callable[..., Any] = build
        self._declare = getattr(hypermodel, "declare_hyperparameters", None)
        own = getattr(hypermodel, "fit", None)
        theirs = str(getattr(own, "__module__", "")).startswith(MODULES)
        self._fit: Callable[..., Any] | None = None if theirs else own
        self._plan: Plan | None = None
        self._arguments: dict[str, dict[str, Any]] = {}  # by the parameters

    def __call__(self, trial: Any) -> Any:
        """Return the model; its `fit`, if it has one, is asked what it would train with."""
        hp = HyperParameters(trial)
        if self._declare is not None:
            self._declare(hp)
        model = self._build(hp)
        if self._fit is not None:
            arguments, callbacks = asked(self._fit, hp, model)
            self._plan = Plan(plain(trial.params), arguments, callbacks)
            self._arguments[key_of(trial.params)] = arguments
        return model

    def fit_arguments(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of `model.fit` that a config's `fit` chooses, without data."""
        known = self._arguments.get(key_of(config))
        return self._planned(config).arguments if known is None else known

    def fit_callbacks(self, config: Mapping[str, Any]) -> list[Any]:
        """Return the callbacks that a config's `fit` adds, fresh."""
        plan = self._planned(config)
        if plan.callbacks is None:
            plan = self._planned(config, anew=True)
        found, plan.callbacks = plan.callbacks or [], None
        return found

    def _planned(self, config: Mapping[str, Any], anew: bool = False) -> Plan:
        if self._fit is None:
            return Plan(config, {})
        if not anew and self._plan is not None and self._plan.params == plain(config):
            return self._plan
        self(Replay(config))
        return self._plan or Plan(config, {})


class Given:
    """Stands for data, or for what training returns: it may be passed on, and nothing else."""

    def __init__(self, what: str, instead: str) -> None:
        object.__setattr__(self, "_refusal", (what, instead))

    def _refuse(self, *_: Any, **__: Any) -> Any:
        what, instead = object.__getattribute__(self, "_refusal")
        raise BadInput(f"HyperModel.fit uses {what}: {instead}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python and Keras ask what it is
            raise AttributeError(name)
        return self._refuse()

    __len__ = __iter__ = __getitem__ = __array__ = __float__ = __call__ = __bool__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse


class Trained:
    """A model whose `fit` is noted and not run; whatever else trains it is refused."""

    _model: Any
    calls: list[dict[str, Any]]
    history: Given

    def __init__(self, model: Any) -> None:
        instead = "return model.fit(...) unchanged; a trial's value is the best one of the monitor"
        history = Given("the history of model.fit", instead)
        vars(self).update(_model=model, calls=[], history=history)

    def fit(self, *args: Any, **kwargs: Any) -> Given:
        """Note the arguments."""
        bound = inspect.signature(type(self._model).fit).bind(self._model, *args, **kwargs)
        found = dict(list(bound.arguments.items())[1:])
        for extra in [name for name in found if name == "kwargs"]:
            found |= found.pop(extra)
        self.calls.append(found)
        return self.history

    def __getattr__(self, name: str) -> Any:
        if name in TRAINING:
            raise BadInput(f"HyperModel.fit calls model.{name}: {ONLY}")
        return getattr(self._model, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._model, name, value)

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Refuse a training loop of one's own."""
        raise BadInput(f"HyperModel.fit calls the model itself: {ONLY}")


def asked(
    fit: Callable[..., Any], hp: HyperParameters, model: Any
) -> tuple[dict[str, Any], list[Any]]:
    """Return the arguments and the callbacks that a HyperModel's `fit` passes to `model.fit`.

    Raises BadInput, in one line, for a `fit` that does more.
    """
    instead = "let load give the data as the model takes them"
    x, y, z, v = (Given(f"the {what}", instead) for what in ("x", "y", "validation x", "y"))
    trained, validation = Trained(model), (z, v)
    try:
        returned = fit(hp, trained, x, y, validation_data=validation, callbacks=[])
    except BadInput:
        raise
    except Exception as fault:
        raise BadInput(
            f"HyperModel.fit cannot be asked what it trains with ({type(fault).__name__}: "
            f"{str(fault).splitlines()[0] if str(fault) else ''}): {ONLY}"
        ) from fault
    if len(trained.calls) != 1:
        raise BadInput(f"HyperModel.fit calls model.fit {len(trained.calls)} times: {ONLY}")
    if returned is not trained.history:
        raise BadInput(
            f"HyperModel.fit returns {type(returned).__name__}: let it return what model.fit "
            "gave; a trial's value is the best one of the monitor"
        )
    (found,) = trained.calls
    for name, own in (("x", x), ("y", y), ("validation_data", validation)):
        given = found.pop(name, own)
        pair = isinstance(given, tuple) and len(given) == 2 and isinstance(own, tuple)
        if given is not own and not (pair and given[0] is own[0] and given[1] is own[1]):
            raise BadInput(f"HyperModel.fit gives other {name} than it was given: {instead}")
    return found, list(found.pop("callbacks", None) or [])
