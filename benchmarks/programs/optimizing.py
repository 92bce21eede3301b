"""Optimizers, schedules, clipping, and settings that are Keras's own for the whole process."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from benchmarks.programs import Program
from benchmarks.programs.data import binary, table

INPUTS = (12,)


def net(units: int = 16, **more: Any) -> Any:
    """Return a small dense net, not compiled."""
    hidden = [layers.Dense(units, activation="relu", **more) for _ in range(2)]
    return keras.Sequential([keras.Input(INPUTS), *hidden, layers.Dense(1)])


def decayed(config: Any, data: Any) -> Any:
    """Let the rate fall by one of Keras's schedules."""
    kinds = keras.optimizers.schedules
    schedule = kinds.ExponentialDecay(config["rate"], config["steps"], config["factor"])
    if config["cosine"]:
        schedule = kinds.CosineDecay(0.0, 40, warmup_target=config["rate"], warmup_steps=10)
    made = net()
    made.compile(keras.optimizers.Adam(schedule), "mse")
    return made


SCHEDULE = Program(
    table,
    decayed,
    (
        {"rate": 1e-2, "steps": 10, "factor": 0.9, "cosine": False},
        {"rate": 3e-2, "steps": 10, "factor": 0.5, "cosine": False},
        {"rate": 1e-2, "steps": 10, "factor": 0.9, "cosine": True},
    ),
)


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of the first Transformer, as tutorials have it: without a `get_config`."""

    def __init__(self, width: float, warmup: float) -> None:
        super().__init__()
        self.width = width
        self.warmup = warmup

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step."""
        step = ops.cast(step, "float32") + 1.0
        return self.width**-0.5 * ops.minimum(step**-0.5, step * self.warmup**-1.5)


def warmed_up(config: Any, data: Any) -> Any:
    """Let the rate rise and fall by a schedule of the user's own."""
    made = net()
    schedule = WarmUp(config["width"], config["warmup"])
    made.compile(keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9), "mse")
    return made


OWN_SCHEDULE = Program(
    table,
    warmed_up,
    (
        {"width": 512.0, "warmup": 20.0},
        {"width": 64.0, "warmup": 20.0},
        {"width": 512.0, "warmup": 5.0},
    ),
)


def clipped(config: Any, data: Any) -> Any:
    """Clip gradients: each, their values, or all together."""
    made = net()
    clip = {config["kind"]: config["most"]}
    made.compile(keras.optimizers.RMSprop(config["rate"], rho=config["rho"], **clip), "mse")
    return made


CLIPPING = Program(
    table,
    clipped,
    (
        {"rate": 1e-2, "kind": "global_clipnorm", "most": 0.1, "rho": 0.9},
        {"rate": 1e-2, "kind": "global_clipnorm", "most": 2.0, "rho": 0.5},
        {"rate": 1e-2, "kind": "clipvalue", "most": 0.1, "rho": 0.9},
    ),
)


def momentum(config: Any, data: Any) -> Any:
    """Descend with momentum, and keep a moving average of the weights."""
    made = net()
    optimizer = keras.optimizers.SGD(
        config["rate"],
        momentum=config["momentum"],
        nesterov=config["nesterov"],
        use_ema=True,
        ema_momentum=config["average"],
        ema_overwrite_frequency=7,
    )
    made.compile(optimizer, "mse")
    return made


MOMENTUM = Program(
    table,
    momentum,
    (
        {"rate": 1e-2, "momentum": 0.9, "nesterov": False, "average": 0.9},
        {"rate": 1e-2, "momentum": 0.5, "nesterov": False, "average": 0.99},
        {"rate": 1e-3, "momentum": 0.9, "nesterov": True, "average": 0.9},
    ),
)


def accumulated(config: Any, data: Any) -> Any:
    """Add up gradients over steps; let weights decay, but for some."""
    made = net()
    optimizer = keras.optimizers.AdamW(
        config["rate"], weight_decay=config["decay"], gradient_accumulation_steps=config["steps"]
    )
    optimizer.exclude_from_weight_decay(var_names=config["without"])
    made.compile(optimizer, "mse")
    return made


