"""An average of nets as one model of Keras's own layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from objectives.structures import leaves, mapped, nested
from objectives.training.epochs import fed
from objectives.training.judged import Judge, Meaningless
from objectives.training.packing import Packing


def joined(
    members: Sequence[tuple[keras.Model, float]],
    x: Any,
    packing: Packing,
    *,
    by_name: bool = False,
    like: keras.Model | None = None,
) -> keras.Model:
    """Return one model: the weighted sum of what the members predict.

    Args:
        members: Models of their own, and their weights.
        x: Rows that they take.
        packing: Of what they predict.
        by_name: Each member takes some of the columns, one input for each.
        like: Is compiled as the result has to be, None for the first member.
    """
    models = [model for model, _ in members]
    first = models[0]
    raw = _shared(models) if by_name else _inputs(first, x)
    judged = Judge.compiled_with(like or first)
    names = packing.names or ("average",)
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for place, (model, weight) in enumerate(members):
        model.name = f"net_{place}"
        uncompiled(model)
        said = model(_own(model, raw) if by_name else raw)
        for name, one in zip(names, _several(said, packing), strict=True):
            label = f"weight_{place}" + (f"_{name}" if packing.names else "")
            parts[name].append(keras.layers.Rescaling(weight, dtype=one.dtype, name=label)(one))
    totals = {name: _total(of, name) for name, of in parts.items()}
    total: Any = totals if packing.keyed else list(totals.values())
    if not packing.names:
        total = totals["average"]
    whole = keras.Model(list(raw.values()) if by_name else raw, total, name="average_of_nets")
    whole.compile("sgd", **judged)  # an optimizer that keeps no variables in the file
    return whole


def uncompiled(model: keras.Model) -> None:
    """Keep what a member was compiled with out of the file: an optimizer is twice its weights."""
    model.compiled, model.optimizer, model._compile_metrics = False, None, None


def packing_of(model: keras.Model, x: Any) -> Packing:
    """Return how what a model predicts is one array. Raises Meaningless for what is no numbers."""
    said = model.predict(mapped(lambda leaf: fed(leaf[:1]), x), verbose=0)
    found = Packing.of(said, getattr(model, "output_names", None))
    if found is None:
        raise Meaningless("the model predicts something else than arrays of numbers")
    return found


def _inputs(model: keras.Model, x: Any) -> Any:
    """Return fresh inputs like a model's own, or, where it declares none, like these rows."""
    if getattr(model, "inputs", None):
        own = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
        return keras.tree.map_structure(
            lambda one: keras.Input(one.shape[1:], dtype=one.dtype, name=one.name), own
        )
    flat = isinstance(x, Mapping) and not any(map(nested, x.values()))
    names = iter(x if flat else [None] * len(leaves(x)))
    return mapped(
        lambda array: keras.Input(array.shape[1:], dtype=_dtype(array), name=next(names)), x
    )


def _shared(models: Sequence[keras.Model]) -> dict[str, Any]:
    """Return an input for every column that a model takes, float64 where one needs it so."""
    found: dict[str, Any] = {}
    for one in (one for model in models for one in model.inputs):
        if one.name not in found or one.dtype == "float64":
            found[one.name] = one
    return {
        name: keras.Input(one.shape[1:], name=name, dtype=one.dtype) for name, one in found.items()
    }


def _own(model: keras.Model, raw: dict[str, Any]) -> list[Any]:
    """Return the columns that a model takes, as it takes them."""
    return [
        raw[one.name]
        if raw[one.name].dtype == one.dtype
        else keras.ops.cast(raw[one.name], one.dtype)
        for one in model.inputs
    ]


def _dtype(array: Any) -> str:
    return "string" if array.dtype.kind in "OSU" else str(array.dtype)


def _several(said: Any, packing: Packing) -> list[Any]:
    """Return a model's outputs, one by one."""
    if not packing.names:
        return [said]
    return [said[name] for name in packing.names] if packing.keyed else list(said)


def _total(parts: list[Any], name: str) -> Any:
    if len(parts) > 1:
        return keras.layers.Add(name=name)(parts)
    return (
        parts[0] if name == "average" else keras.layers.Activation("linear", name=name)(parts[0])
    )
