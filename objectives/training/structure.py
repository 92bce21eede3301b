"""The key of a model's program, read off the model without tracing it.

That is a shortcut, and only for models that consist wholly of Keras's own classes on the lists
below, used as their configs say. For any other model the trace itself is the key (see `naming`):
Python objects can hide anything that a trace would bake in.

Left out of the key is what a program takes as an input: weights, seeds, a learning rate that is a
number, and `Inputs`.
"""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from objectives.training.areas import ClassAUC
from objectives.training.inputs import ATTRIBUTES, Inputs
from objectives.training.uncorrected import UncorrectedAdam


def _of(module: Any, names: str) -> frozenset[type]:
    return frozenset(getattr(module, name) for name in names.split())


LAYERS = _of(
    keras.layers,
    "InputLayer Dense Activation ReLU ELU PReLU LeakyReLU Softmax Embedding Masking Dropout "
    "GaussianNoise BatchNormalization LayerNormalization Flatten Reshape Permute RepeatVector "
    "Rescaling Add Subtract Multiply Average Maximum Minimum Concatenate LSTM GRU SimpleRNN "
    "LSTMCell GRUCell SimpleRNNCell Bidirectional GlobalAveragePooling1D GlobalMaxPooling1D",
) | {keras.Sequential, keras.src.models.Functional}
OPTIMIZERS = _of(keras.optimizers, "SGD RMSprop Adam AdamW Nadam") | {UncorrectedAdam}
# Each is a mean over the rows of a value of the row, so that batches may be of any size.
LOSSES = _of(
    keras.losses,
    "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy MeanSquaredError "
    "MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError Huber LogCosh "
    "Poisson Hinge SquaredHinge KLDivergence",
)
METRICS = _of(
    keras.metrics,
    "Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy Precision Recall "
    "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy MeanSquaredError "
    "RootMeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError AUC "
    "TopKCategoricalAccuracy",
) | {ClassAUC}
PARTS = (
    _of(keras.regularizers, "L1 L2 L1L2")
    | _of(keras.constraints, "MaxNorm NonNeg UnitNorm MinMaxNorm")
    | _of(
        keras.optimizers.schedules,
        "ExponentialDecay CosineDecay CosineDecayRestarts InverseTimeDecay PiecewiseConstantDecay "
        "PolynomialDecay",
    )
    | {keras.DTypePolicy}
)
LISTED = LAYERS | OPTIMIZERS | LOSSES | METRICS | PARTS
NAMES = {kind.__name__ for kind in LISTED}
# What Keras understands as a name of a listed loss or metric, besides its class in snake case.
SHORT = {"mse", "mae", "mape", "msle", "accuracy", "acc", "crossentropy", "ce", "log_cosh"}
LIBRARIES = {"keras", "tensorflow", "numpy", "optree", *sys.stdlib_module_names}
PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))


class Unlisted(Exception):
    """The model holds something that is not on the lists."""


def structure(model: keras.Model, inputs: Inputs, *shapes: Any) -> str | None:
    """Return a digest of a compiled model and of what is fed to it.

    Args:
        model: Built and compiled.
        inputs: The numbers of the model, which are no part of the key.
        shapes: Plain values: of the data, of the batch, of whatever else sets the program.

    Returns:
        The key, equal only where tracing bakes in the same; None for a model that is not on the
        lists, whose trace is its key.
    """
    try:
        with inputs.hidden():
            found = [_model(model), _optimizer(model.optimizer), _compiled(model)]
    except Exception:  # Unlisted, or Keras cannot tell the config, which it need not to train
        return None
    content = repr([shapes, inputs.kinds, found])
    return hashlib.sha256(content.encode()).hexdigest()


def rowwise(model: keras.Model) -> bool:
    """Return whether a listed model's losses and metrics do not depend on how rows are batched.

    Those of an output with one dimension alone do: Keras's losses are means over the last one.
    Steps of a sequence that a mask hides do: Keras divides by their number in the batch. So do
    the outputs' own losses, where there are several: see `output_losses`.
    """
    layers = list(model._flatten_layers())
    stateful = any(getattr(layer, "stateful", False) for layer in layers)
    across = any(0 in np.atleast_1d(getattr(layer, "axis", None) or -1) for layer in layers)
    averaged = all(
        isinstance(loss, str) or getattr(loss, "reduction", "") == "sum_over_batch_size"
        for loss in keras.tree.flatten(model.loss)
    )
    flat = all(len(output.shape) == 2 for output in model.outputs)
    return averaged and flat and len(model.outputs) == 1 and not stateful and not across


def layer_words(layer: keras.Layer) -> Any:
    """Return plain values that tell an unbuilt layer from one that computes something else.

    Its name, its initializers and the numbers that are inputs are left out. Raises Unlisted.
    """
    _known(layer, LAYERS)
    numbers = {name: vars(layer)[name] for name in ATTRIBUTES.get(type(layer), ())}
    rest = {k: v for k, v in layer.get_config().items() if k != "name" and k not in numbers}
    kinds = [(name, v > 0, v == 0, v == 1) for name, v in numbers.items()]
    return [type(layer).__name__, _read(rest), kinds, layer.trainable]