ACCUMULATION = Program(
    table,
    accumulated,
    (
        {"rate": 1e-2, "decay": 0.1, "steps": 2, "without": ["bias"]},
        {"rate": 1e-2, "decay": 0.9, "steps": 2, "without": ["bias"]},
        {"rate": 1e-2, "decay": 0.9, "steps": 3, "without": ["kernel"]},
    ),
)


class SignDescent(keras.optimizers.Optimizer):
    """An optimizer of the user's own: a step along the sign of a moving average."""

    def __init__(self, learning_rate: float, keep: float, floor: float) -> None:
        super().__init__(learning_rate, name="sign_descent")
        self.keep = keep
        self.limits = {"floor": floor}

    def build(self, variables: Any) -> None:
        """Make one average a variable."""
        if not self.built:
            super().build(variables)
            self.averages = [self.add_variable_from_reference(v, "average") for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take a step."""
        average = self.averages[self._get_variable_index(variable)]
        self.assign(average, self.keep * average + (1.0 - self.keep) * gradient)
        large = ops.cast(ops.abs(average) > self.limits["floor"], variable.dtype)
        self.assign_sub(variable, learning_rate * large * ops.sign(average))


def own_optimizer(config: Any, data: Any) -> Any:
    """Train by an optimizer whose numbers no config tells."""
    made = net()
    made.compile(SignDescent(config["rate"], config["keep"], config["floor"]), "mse")
    return made


OWN_OPTIMIZER = Program(
    table,
    own_optimizer,
    (
        {"rate": 1e-3, "keep": 0.9, "floor": 0.0},
        {"rate": 1e-3, "keep": 0.5, "floor": 0.0},
        {"rate": 1e-3, "keep": 0.9, "floor": 0.01},
    ),
)


def mixed(config: Any, data: Any) -> Any:
    """Compute in bfloat16 where the config says so, by the policy of the whole process."""
    if config["mixed"]:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    rows = keras.Input(INPUTS)
    hidden = layers.Dense(16, activation="relu")(rows)
    made = keras.Model(rows, layers.Dense(1, dtype="float32")(hidden))
    made.compile(keras.optimizers.Adam(config["rate"]), "mse")
    return made


MIXED_PRECISION = Program(
    table,
    mixed,
    (
        {"rate": 1e-2, "mixed": False},
        {"rate": 1e-2, "mixed": True},
        {"rate": 1e-3, "mixed": False},
    ),
    digits="bfloat16",
    quick=True,
)


def settings(config: Any, data: Any) -> Any:
    """Set, where the config says so, what Keras keeps for the whole process."""
    if config["epsilon"] is not None:
        keras.config.set_epsilon(config["epsilon"])
    if config["floatx"] is not None:
        keras.config.set_floatx(config["floatx"])
    made = net(kernel_initializer="he_normal")
    made.add(layers.Activation("sigmoid"))
    made.compile(keras.optimizers.Adam(config["rate"]), "binary_crossentropy")
    return made


SETTINGS = Program(
    binary,
    settings,
    (
        {"rate": 1e-2, "epsilon": None, "floatx": None},
        {"rate": 1e-2, "epsilon": 0.2, "floatx": None},
        {"rate": 1e-2, "epsilon": None, "floatx": "float64"},
    ),
)


def standard_callbacks(config: Any, monitor: str) -> list[Any]:
    """Return what people add to every training."""
    return [
        keras.callbacks.ReduceLROnPlateau(monitor, factor=config["factor"], patience=1),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * (1 - 0.1 * epoch)),
        keras.callbacks.EarlyStopping(monitor, patience=2, restore_best_weights=True),
    ]


def by_callbacks(config: Any, data: Any) -> Any:
    """Leave the rate to callbacks."""
    made = net()
    made.compile(keras.optimizers.Adam(config["rate"], amsgrad=True), "mse")
    return made


CALLBACKS = Program(
    table,
    by_callbacks,
    (
        {"rate": 1e-2, "factor": 0.5},
        {"rate": 3e-1, "factor": 0.5},
        {"rate": 3e-1, "factor": 0.01},
    ),
    more={"callbacks": standard_callbacks},
)
