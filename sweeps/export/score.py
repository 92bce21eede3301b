"""How an exported model scores: data frames, or a row in two lines of Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.reading import listing, quoted
from objectives.structures import is_array, mapped

if TYPE_CHECKING:
    from objectives import Data
    from objectives.scorer import Scorer

MOST = 24  # raw columns that are written out; a row of a wider table is shown without a value


def scorer(path: str | Path) -> Scorer:
    """Return what predicts from data frames as they are, of an exported folder or `.keras` file.

    Raises BadInput.
    """
    from objectives.scorer import Scorer

    return Scorer.open(Path(path))


def lines(data: Data, model: Path) -> list[str]:
    """Return two lines that load the file and score one row, raw where the model takes that."""
    load = f"model = keras.models.load_model({str(model)!r})"
    says = meaning(data)
    comment = f"  # {says}" if says else ""
    plain = data.preprocessing or {}
    if plain.get("kind") == "table" and plain.get("matrix") is None:
        row = typical(plain)
        given = f"{{k: tf.constant([v]) for k, v in {row!r}.items()}}"
        if len(row) > MOST:
            missing = '[""] if i.dtype == "string" else [float("nan")]'
            given = f"{{i.name: tf.constant({missing}) for i in model.inputs}}"
        elif any(one.get("double") for one in plain["inputs"]):
            # `predict` would cast to float32 first.
            given = f"{{i.name: tf.constant([{row!r}[i.name]], i.dtype) for i in model.inputs}}"
            return [f"import keras, tensorflow as tf; {load}", f"model({given}){comment}"]
        return [f"import keras, tensorflow as tf; {load}", f"model.predict({given}){comment}"]
    if "columns_of" in plain:  # a long table's
        comment += f", from {listing(plain['channels'])}"
    if not plain and (not is_array(data.train.x) or data.train.x.dtype.kind in "SU"):
        rows = _written(mapped(_row, data.train.x))
        head = f"import keras, numpy as np, tensorflow as tf; {load}"
        return [head, f"model.predict({rows}){comment}"]
    zeros = f'np.zeros({(1, *_raw_shape(data))!r}, "{data.train.x.dtype}")'
    return [f"import keras, numpy as np; {load}", f"model.predict({zeros}){comment}"]


def _row(array: Any) -> str:
    """Return Python text for one row of an array: zeros, or empty text."""
    shape = (1, *array.shape[1:])
    if None in shape:  # ragged
        return (
            f'tf.ragged.constant([[]], "{"string" if array.dtype.kind in "SU" else array.dtype}")'
        )
    if array.dtype.kind in "SU":
        return f'tf.fill({shape!r}, "")'
    return f'np.zeros({shape!r}, "{array.dtype}")'


def _written(rows: Any) -> str:
    """Return a structure of Python texts as one text."""
    if isinstance(rows, Mapping):
        return "{" + ", ".join(f"{key!r}: {_written(one)}" for key, one in rows.items()) + "}"
    if isinstance(rows, tuple):
        return "[" + ", ".join(map(_written, rows)) + "]"
    return str(rows)


def typical(plain: Mapping[str, Any]) -> dict[str, float | str]:
    """Return a raw value for every input of a table: the training mean, the commonest level."""
    numbers = plain["numbers"]
    means = [
        mean / unit + offset
        for mean, unit, offset in zip(
            *(numbers[k] for k in ("mean", "unit", "offset")), strict=True
        )
    ]
    row: dict[str, float | str] = {
        one["input"]: float(f"{mean:.{12 if one.get('double') else 4}g}")
        for one, mean in zip(plain["inputs"], means, strict=True)
    }
    for one in plain["categories"]:
        row[one["input"]] = next((level for level in one["levels"] if level), "")
    return row


def meaning(data: Data) -> str:
    """Return what the model's output stands for, "" where nobody knows."""
    details = data.details
    if details.get("task") == "binary":
        return f"the probability of {quoted(data.source.positive)}"
    if details.get("classes"):
        return f"the probabilities of {listing(details['classes'])}"
    return data.source.target or "" if details.get("task") == "regression" else ""


def _raw_shape(data: Data) -> tuple[int, ...]:
    plain = data.preprocessing or {}
    if plain.get("kind") == "sequence":
        return plain["steps"], len(plain["channels"])
    if plain.get("matrix") is not None:
        return (plain["matrix"]["features"],)
    return tuple(data.train.x.shape[1:])