def _model(model: keras.Model) -> Any:
    """Read a model's layers and its variables."""
    layers = list(model._flatten_layers())
    for layer in layers:
        _known(layer, LAYERS)
        if layer._losses:
            raise Unlisted("a loss of a layer's own")
    if getattr(model, "_functional", model) is None:
        raise Unlisted("a Sequential without an input")
    if len(model.metrics) > 1 + bool(model._compile_metrics):
        raise Unlisted("a metric of the model's own")
    variables = [
        (
            tuple(each.shape),
            each.dtype,
            each.trainable,
            _read(each.constraint),
            _read(each.regularizer),
        )
        for each in model.variables
    ]
    flags = [(layer.trainable, layer.supports_masking, layer.autocast) for layer in layers]
    configs = [_read(layer.get_config()) for layer in layers]
    held = [_read(getattr(layer, "activity_regularizer", None)) for layer in layers]
    others = [_attributes(layer) for layer in layers]
    return [type(model).__name__, configs, flags, held, others, variables]


def _attributes(thing: Any) -> Any:
    """Read what an object holds besides its config.

    Configs of Keras's losses leave most of their arguments out, and those of layers may leave
    out what is set later.
    """
    held = {
        name: value
        for name, value in vars(thing).items()
        if isinstance(value, PLAIN) and not name.startswith("_") and name != "seed"
    }
    return _read(held | {"": getattr(thing, "_fn_kwargs", None), "dtype": _dtype(thing)})


def _dtype(thing: Any) -> Any:
    return None if isinstance(thing, keras.Model) else getattr(thing, "dtype", None)


def _optimizer(value: Any) -> Any:
    """Read an optimizer without the numbers that are inputs."""
    _known(value, OPTIMIZERS)
    if getattr(value, "_exclude_from_weight_decay", None) or getattr(
        value, "_exclude_from_weight_decay_pattern", None
    ):
        raise Unlisted("weight decay with exceptions")
    config = dict(value.get_config())
    if isinstance(value._learning_rate, keras.Variable):
        config["learning_rate"] = "input"
    return [type(value).__name__, _read(config), _attributes(value)]


def _compiled(model: keras.Model) -> Any:
    """Read what `compile` was given, but for the optimizer."""
    found = {k: v for k, v in model._compile_config.config.items() if k != "optimizer"}
    if model.run_eagerly:
        raise Unlisted("run eagerly")
    _listed(keras.tree.flatten(model.loss), LOSSES)
    for metrics in (found.get("metrics"), found.get("weighted_metrics")):
        _listed(keras.tree.flatten([] if metrics is None else metrics), METRICS)
    return [
        _read(found),
        list(getattr(model, "output_names", ())),
        model.jit_compile,
        model.steps_per_execution,
    ]


def _listed(things: Iterable[Any], kinds: frozenset[type]) -> None:
    """Raise Unlisted unless losses or metrics are of these classes, or named so."""
    names = {kind.__name__.lower() for kind in kinds} | SHORT
    for each in things:
        if isinstance(each, str):
            if each not in SHORT and each.replace("_", "").lower() not in names:
                raise Unlisted(each)
        elif each is not None:
            _known(each, kinds)


def _known(thing: Any, kinds: frozenset[type]) -> None:
    """Raise Unlisted unless an object is of one of these very classes, and holds only Keras's."""
    if type(thing) not in kinds:
        raise Unlisted(type(thing).__qualname__)
    for name, value in vars(thing).items():
        if name == "loss":  # of a model, read as `compile` was given it
            continue
        method = getattr(type(thing), name, None)
        wrapped = getattr(value, "__wrapped__", None)  # Keras wraps `build` and `quantize`
        if callable(method) and getattr(wrapped, "__func__", None) is not method:
            raise Unlisted(f"a method of its own: {name}")
        function = isinstance(value, types.FunctionType | types.MethodType)
        module = value.__module__ if function else type(value).__module__
        if str(module).split(".")[0] not in LIBRARIES and wrapped is None:
            raise Unlisted(f"{name}: {module}")


def _read(value: Any) -> Any:
    """Return nested plain values that are equal only where the value is."""
    if isinstance(value, PLAIN):
        return (type(value).__name__, repr(value))
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(_read, value)]
    if isinstance(value, (np.ndarray, np.generic)) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return ("array", value.dtype.str, value.shape, content)
    if type(value) in LISTED:
        _known(value, LISTED)
        return [type(value).__name__, _read(value.get_config()), _attributes(value)]
    raise Unlisted(type(value).__qualname__)


def _mapping(value: Mapping[Any, Any]) -> Any:
    """Read a dict without seeds and initializers; a serialized object has to be of the lists."""
    if "class_name" in value and value["class_name"] not in NAMES | {
        "__tuple__",
        "__keras_tensor__",
    }:
        raise Unlisted(str(value["class_name"]))
    items = [
        (k, v) for k, v in value.items() if k != "seed" and not str(k).endswith("_initializer")
    ]
    return sorted((repr(_read(k)), _read(v)) for k, v in items)
