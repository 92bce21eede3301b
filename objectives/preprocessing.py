"""The preprocessing of an exported model: plain Keras layers, from plain statistics.

A table's model has one named input for every raw column that it learnt from, shape (rows, 1):
numbers as float32 with NaN for a missing cell (float64 where float32 would round a column too
coarsely, as it rounds the seconds since 1970), text as strings with "" for one. A date column
enters as its numeric parts, each an input of its own (`signup.days`: since 1970-01-01;
`signup.month` 1 to 12; `.day` of the month; `.weekday`, Monday is 0; `.hour` with its fraction).
A matrix (NPZ) enters as one input `x`, rows x features; sequences as one input `x`, rows x steps
x channels, whose missing values are NaN and whose end is filled up with NaN.

`inputs` makes all this from a data frame. `Model.predict` casts float64 arrays to float32 before
the model sees them: give such a column as whole numbers, call the model itself, or let
`objectives.scorer` do it. The file needs nothing of this package to be loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from objectives import BadInput

if TYPE_CHECKING:
    import keras
    import pandas as pd


def assemble(model: keras.Model, preprocessing: Mapping[str, Any]) -> keras.Model:
    """Return a model of raw columns: preprocessing layers in front of the trained model."""
    import keras

    if preprocessing["kind"] == "sequence":
        shape = (preprocessing["steps"], len(preprocessing["channels"]))
        raw = keras.Input(shape, name="x", dtype=_kind(preprocessing))
        return keras.Model([raw], _output(model(_sequence(raw, preprocessing)), preprocessing))
    numbers, inputs = _numeric(preprocessing)
    blocks = [_scaled(numbers, preprocessing)] if numbers is not None else []
    for category in preprocessing["categories"]:
        column = keras.Input((1,), name=category["input"], dtype="string")
        inputs.append(column)
        # Index 0 is every level that is not in the vocabulary.
        levels = keras.layers.StringLookup(
            vocabulary=category["levels"],
            num_oov_indices=1,
            oov_token=_unused("[UNK]", category["levels"]),
            output_mode="one_hot",
        )(column)
        blocks.append(levels if category["other"] else levels[:, 1:])
    encoded = keras.layers.Concatenate()(blocks) if len(blocks) > 1 else blocks[0]
    return keras.Model(inputs, _output(model(encoded), preprocessing))


def _unused(word: str, levels: Sequence[str]) -> str:
    """Return a word that is no level: Keras's own for unknown ones may be one."""
    return word if word not in levels else _unused(f"[{word}]", levels)


def _output(found: Any, preprocessing: Mapping[str, Any]) -> Any:
    """Return what the net gives, in the target's own unit: float64 where an offset was off."""
    import keras

    offset = preprocessing.get("target_offset", 0.0)
    if not offset:
        return found
    double = keras.ops.cast(found, "float64")
    return keras.layers.Rescaling(1.0, offset, dtype="float64")(double)


def _numeric(preprocessing: Mapping[str, Any]) -> tuple[Any, list[Any]]:
    """Return rows x numeric columns, or None, and the inputs that they come from."""
    import keras

    matrix = preprocessing.get("matrix")
    if matrix is not None:
        kind = _kind(preprocessing)
        x = keras.Input((matrix["features"],), name=matrix["input"], dtype=kind)
        keep = matrix["keep"]
        kept = x if len(keep) == matrix["features"] else keras.ops.take(x, keep, axis=-1)
        return kept, [x]
    columns = [
        keras.Input((1,), name=one["input"], dtype="float64" if one.get("double") else "float32")
        for one in preprocessing["inputs"]
    ]
    if not columns:
        return None, []
    kind = _kind(preprocessing)
    alike = [keras.ops.cast(x, kind) if x.dtype != kind else x for x in columns]
    together = keras.layers.Concatenate(dtype=kind)(alike) if len(columns) > 1 else alike[0]
    return together, columns


def _kind(preprocessing: Mapping[str, Any]) -> str:
    """Return the type in which raw numbers are centred."""
    return "float64" if any(preprocessing["numbers"]["double"]) else "float32"


def _scaled(raw: Any, preprocessing: Mapping[str, Any]) -> Any:
    """Return scaled numbers and their indicators, on the last axis; as `Scaling.apply` does."""
    import keras
    import numpy as np
    from keras import ops

    numbers = {name: np.asarray(value) for name, value in preprocessing["numbers"].items()}
    missing = ops.isnan(raw)
    x = raw
    unit, offset = numbers["unit"], numbers["offset"]
    if np.any(unit != 1.0) or np.any(offset != 0.0) or raw.dtype != "float32":
        # Units are powers of two, so that this is exact: as the offset taken off first.
        moved = (-offset * unit).tolist()
        x = keras.layers.Rescaling(unit.tolist(), moved, dtype=_kind(preprocessing))(x)
        x = ops.cast(x, "float32")
    mean, variance = preprocessing["numbers"]["mean"], preprocessing["numbers"]["variance"]
    x = ops.where(
        missing, ops.zeros_like(x), keras.layers.Normalization(mean=mean, variance=variance)(x)
    )
    x = ops.clip(x, -preprocessing["clip"], preprocessing["clip"])
    gaps = np.flatnonzero(numbers["missing"]).tolist()
    if not gaps:
        return x
    indicators = ops.cast(ops.take(missing, gaps, axis=-1), "float32")
    return keras.layers.Concatenate()([x, indicators])


def _sequence(raw: Any, preprocessing: Mapping[str, Any]) -> Any:
    """Return scaled channels, every step behind a series' last one set to the mask value."""
    from keras import ops

    scaled = _scaled(raw, preprocessing)
    if not preprocessing["masked"]:
        return scaled
    filled = ops.cast(ops.any(ops.logical_not(ops.isnan(raw)), axis=-1, keepdims=True), "int32")
    # A step belongs to its series if it, or any step after it, holds a value.
    belongs = ops.flip(ops.cumsum(ops.flip(filled, axis=1), axis=1), axis=1) > 0
    return ops.where(belongs, scaled, preprocessing["mask_value"])


def inputs(frame: pd.DataFrame, preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the exported model takes, from a frame of raw columns as they were in the file.

    Columns that the model does not know are passed over. Raises BadInput where one is missing,
    or holds text where numbers belong.
    """
    import numpy as np
    import tensorflow as tf

    from objectives.reading import scoring

    if preprocessing["kind"] == "sequence":
        return {"x": scoring.sequences(frame, preprocessing)}
    matrix = preprocessing.get("matrix")
    if matrix is not None:
        if frame.shape[1] != matrix["features"]:
            raise BadInput(
                f"the frame has {frame.shape[1]:,} columns: the model takes {matrix['features']:,}"
            )
        return {matrix["input"]: frame.to_numpy(_kind(preprocessing), na_value=np.nan)}
    columns = scoring.named(frame)
    found: dict[str, Any] = {}
    for one in preprocessing["inputs"]:
        found[one["input"]] = scoring.numbers(columns, one)
    for one in preprocessing["categories"]:
        found[one["input"]] = tf.constant(scoring.levels(columns, one))
    return found
