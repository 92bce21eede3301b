"""What a user's `build` gave, if it is no compiled model: refused with what to write."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import keras

from objectives import PARTS, BadInput, Data
from objectives.reading import shown, similar
from objectives.structures import nested
from objectives.training import NoModel


def require_model(given: Any, *, first: bool) -> None:
    """Raise where `build` gave anything but one compiled model.

    Args:
        given: What it returned.
        first: Whether it gave no model before: then no trial can be trained. Else it may be one
            branch of `build` alone that gives none.

    Raises:
        NoModel: If it is the first.
        TypeError: If it is a later one, so that this trial alone fails.
    """
    if isinstance(given, keras.Model) and given.compiled:
        return
    line = f"build gave {_named(given)}: {_instead(given)}"
    raise NoModel(line) if first else TypeError(line)


def require_fit(model: keras.Model, data: Data) -> None:
    """Raise BadInput where the data plainly lack what the model asks for.

    What cannot be told before a step is left to Keras.
    """
    steps = ("train_step", "test_step", "compute_loss")
    if (
        data.train.y is None
        and model.loss is not None
        and all(getattr(type(model), name) is getattr(keras.Model, name) for name in steps)
    ):
        raise BadInput(
            f"load gave no y, and the model is compiled with loss={shown(repr(model.loss))}: give "
            "(x, y); an autoencoder's y is x"
        )
    if isinstance(data.train.y, Mapping):
        outputs = getattr(model, "_outputs_struct", None)
        known = [*outputs] if isinstance(outputs, Mapping) else getattr(model, "output_names", [])
        for key in data.train.y if known else ():
            if key not in known:
                raise BadInput(f'y["{key}"]: the model has no such output; {similar(key, known)}')
    whole = getattr(model, "_functional", None) or model  # of a sequential model, built or not
    wanted = getattr(whole, "_inputs_struct", None)
    if isinstance(data.train.x, Mapping) and not isinstance(wanted, Mapping | None):
        wanted = {one.name: one for one in keras.tree.flatten(wanted)}
    if isinstance(wanted, keras.KerasTensor) and not nested(data.train.x):
        _require_shape(wanted, data, "x", lambda x: x)
    if isinstance(wanted, Mapping) and isinstance(data.train.x, Mapping):
        for key, one in wanted.items():
            if key not in data.train.x:
                raise BadInput(
                    f'the model has the input "{key}": x has no such array; '
                    f"{similar(key, data.train.x)}"
                )
            if isinstance(one, keras.KerasTensor) and not nested(data.train.x[key]):
                _require_shape(one, data, f'x["{key}"]', operator.itemgetter(key))


def _alike(given: tuple[Any, ...], asked: tuple[Any, ...]) -> bool:
    return len(given) == len(asked) and all(
        size in (None, own) for own, size in zip(given, asked, strict=True)
    )


def _require_shape(wanted: Any, data: Data, name: str, of: Callable[[Any], Any]) -> None:
    """Raise BadInput where the rows of an input have another shape than the model reads."""
    for part in PARTS:
        found, asked = tuple(of(getattr(data, part).x).shape[1:]), tuple(wanted.shape[1:])
        # Keras adds and drops a last axis of 1.
        if not any(_alike(found, size) for size in (asked, (*asked, 1))) and not (
            asked[-1:] == (1,) and _alike(found, asked[:-1])
        ):
            raise BadInput(
                f"the model reads rows of the shape {asked}, and {name} of the {part} part has "
                f"{found}"
            )


def _named(given: Any) -> str:
    if given is None:
        return "None"
    if isinstance(given, keras.Model):
        return f"a {type(given).__name__} that is not compiled"
    if isinstance(given, type):
        return f"the class {given.__name__}"
    if isinstance(given, tuple | list):
        parts = ", ".join(type(part).__name__ for part in given[:4])
        return (
            f"a {type(given).__name__} of {parts}" if given else f"an empty {type(given).__name__}"
        )
    return f"{shown(repr(given))} ({type(given).__name__})"


def _instead(given: Any) -> str:
    if isinstance(given, keras.Model):
        return "call model.compile(optimizer, loss) in it, before it returns the model"
    if isinstance(given, type):
        return "let it return a compiled model of that class"
    if isinstance(given, keras.callbacks.History):
        return "let it return the compiled model itself, and leave model.fit out"
    return "let it end with `return model`, one compiled keras.Model"
