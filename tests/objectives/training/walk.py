"""Every public class of Keras, each with values that its arguments may have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

MODULES = {
    "layers": keras.layers,
    "optimizers": keras.optimizers,
    "schedules": keras.optimizers.schedules,
    "losses": keras.losses,
    "metrics": keras.metrics,
    "regularizers": keras.regularizers,
    "initializers": keras.initializers,
    "constraints": keras.constraints,
}
# What a required argument is given, by class and name or by name alone; makers are called.
GIVEN: dict[Any, Any] = {
    "units": 2,
    "axis": -1,
    "input_dim": 5,
    "output_dim": 3,
    "rate": 0.3,
    "stddev": 0.3,
    "n": 2,
    "scale": 0.5,
    "target_shape": (3, 2),
    "dims": (2, 1),
    "activation": "relu",
    "function": lambda: abs,
    "layer": lambda: layers.LSTM(2),
    ("TimeDistributed", "layer"): lambda: layers.Dense(2),
    ("SpectralNormalization", "layer"): lambda: layers.Dense(2),
    ("Wrapper", "layer"): lambda: layers.Dense(2),
    "cell": lambda: layers.LSTMCell(2),
    ("StackedRNNCells", "cells"): lambda: [layers.LSTMCell(2)],
    "initial_learning_rate": 0.1,
    "decay_steps": 5,
    "decay_rate": 0.9,
    "first_decay_steps": 5,
    "boundaries": lambda: [2, 4],
    "values": lambda: [0.1, 0.05, 0.01],
    "threshold": 0.5,
    "num_classes": 2,
    "target_class_ids": lambda: [1],
    "recall": 0.5,
    "precision": 0.5,
    "sensitivity": 0.5,
    "specificity": 0.5,
    "fn": lambda: keras.losses.mean_squared_error,
    "reduce_fn": lambda: keras.ops.mean,
    "inner_optimizer": lambda: keras.optimizers.SGD(),
}
# Another value than the default, by class and name or by name alone; None goes for its type.
OTHER: dict[Any, Any] = {
    "name": "another",
    "dtype": "float64",
    "activation": "tanh",
    "recurrent_activation": "tanh",
    "seed": 5,
    "axis": 1,
    "dims": (1, 2),
    "ignore_class": 0,
    "mode": "fan_out",
    "distribution": "uniform",
    "input_axes": (1,),
    "output_axes": (0,),
    "noise_shape": (1, 2),
    "merge_mode": "sum",
    "backward_layer": lambda: layers.LSTM(2, go_backwards=True),
    "layer": lambda: layers.GRU(2),
    "weights": None,
    "target_shape": (2, 3),
    ("Embedding", "lora_rank"): 1,
    "lora_rank": 1,
    "lora_alpha": 2,
    "interpolation": "minoring",
    "summation_method": "minoring",
    "curve": "PR",
    "reduction": "sum",
    "num_labels": 2,
    "thresholds": lambda: [0.3, 0.6],
    "label_weights": lambda: [0.5, 2.0],
    "top_k": 2,
    "class_id": 0,
    "values": lambda: [0.1, 0.05, 0.02],
    "boundaries": lambda: [2, 3],
    "shared_axes": lambda: [1],
    "offset": 0.5,
    "max_value": 0.9,
    "data_format": "channels_first",
    "loss_scale_factor": 2.0,
    "ema_overwrite_frequency": 2,
    "gradient_accumulation_steps": 2,
    "weight_decay": 0.1,
    "clipnorm": 0.1,
    "clipvalue": 0.1,
    "global_clipnorm": 0.1,
    "warmup_target": 0.5,
    "learning_rate": lambda: keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9),
    "sparse": True,
    "trainable": False,
    "autocast": False,
    "quantization_config": None,
}
SUFFIXES: dict[str, Callable[[], Any]] = {
    "_initializer": lambda: keras.initializers.RandomUniform(0.2, 0.4, seed=1),
    "_regularizer": lambda: keras.regularizers.L1(0.3),
    "_constraint": lambda: keras.constraints.MaxNorm(0.3),
}
# What is not walked, and why.
SKIPPED = {
    ("BatchNormalization", "renorm_clipping"): "has an effect with renorm alone",
    ("Bidirectional", "weights"): "sets what are variables, and is deprecated",
    ("Embedding", "weights"): "sets what are variables, and is deprecated",
    ("Dense", "quantization_config"): "needs a quantized layer",
    ("Embedding", "quantization_config"): "needs a quantized layer",
    ("LSTM", "use_cudnn"): "has an effect on a GPU alone",
    ("GRU", "use_cudnn"): "has an effect on a GPU alone",
    ("LSTM", "stateful"): "needs an Input with a number of rows",
    ("GRU", "stateful"): "needs an Input with a number of rows",
    ("SimpleRNN", "stateful"): "needs an Input with a number of rows",
    ("AUC", "num_labels"): "needs multi_label too",
    ("InputLayer", "shape"): "follows from the data",
    ("InputLayer", "batch_size"): "the rows of a step follow from the data",
    ("InputLayer", "batch_shape"): "excludes the shape, which the data give",
    ("InputLayer", "input_tensor"): "a tensor of another model",
    ("InputLayer", "ragged"): "TensorFlow's ragged tensors are no arrays",
}
# Listed as parts of other layers: in a model of their own they need a layer that is not listed.
CELLS = {"LSTMCell", "GRUCell", "SimpleRNNCell"}
ALWAYS = {"trainable": True, "dtype": None, "name": None, "activity_regularizer": None}
MISSING = inspect.Parameter.empty


def classes(module: str) -> list[type]:
    """Return a module's public classes, those of the base of all others left out."""
    found = {
        thing
        for name, thing in vars(MODULES[module]).items()
        if inspect.isclass(thing) and not name.startswith("_")
    }
    return sorted(found, key=lambda kind: kind.__name__)


