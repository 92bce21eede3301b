"""Data that lack what a model asks for: refused before anything trains, with their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from objectives import PARTS, BadInput, Data
from objectives.data import FIELDS
from objectives.reading import shown, similar
from objectives.reading.ragged import Ragged
from objectives.structures import items, leaves, named, nested, words

STEPS = ("train_step", "test_step", "compute_loss")


def require_fit(model: keras.Model, data: Data) -> None:
    """Raise BadInput where the data plainly lack what the model asks for.

    What cannot be told before a step is left to `Readable`, and to Keras.
    """
    x, y = data.train.x, data.train.y
    own = any(getattr(type(model), name) is not getattr(keras.Model, name) for name in STEPS)
    if y is None and model.loss is not None and not own:
        raise BadInput(
            f"load gave no y, and the model is compiled with loss={shown(repr(model.loss))}: give "
            "(x, y); an autoencoder's y is x"
        )
    whole = getattr(model, "_functional", None) or model  # of a sequential model, built or not
    wanted, outputs = (getattr(whole, f"_{name}_struct", None) for name in ("inputs", "outputs"))
    if isinstance(y, Mapping):
        known = [*outputs] if isinstance(outputs, Mapping) else getattr(model, "output_names", [])
        for key in y if known else ():
            if key not in known:
                raise BadInput(f'y["{key}"]: the model has no such output; {similar(key, known)}')
    _require_count(model, "input", wanted, data)
    if not own:
        _require_count(model, "output", outputs, data)
    if isinstance(x, Mapping) and not isinstance(wanted, Mapping | None):
        wanted = {one.name: one for one in keras.tree.flatten(wanted)}
    if isinstance(wanted, Mapping) and isinstance(x, Mapping):
        for key in wanted:
            if key not in x:
                raise BadInput(
                    f'the model has the input "{key}": x has no such array; {similar(key, x)}'
                )
    for place, one in _inputs(wanted, x):
        _require_shape(one, data, place)


def _require_count(model: keras.Model, what: str, wanted: Any, data: Data) -> None:
    """Raise BadInput where a list has other arrays than a model has inputs, or outputs."""
    name = "x" if what == "input" else "y"
    given = getattr(data.train, name)
    known = 1 if wanted is None else len(keras.tree.flatten(wanted))
    if not isinstance(given, tuple) or len(leaves(given)) == known:
        return
    if wanted is None and not isinstance(model, keras.Sequential):
        return
    hint, parts = "", [getattr(data.train, field) for field in FIELDS]
    tuples = [part for part in parts if part is not None]
    if all(isinstance(part, tuple) and len(part) == len(tuples[0]) for part in tuples[:2]):
        shapes = " / ".join(
            ", ".join(str(tuple(leaf.shape[1:])) for leaf in leaves(part)) for part in tuples
        )
        hint = f"; if load gave parts, such as (x, y), their rows have to be alike: {shapes}"
    raise BadInput(
        f"the model has {known} {what}{'s' * (known > 1)}, and {name} has {len(leaves(given))} "
        f"arrays ({words(given, name)}){hint}"
    )


def _inputs(wanted: Any, given: Any) -> Iterator[tuple[str, Any]]:
    """Yield each array's name, and the input that reads it, where both are told apart."""
    pairs = [("x", wanted, given)]
    if isinstance(given, Mapping) and isinstance(wanted, Mapping):
        pairs = [(f'x["{key}"]', one, given[key]) for key, one in wanted.items()]
    elif isinstance(given, tuple) and isinstance(wanted, (list, tuple)):
        found = zip(wanted, items(given), strict=False)
        pairs = [(f"x[{place}]", one, array) for one, (place, array) in found]
    for name, one, array in pairs:
        if isinstance(one, keras.KerasTensor) and not nested(array):
            yield name, one


def _fits(given: tuple[Any, ...], asked: tuple[Any, ...]) -> bool:
    return len(given) == len(asked) and all(
        size in (None, own) for own, size in zip(given, asked, strict=True)
    )


def _require_shape(wanted: Any, data: Data, name: str) -> None:
    """Raise BadInput where the rows of an input have another shape than the model reads."""
    for part in PARTS:
        leaf = dict(named(getattr(data, part).x, "x"))[name]
        found, asked = tuple(leaf.shape[1:]), tuple(wanted.shape[1:])
        # Keras adds and drops a last axis of 1.
        if not any(_fits(found, size) for size in (asked, (*asked, 1))) and not (
            asked[-1:] == (1,) and _fits(found, asked[:-1])
        ):
            hint = "; pad its rows, keras.utils.pad_sequences(x)" * isinstance(leaf, Ragged)
            raise BadInput(
                f"the model reads rows of the shape {asked}, and {name} of the {part} part has "
                f"{found}{hint}"
            )
