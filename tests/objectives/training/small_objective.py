"""A small objective with every knob that a trainer has to honour; importable by any process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives import Data, Objective, Part, Source
from search_spaces import Space


@dataclass(frozen=True)
class Small:
    """A net, and what is to go wrong with it."""

    net: str = "dense"  # dense, logistic (zero initial weights), line (mean squared error), lstm
    width: int = 4
    optimizer: str = "adam"
    learning_rate: float = 0.05
    momentum: float = 0.0
    weight_decay: float = 0.0
    clipnorm: float | None = None
    schedule: bool = False
    dropout: float = 0.0
    l2: float = 0.0
    initializer: str = "glorot_uniform"
    normalized: bool = False
    scale: float = 1.0
    auc: bool = False
    batch_size: int = 16
    policy: str | None = None
    callbacks: tuple[str, ...] = ()
    fault: str | None = None  # build, call, python


def data(
    rows: int = 72, features: int = 5, *, weighted: bool = False, class_weight: Any = None
) -> Data:
    """Return learnable rows; 72 in batches of 16 leave a last batch of 8. Test = validation."""
    rng = np.random.default_rng(11)

    def part(count: int) -> Part:
        x = rng.standard_normal((count, features)).astype(np.float32)
        y = (x @ np.arange(1.0, features + 1) + 0.3 * rng.standard_normal(count) > 0.5).astype(
            np.float32
        )
        weight = rng.uniform(0.2, 3.0, count).astype(np.float32) if weighted else None
        return Part(x, y, weight)

    validation = part(40)
    return Data(part(rows), validation, validation, class_weight=class_weight)


def build(config: Small, found: Data) -> Any:
    """Return the compiled net."""
    import keras

    if config.fault == "build":
        raise RuntimeError("this net cannot be built")
    if config.policy:
        keras.config.set_dtype_policy(config.policy)
    keras_layers = [keras.Input(found.train.x.shape[1:]), *layers(config)]
    model = keras.Sequential(keras_layers)
    output = model.layers[-1]
    output.kernel.assign(config.scale * output.kernel)
    loss = "mse" if config.net == "line" else "binary_crossentropy"
    metrics = ["mae"] if config.net == "line" else ["accuracy"]
    auc = [keras.metrics.AUC(name="auc")] if config.auc else []
    model.compile(
        optimizer(config), loss, metrics=metrics + auc, weighted_metrics=auc_weighted(config)
    )
    return model


def auc_weighted(config: Small) -> list[Any]:
    """Return a metric that sees the weights."""
    import keras

    return [keras.metrics.BinaryAccuracy(name="weighted")] if config.auc else []


def optimizer(config: Small) -> Any:
    """Return the optimizer."""
    import keras

    rate: Any = config.learning_rate
    if config.schedule:
        rate = keras.optimizers.schedules.ExponentialDecay(rate, 3, 0.9)
    kinds = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "nadam": keras.optimizers.Nadam,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
    }
    momentum = {"momentum": config.momentum} if config.optimizer == "sgd" else {}
    return kinds[config.optimizer](
        rate, weight_decay=config.weight_decay, clipnorm=config.clipnorm, **momentum
    )


def layers(config: Small) -> list[Any]:
    """Return the layers after the input."""
    import keras

    if config.net == "line":
        return [keras.layers.Dense(1, kernel_initializer="ones")]
    if config.net == "logistic":
        return [keras.layers.Dense(1, activation="sigmoid", kernel_initializer="zeros")]
    if config.net == "lstm":
        found = [keras.layers.Reshape((-1, 1)), keras.layers.LSTM(config.width)]
    else:
        penalty = keras.regularizers.L2(config.l2) if config.l2 else None
        found = [
            keras.layers.Dense(
                config.width,
                activation="relu",
                kernel_regularizer=penalty,
                kernel_initializer=config.initializer,
            )
        ]
    if config.normalized:
        found.append(keras.layers.BatchNormalization())
    if config.dropout:
        found.append(keras.layers.Dropout(config.dropout))
    if config.fault == "call":
        found.append(keras.layers.Lambda(broken, output_shape=(config.width,)))
    if config.fault == "python":
        found.append(keras.layers.Lambda(in_python, output_shape=(config.width,)))
    return [*found, keras.layers.Dense(1, activation="sigmoid")]


def broken(x: Any) -> Any:
    """Fail for anything but a symbol: that shows only when training runs."""
    import keras

    if isinstance(x, keras.KerasTensor):
        return x
    raise RuntimeError("this layer cannot be run")


def in_python(x: Any) -> Any:
    """Return a batch doubled, by way of NumPy, which no XLA program can hold."""
    import tensorflow as tf

    found = tf.numpy_function(lambda rows: rows, [x], x.dtype)
    found.set_shape(x.shape)
    return x + tf.stop_gradient(found)


def callbacks(config: Small, monitor: str) -> list[Any]:
    """Return the named callbacks, fresh."""
    import keras

    makers: dict[str, Any] = {
        "plateau": lambda: keras.callbacks.ReduceLROnPlateau(
            monitor, mode="min", factor=0.5, patience=1, min_delta=10.0, min_lr=1e-6
        ),
        "early": lambda: keras.callbacks.EarlyStopping(
            monitor, mode="min", patience=2, min_delta=10.0
        ),
        "halve": lambda: keras.callbacks.LearningRateScheduler(
            lambda epoch, rate: config.learning_rate * 0.5**epoch
        ),
        "grow": lambda: keras.callbacks.LearningRateScheduler(
            lambda epoch, rate: config.learning_rate * 4.0**epoch
        ),
        "batches": lambda: keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: None
        ),
        "terminate": keras.callbacks.TerminateOnNaN,
    }
    return [makers[name]() for name in config.callbacks]


def load(source: Source) -> Data:
    """Return the default data."""
    return data()


SMALL = Objective(
    space=Space(lambda trial: Small(), Small()),
    load=load,
    build=build,
    callbacks=callbacks,
    scores=lambda labels, predictions: {"mean": float(np.mean(predictions - labels.mean()))},
)