def value(table: dict[Any, Any], kind: type, name: str) -> Any:
    """Return a value of a table, made where it is a function; MISSING where there is none."""
    found = table.get((kind.__name__, name), table.get(name, MISSING))
    return found() if inspect.isfunction(found) else found


def arguments(kind: type) -> dict[str, Any]:
    """Return the names of a constructor's arguments and their defaults."""
    found = {
        name: each.default
        for name, each in inspect.signature(kind.__init__).parameters.items()
        if name not in ("self", "args") and each.kind is not each.VAR_KEYWORD
    }
    return found | (ALWAYS if issubclass(kind, layers.Layer) else {})


def required(kind: type) -> dict[str, Any]:
    """Return fresh values of the arguments that have no default, as far as they are known."""
    needed = [name for name, default in arguments(kind).items() if default is MISSING]
    found = {name: value(GIVEN, kind, name) for name in needed}
    found = {name: each for name, each in found.items() if each is not MISSING}
    return {"shape": (6,)} if kind is layers.InputLayer else found


def another(kind: type, name: str, default: Any) -> Any:
    """Return another value than an argument's default, or MISSING."""
    for ending, make in SUFFIXES.items():
        if name.endswith(ending):
            return make()
    found = value(OTHER, kind, name)
    if found is MISSING or found is None:
        found = different(value(GIVEN, kind, name) if default is MISSING else default)
    return found


def different(plain: Any) -> Any:
    """Return another value of the same type, or MISSING."""
    if isinstance(plain, bool):
        return not plain
    if isinstance(plain, int):
        return plain + 1
    if isinstance(plain, float):
        return plain * 0.5 + 0.125
    if isinstance(plain, tuple) and plain and all(isinstance(each, int) for each in plain):
        return plain[::-1] if len(set(plain)) > 1 else tuple(each + 1 for each in plain)
    return MISSING


def variants(kind: type) -> Iterator[tuple[str, Callable[[], Any] | None]]:
    """Yield an argument's name and what makes an object in which it alone differs, if known."""
    for name, default in arguments(kind).items():
        known = another(kind, name, default) is not MISSING
        make = lambda n=name, d=default: kind(**required(kind) | {n: another(kind, n, d)})  # noqa: E731
        yield name, make if known else None


INPUTS = (((6,), "float32"), ((4, 3), "float32"), ((4,), "int32"))


def model(module: str, make: Callable[[], Any], after: Any = None) -> keras.Model:
    """Return a small compiled model with the thing in its place. Raises where it cannot be."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(1)
    if module == "layers":
        return _around(make, after)
    thing = make()
    places = {
        "regularizers": ("kernel_regularizer",),
        "initializers": ("kernel_initializer",),
        "constraints": ("kernel_constraint",),
    }
    given = dict.fromkeys(places.get(module, ()), thing)
    found = keras.Sequential([keras.Input((6,)), layers.Dense(2, "softmax", **given)])
    rate = thing if module == "schedules" else 0.1
    found.compile(
        thing if module == "optimizers" else keras.optimizers.SGD(rate),
        thing if module == "losses" else "mse",
        metrics=[thing] if module == "metrics" else None,
    )
    if after is not None:
        after(thing)
    return found


def _around(make: Callable[[], Any], after: Any) -> keras.Model:
    """Return a model with a layer that takes one of the inputs, or two of them."""
    faults = []
    for shape, dtype in INPUTS:
        for several in (False, True):
            given, layer = keras.Input(shape, dtype=dtype), make()
            if isinstance(layer, layers.InputLayer):
                given, layer = layer.output, layers.Dense(2)
            try:
                found = layer([given, given] if several else given)
                found = found[0] if isinstance(found, (list, tuple)) else found
                flat = layers.Flatten()(found) if len(found.shape) > 2 else found
                result = keras.Model(given, layers.Dense(2, name="last")(flat))
            except Exception as fault:
                faults.append(fault)
                continue
            if after is not None:
                after(layer)
            result.compile(keras.optimizers.SGD(0.1), "mse")
            return result
    raise faults[0]


def fed(found: keras.Model) -> tuple[Any, Any]:
    """Return rows for a model of these."""
    rng, given = np.random.default_rng(0), found.inputs[0]
    whole = np.dtype(keras.backend.standardize_dtype(given.dtype)).kind in "iu"
    x = rng.integers(0, 5, (8, *given.shape[1:])) if whole else rng.random((8, *given.shape[1:]))
    return x.astype(given.dtype), rng.random((8, 2)).astype("float32")
