"""The exported model with what it takes to score a frame as it is.

The same class serves Python (`sweeps.scorer`, `Study.best.scorer()`), MLflow's pyfunc and its
server. What it needs to know travels inside the `.keras` file, as a member that Keras passes over.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput
from objectives.reading import known
from objectives.reading.ragged import Ragged
from objectives.structures import leaves, mapped, nested

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from objectives import Data

MEMBER = "scoring.json"
BATCH = 1024


def plan_of(data: Data, threshold: float | None = None) -> dict[str, Any]:
    """Return what a scorer needs to know, as plain data."""
    details = data.details
    plan = {
        "preprocessing": data.preprocessing,
        "task": details.get("task"),
        "classes": details.get("classes"),
        "target": data.source.target,
        "threshold": threshold,
    }
    return {name: value for name, value in plan.items() if value is not None}


def attach(path: Path, plan: Mapping[str, Any]) -> None:
    """Put a plan into a `.keras` file."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr(MEMBER, json.dumps(plan))


def attached(path: Path) -> dict[str, Any]:
    """Return the plan in a `.keras` file, empty where there is none."""
    with zipfile.ZipFile(path) as file:
        if MEMBER not in file.namelist():
            return {}
        found: dict[str, Any] = json.loads(file.read(MEMBER))
        return found


class Scorer:
    """Predicts from raw rows: a data frame, or the arrays that the model was trained on."""

    def __init__(self, model: keras.Model, plan: Mapping[str, Any]) -> None:
        self.model = model
        self.plan = plan
        self.whole = model.predict

    @classmethod
    def open(cls, path: Path) -> Scorer:
        """Load a `.keras` file, in safe mode."""
        import keras

        if path.is_dir():
            path = path / "model.keras"
        if not path.exists():
            raise BadInput(f"{str(path)!r}: no such file; export writes one")
        return cls(keras.saving.load_model(path, compile=False), attached(path))

    def inputs(self, rows: Any) -> Any:
        """Return what the model takes. Raises BadInput for what it cannot be made of."""
        import pandas as pd

        plain = self.plan.get("preprocessing")
        if isinstance(rows, Mapping) and (plain or len(self.model.inputs) == 1):
            # Of a request: columns by name, or the one array under whatever name.
            whole = plain is None or "matrix" in plain or plain["kind"] == "sequence"
            rows = next(iter(rows.values())) if whole else pd.DataFrame(dict(rows))
        if isinstance(rows, pd.DataFrame) and plain is not None and _takes_frames(plain):
            from objectives.preprocessing import inputs

            return inputs(rows, plain)
        if isinstance(rows, pd.DataFrame):
            if len(self.model.inputs) > 1:
                there = {str(name): rows[name].to_numpy() for name in rows}
                names = [known(one.name, there, "model input") for one in self.model.inputs]
                return {name: _stacked(there[name]) for name in names}
            rows = rows.to_numpy(np.float64, na_value=np.nan)
        if len(self.model.inputs) > 1:
            if isinstance(rows, Mapping):
                return {name: _whole(column) for name, column in rows.items()}
            return tuple(map(_whole, rows))
        one = self.model.inputs[0]
        array = _whole(rows)
        if not isinstance(array, np.ndarray):  # ragged
            return array
        if array.dtype.kind not in "fiubOUS":
            return array
        return array.astype(one.dtype).reshape(-1, *_sizes(one.shape[1:], array))

    def predict(self, rows: Any) -> Any:
        """Return probabilities, one column per class (of two, the positive one's), or numbers.

        Of several outputs, arrays in the structure in which the model gives them. One row for
        each row given, in their order; of a long table one for each series, in the order in which
        their first rows come.
        """
        import tensorflow as tf

        given = self.inputs(rows)
        if leaves(given)[0].shape[0] == 0:
            structure = getattr(self.model, "_outputs_struct", self.model.outputs[0])
            return mapped(lambda one: np.zeros((0, *one.shape[1:]), np.float32), structure)
        # Arrays would be cast to float32 by `predict`; a data set is taken as it is.
        batches = tf.data.Dataset.from_tensor_slices(given).batch(BATCH)
        return mapped(np.asarray, self.whole(batches, verbose=0))

    def labels(self, rows: Any) -> Any:
        """Return each row's class, of two by the threshold; numbers where there are none."""
        from objectives.judging.threshold import chance_of

        found, classes = self.predict(rows), self.plan.get("classes")
        if nested(found):
            return found
        if not classes:
            return found.ravel() if found.ndim == 2 and found.shape[1] == 1 else found
        if len(classes) == 2:
            places = (chance_of(found) > self.plan.get("threshold", 0.5)).astype(int)
        else:
            places = found.argmax(axis=1)
        named: NDArray[Any] = np.asarray(classes, object)[places]
        return named


def takes_frames(scorer: Scorer) -> keras.Model:
    """Return the model, whose `predict` takes a data frame of raw columns too.

    A `.keras` file that its `save` writes is one that a scorer opens; Keras itself reads of it a
    plain model, of arrays.
    """
    model, whole = scorer.model, scorer.model.save

    def predict(x: Any, *args: Any, **kwargs: Any) -> Any:
        if hasattr(x, "columns"):
            return scorer.predict(x)
        return scorer.whole(x, *args, **kwargs)

    def save(filepath: str | Path, *args: Any, **kwargs: Any) -> None:
        whole(filepath, *args, **kwargs)
        if Path(filepath).suffix == ".keras":
            attach(Path(filepath), scorer.plan)

    model.predict, model.save = predict, save
    return model


def _whole(rows: Any) -> Any:
    """Return an array, or rows of unequal length as they are."""
    if isinstance(rows, Ragged):
        return rows.tensor()
    return rows if type(rows).__name__ == "RaggedTensor" else np.asarray(rows)


def _stacked(column: NDArray[Any]) -> NDArray[Any]:
    """Return a column whose cells may be arrays themselves as one array."""
    if column.dtype == object and len(column) and not isinstance(column[0], str):
        return np.stack(list(map(np.asarray, column)))
    return column


def _takes_frames(plain: Mapping[str, Any]) -> bool:
    return plain["kind"] != "sequence" or "columns_of" in plain


def _sizes(shape: tuple[int | None, ...], array: NDArray[Any]) -> tuple[int, ...]:
    """Return an input's shape without rows; unknown sizes are the array's own."""
    own = array.shape[1:]
    return tuple(
        own[place] if size is None and place < len(own) else (size or 1)
        for place, size in enumerate(shape)
    )
