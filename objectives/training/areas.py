"""The area under the curve of several classes whose labels are numbers."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="sweeps")
class ClassAUC(keras.metrics.AUC):  # type: ignore[misc]
    """Keras's AUC of each class against the rest, averaged.

    Keras's own takes a label column for each class, and this one the numbers that
    `sparse_categorical_crossentropy` takes: data are the same whatever is monitored.
    """

    def __init__(self, classes: int, **options: Any) -> None:
        options |= {"multi_label": True, "num_labels": classes}
        super().__init__(**options)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Count a batch."""
        classes = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
        columns = keras.ops.one_hot(classes, self.num_labels)
        return super().update_state(columns, y_pred, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return what makes another one like it."""
        config = dict(super().get_config())
        del config["multi_label"]
        return config | {"classes": config.pop("num_labels")}
