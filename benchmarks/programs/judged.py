"""Losses and metrics of the user's own, and Keras's less usual ones."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from benchmarks.programs import Program
from benchmarks.programs.data import binary, classes, one_hot, table

INPUTS = (12,)
QUANTILE = 0.5
LIMIT = {"near": 0.1}


def net(outputs: int, activation: str | None = None) -> Any:
    """Return a small dense net, not compiled."""
    hidden = layers.Dense(8, activation="relu")
    return keras.Sequential([keras.Input(INPUTS), hidden, layers.Dense(outputs, activation)])


def pinball(y: Any, found: Any) -> Any:
    """Return the loss of a quantile, which `build` has set."""
    far = y - found
    return ops.mean(ops.maximum(QUANTILE * far, (QUANTILE - 1.0) * far), axis=-1)


def near(y: Any, found: Any) -> Any:
    """Return the share of rows that come as near as `build` has set."""
    return ops.cast(ops.abs(y - found) < LIMIT["near"], "float32")


def quantile(config: Any, data: Any) -> Any:
    """Set what the loss and the metric read."""
    global QUANTILE
    QUANTILE, LIMIT["near"] = config["quantile"], config["near"]
    made = net(1)
    made.compile(keras.optimizers.Adam(config["rate"]), pinball, metrics=[near])
    return made


MODULE_GLOBAL = Program(
    table,
    quantile,
    (
        {"rate": 1e-2, "quantile": 0.5, "near": 0.1},
        {"rate": 1e-2, "quantile": 0.9, "near": 0.1},
        {"rate": 1e-2, "quantile": 0.5, "near": 0.9},
    ),
    quick=True,
)


class Focal(keras.losses.Loss):
    """A focal loss with a list of weights, without a config."""

    def __init__(self, gamma: float, weights: list[float]) -> None:
        super().__init__(name="focal")
        self.gamma = gamma
        self.weights = weights

    def call(self, y: Any, found: Any) -> Any:
        """Return a row's loss."""
        chosen = ops.one_hot(ops.cast(ops.reshape(y, (-1,)), "int32"), 3)
        chance = ops.sum(chosen * found, axis=-1)
        weight = ops.sum(chosen * ops.convert_to_tensor(self.weights), axis=-1)
        return -weight * (1.0 - chance) ** self.gamma * ops.log(chance + 1e-7)


class Hits(keras.metrics.Metric):
    """The share of one class's rows that were found with some certainty."""

    def __init__(self, wanted: int, least: float) -> None:
        super().__init__(name="hits")
        self.wanted, self.least = wanted, least
        self.found = self.add_weight(name="found", initializer="zeros")
        self.there = self.add_weight(name="there", initializer="zeros")

    def update_state(self, y: Any, found: Any, sample_weight: Any = None) -> None:
        """Count a batch."""
        there = ops.cast(ops.reshape(y, (-1,)) == self.wanted, "float32")
        sure = ops.cast(found[:, self.wanted] > self.least, "float32")
        self.found.assign_add(ops.sum(there * sure))
        self.there.assign_add(ops.sum(there))

    def result(self) -> Any:
        """Return the share."""
        return self.found / (self.there + 1e-7)


def own_classes(config: Any, data: Any) -> Any:
    """Judge by classes of the user's own."""
    made = net(3, "softmax")
    loss = Focal(config["gamma"], config["weights"])
    made.compile(
        keras.optimizers.Adam(config["rate"]),
        loss,
        metrics=["accuracy", Hits(config["wanted"], config["least"])],
    )
    return made


OWN_LOSS_AND_METRIC = Program(
    classes,
    own_classes,
    (
        {"rate": 1e-2, "gamma": 2.0, "weights": [1.0, 1.0, 1.0], "wanted": 0, "least": 0.4},
        {"rate": 1e-2, "gamma": 2.0, "weights": [9.0, 1.0, 0.1], "wanted": 1, "least": 0.4},
        {"rate": 1e-2, "gamma": 0.0, "weights": [1.0, 1.0, 1.0], "wanted": 0, "least": 0.3},
    ),
)


def vector(config: Any, data: Any) -> Any:
    """Watch a value for every class."""
    made = net(3, "softmax")
    made.compile(
        keras.optimizers.Adam(config["rate"]),
        "categorical_crossentropy",
        metrics=[keras.metrics.F1Score(threshold=config["threshold"]), "accuracy"],
    )
    return made


VECTOR_METRIC = Program(
    one_hot,
    vector,
    (
        {"rate": 1e-2, "threshold": None},
        {"rate": 1e-3, "threshold": None},
        {"rate": 1e-2, "threshold": 0.3},
    ),
)


def circle(config: Any, data: Any) -> Any:
    """Draw rows of a class together: the loss compares the rows of a batch."""
    made = net(6)
    made.add(layers.UnitNormalization())
    loss = keras.losses.Circle(gamma=config["gamma"], margin=config["margin"])
    made.compile(keras.optimizers.Adam(config["rate"]), loss)
    return made


CIRCLE = Program(
    classes,
    circle,
    (
        {"rate": 1e-2, "gamma": 80.0, "margin": 0.4, "batch_size": 32},
        {"rate": 1e-2, "gamma": 20.0, "margin": 0.1, "batch_size": 32},
        {"rate": 1e-2, "gamma": 80.0, "margin": 0.4, "batch_size": 20},
    ),
)


def contrasted(config: Any, data: Any) -> Any:
    """Tell rows of a batch apart by a loss of the user's own."""
    heat, tell = config["heat"], config["tell"]

    def between_rows(y: Any, found: Any) -> Any:
        found = found / (ops.norm(found, axis=1, keepdims=True) + 1e-7)
        alike = ops.matmul(found, ops.transpose(found)) / heat
        y = ops.reshape(y, (-1, 1))
        same = ops.cast(y == ops.transpose(y), "float32")
        same = same / ops.sum(same, axis=1, keepdims=True)
        return -ops.sum(same * ops.log_softmax(alike), axis=1)

    made = net(6)
    made.compile(
        keras.optimizers.Adam(config["rate"]),
        {"own": between_rows}["own"] if tell else lambda y, found: 2.0 * between_rows(y, found),
    )
    return made


CONTRASTIVE = Program(
    classes,
    contrasted,
    (
        {"rate": 1e-2, "heat": 0.5, "tell": True},
        {"rate": 1e-2, "heat": 0.1, "tell": True},
        {"rate": 1e-2, "heat": 0.5, "tell": False},
    ),
)


def several_metrics(config: Any, data: Any) -> Any:
    """Watch many metrics, some of them at the config's threshold."""
    made = net(1, "sigmoid")
    kinds = keras.metrics
    made.compile(
        keras.optimizers.Adam(config["rate"]),
        keras.losses.BinaryCrossentropy(reduction=config["reduction"]),
        metrics=[
            kinds.BinaryAccuracy(threshold=config["threshold"], name="accuracy"),
            kinds.Precision(thresholds=config["threshold"], name="precision"),
            kinds.Recall(name="recall"),
            kinds.AUC(curve="PR", name="pr_auc"),
            kinds.MeanMetricWrapper(lambda y, found: ops.mean(found, axis=-1), name="mean"),
        ],
    )
    return made


METRICS = Program(
    binary,
    several_metrics,
    (
        {"rate": 1e-2, "threshold": 0.5, "reduction": "sum_over_batch_size"},
        {"rate": 1e-2, "threshold": 0.3, "reduction": "sum_over_batch_size"},
        {"rate": 1e-2, "threshold": 0.5, "reduction": "sum"},
    ),
)
