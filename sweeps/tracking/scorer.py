"""A registered model's own code: MLflow copies this file beside the `.keras` file.

It needs Keras and pandas, and nothing of this package, which never imports it.
"""

from collections.abc import Callable
from typing import Any

import mlflow
import numpy as np
import pandas as pd

PARTS: dict[str, Callable[[Any], Any]] = {  # how a date enters a model; Monday is 0
    "days": lambda time: (time - np.datetime64("1970-01-01")).dt.days,
    "month": lambda time: time.dt.month,
    "day": lambda time: time.dt.day,
    "weekday": lambda time: time.dt.weekday,
    "hour": lambda time: time.dt.hour + time.dt.minute / 60 + time.dt.second / 3600,
}

TRUTH = {"true": 1.0, "false": 0.0}  # a column of these is learnt from as numbers

# Text that stands for a missing cell, as where the training data were read.
MISSING = {
    "", "?", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND",
    "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
}  # fmt: skip


class Scorer(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # MLflow has no types
    """Scores a data frame of raw columns, or an array, as the model was trained on."""

    def load_context(self, context: Any) -> None:
        """Load the Keras model, in safe mode."""
        import keras

        # The formats of dates that are text: a few rows do not tell day from month.
        self.dates = dict((context.model_config or {}).get("dates") or {})
        self.model = keras.saving.load_model(context.artifacts["model"], compile=False)

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """Return one row of predictions for each row; missing cells may be NaN, None or ""."""
        inputs = self.model.inputs
        if len(inputs) == 1 and not is_column(inputs[0].shape, inputs[0].dtype, inputs[0].name):
            return self.model.predict(_array(model_input, inputs[0]), verbose=0)
        columns = {one.name: _column(model_input, one, self.dates) for one in inputs}
        return self.model.predict(columns, verbose=0)


def is_column(shape: Any, dtype: object, name: str) -> bool:
    """Return whether a model's only input is a raw column rather than an array of features."""
    return "string" in str(dtype) or (tuple(shape[1:]) == (1,) and name != "x")


def _array(given: Any, one: Any) -> Any:
    if isinstance(given, dict):
        given = next(iter(given.values()))
    if isinstance(given, pd.DataFrame):
        given = given.to_numpy(dtype="float32", na_value=np.nan)
    return np.asarray(given, dtype="float32").reshape(-1, *one.shape[1:])


def _column(given: Any, one: Any, dates: dict[str, str]) -> Any:
    cells = _cells(given, one.name, dates)
    if "string" in str(one.dtype):
        import keras

        gaps = cells.isna()
        text = [["" if gap else _text(cell)] for cell, gap in zip(cells, gaps, strict=True)]
        return keras.ops.convert_to_tensor(text, dtype="string")
    if not pd.api.types.is_any_real_numeric_dtype(cells.dtype):
        cells = pd.Series([TRUTH.get(str(cell).strip().lower(), cell) for cell in cells])
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype="float32", na_value=np.nan)
    return numbers.reshape(-1, 1)


def _cells(given: Any, name: str, dates: dict[str, str]) -> Any:
    """Return a column, or a part of the date column that it is named after."""
    whole, _, part = name.rpartition(".")
    if name not in given and whole in given and part in PARTS:
        cells = pd.Series(given[whole])
        # As in training: zones become UTC, and a date without one stays as it is.
        times = pd.to_datetime(
            cells, format=dates.get(whole, "ISO8601"), errors="coerce", utc=True
        )
        return PARTS[part](times.dt.tz_localize(None))
    return pd.Series(np.ravel(given[name]) if isinstance(given, dict) else given[name])


def _text(cell: object) -> str:
    """Return a category as training reads it: trimmed, whole numbers without a point."""
    if isinstance(cell, (bool, np.bool_)):
        return str(cell).lower()
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    text = str(cell).strip()
    return "" if text in MISSING else text


mlflow.models.set_model(Scorer())
