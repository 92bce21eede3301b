"""An average of nets as one model of Keras's own layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from objectives.structures import mapped
from objectives.training.judged import Judge
from objectives.training.packing import Packing


def joined(members: Sequence[tuple[keras.Model, float]], x: Any, packing: Packing) -> keras.Model:
    """Return one model: the weighted sum of what the members predict.

    Args:
        members: Models of their own, compiled, and their weights.
        x: Rows that they take.
        packing: Of what they predict.
    """
    first = members[0][0]
    raw = _inputs(first, x)
    judged = Judge.compiled_with(first)
    names = packing.names or ("average",)
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for place, (model, weight) in enumerate(members):
        model.name = f"net_{place}"
        # What a member was compiled with is not saved: an optimizer is twice its weights.
        model.compiled, model.optimizer, model._compile_metrics = False, None, None
        said = model(raw)
        for name, one in zip(names, _several(said, packing), strict=True):
            label = f"weight_{place}" + (f"_{name}" if packing.names else "")
            parts[name].append(keras.layers.Rescaling(weight, dtype=one.dtype, name=label)(one))
    totals = {name: _total(of, name) for name, of in parts.items()}
    total: Any = totals if packing.keyed else list(totals.values())
    if not packing.names:
        total = totals["average"]
    whole = keras.Model(raw, total, name="average_of_nets")
    whole.compile("sgd", **judged)  # an optimizer that keeps no variables in the file
    return whole


def _inputs(model: keras.Model, x: Any) -> Any:
    """Return fresh inputs like a model's own, or, where it declares none, like these rows."""
    if getattr(model, "inputs", None):
        own = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
        return keras.tree.map_structure(
            lambda one: keras.Input(one.shape[1:], dtype=one.dtype, name=one.name), own
        )
    return mapped(lambda array: keras.Input(array.shape[1:], dtype=_dtype(array)), x)


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
