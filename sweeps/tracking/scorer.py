"""The code of a registered model, which MLflow copies beside the `.keras` file.

It uses `objectives.scorer`. MLflow copies the packages that this needs too, so that the model
works without this project being installed.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd


class Scorer(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # MLflow has no types
    """Scores a data frame of raw columns, or an array, like the model's training data."""

    def load_context(self, context: Any) -> None:
        """Load the Keras model, in safe mode."""
        from objectives.scorer import Scorer as Whole

        self.scorer = Whole.open(Path(context.artifacts["model"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """Return one row of predictions for each row; missing cells may be NaN, None or "".

        params: `{"output": "label"}` gives classes by the threshold that was chosen for them.
        """
        output = (params or {}).get("output", "prediction")
        if output not in ("label", "prediction"):
            raise _refused(f"output {output!r}: choose prediction or label")
        try:
            if output == "label":
                return self.scorer.labels(model_input)
            return self.scorer.predict(model_input)
        except ValueError as error:  # BadInput: one line for the sender of the rows
            raise _refused(str(error)) from error


def _refused(message: str) -> mlflow.MlflowException:
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

    return mlflow.MlflowException(message, error_code=INVALID_PARAMETER_VALUE)


mlflow.models.set_model(Scorer())
