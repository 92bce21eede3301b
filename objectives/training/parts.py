"""Keras optimizers and callbacks from their configs: the only place that names Keras's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from search_spaces.optimizer import Optimizer
    from search_spaces.plateau import Plateau


def optimizer(config: Optimizer) -> keras.optimizers.Optimizer:
    """Return Keras's optimizer; weight decay is always set, so that 0 and more share a program."""
    import keras

    if config.kind == "adam_uncorrected":
        from objectives.training.uncorrected import UncorrectedAdam

        return UncorrectedAdam(config.learning_rate, weight_decay=config.weight_decay)
    classes = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "nadam": keras.optimizers.Nadam,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
    }
    momentum = {"momentum": config.momentum or 0.0} if config.kind == "sgd" else {}
    return classes[config.kind](
        learning_rate=config.learning_rate, weight_decay=config.weight_decay, **momentum
    )


def plateau_callbacks(config: Plateau | None, monitor: str) -> list[keras.callbacks.Callback]:
    """Return Keras's ReduceLROnPlateau on the monitor, or nothing where the plateau is off."""
    import keras

    from objectives import direction

    if config is None:
        return []
    return [
        keras.callbacks.ReduceLROnPlateau(
            monitor=monitor,
            mode=direction(monitor),
            factor=config.factor,
            patience=config.patience,
            min_delta=config.min_delta,
            cooldown=config.cooldown,
            min_lr=config.min_lr,
        )
    ]


def metrics(names: tuple[str, ...]) -> list[keras.metrics.Metric]:
    """Return fresh metrics by name: "auc" (ROC) and "pr_auc"."""
    import keras

    curves = {"auc": "ROC", "pr_auc": "PR"}
    return [keras.metrics.AUC(curve=curves[name], name=name) for name in names]
