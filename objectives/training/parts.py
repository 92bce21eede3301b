"""Keras optimizers and callbacks from their configs: the only place that names Keras's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from objectives.data import UNIT

if TYPE_CHECKING:
    import keras

    from objectives import Data
    from objectives.monitor import Mode
    from search_spaces.optimizer import Optimizer
    from search_spaces.plateau import Plateau


def optimizer_numbers(config: Optimizer) -> dict[str, float]:
    """Return the arguments of Keras's optimizer.

    Weight decay is always set, so that 0 and more share a program.
    """
    momentum = {"momentum": config.momentum or 0.0} if config.kind == "sgd" else {}
    given = {"learning_rate": config.learning_rate, "weight_decay": config.weight_decay}
    return given | momentum


def optimizer(config: Optimizer) -> keras.optimizers.Optimizer:
    """Return Keras's optimizer."""
    import keras

    from objectives.training.uncorrected import UncorrectedAdam

    classes = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "nadam": keras.optimizers.Nadam,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
        "adam_uncorrected": UncorrectedAdam,
    }
    return classes[config.kind](**optimizer_numbers(config))


def plateau_callbacks(
    config: Plateau | None, monitor: str, mode: Mode
) -> list[keras.callbacks.Callback]:
    """Return Keras's ReduceLROnPlateau on the monitor, or nothing where the plateau is off."""
    import keras

    if config is None:
        return []
    return [
        keras.callbacks.ReduceLROnPlateau(
            monitor=monitor,
            mode=mode,
            factor=config.factor,
            patience=config.patience,
            min_delta=config.min_delta,
            cooldown=config.cooldown,
            min_lr=config.min_lr,
        )
    ]


def areas(names: tuple[str, ...], classes: int | None = None) -> list[keras.metrics.Metric]:
    """Return fresh metrics by name: "auc" (ROC) and "pr_auc".

    classes: of one output each, whose curves are averaged; None for a single output.
    """
    import keras

    from objectives.training.areas import ClassAUC

    curves = {"auc": "ROC", "pr_auc": "PR"}
    if classes is None:
        return [keras.metrics.AUC(curve=curves[name], name=name) for name in names]
    return [ClassAUC(classes, curve=curves[name], name=name) for name in names]


def classifier(
    model: keras.Model, config: Optimizer, data: Data, metrics: tuple[str, ...]
) -> keras.Model:
    """Return a softmax model, compiled for class numbers."""
    model.compile(
        optimizer=optimizer(config),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy", *areas(metrics, len(data.details["classes"]))],
    )
    return model


def binary_classifier(
    model: keras.Model, config: Optimizer, data: Data, metrics: tuple[str, ...]
) -> keras.Model:
    """Return a model of one sigmoid, compiled for labels 0 and 1."""
    model.compile(
        optimizer=optimizer(config),
        loss="binary_crossentropy",
        metrics=["accuracy", *areas(metrics)],
    )
    return model


def unit(data: Data) -> tuple[float, float]:
    """Return mean and deviation of the training part's target; the deviation is never 0."""
    import numpy as np

    if (found := data.details.get(UNIT)) is not None:
        return float(found[0]), float(found[1])
    y = np.asarray(data.train.y, np.float64)
    return float(y.mean()), float(y.std()) or 1.0


def rescaling(data: Data) -> keras.Layer:
    """Return the layer that turns a standardized output into the target's unit."""
    import keras

    mean, deviation = unit(data)
    return keras.layers.Rescaling(deviation, offset=mean)


def regressor(
    model: keras.Model, config: Optimizer, data: Data, metrics: tuple[str, ...]
) -> keras.Model:
    """Return a model of one linear output, compiled.

    The loss is the mean squared error in variances of the training part's target: 1 is what its
    mean reaches, whatever the unit, and the learning rates mean the same for all data.
    """
    model.compile(
        optimizer=optimizer(config),
        loss="mean_squared_error",
        loss_weights=1.0 / unit(data)[1] ** 2,
        metrics=["mae"],
    )
    return model
