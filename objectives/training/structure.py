"""The key of a compiled program, read off a built model: everything that tracing bakes in.

Left out is what a program takes as input: weights, the optimizer's variables, a learning rate and
a weight decay that are numbers, seeds. Nobody marks anything. What cannot be compared for sure
is never shared: a program that wrongly served another model would give wrong curves silently.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import types
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

INPUTS = ("learning_rate", "weight_decay")
PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))
MACHINERY = {"keras", "tensorflow", "_thread", "threading", "weakref", "inspect", "optree"}


class Unshareable(TypeError):
    """The model holds something of which it cannot be told whether two are the same."""


def structure(model: keras.Model, *shapes: Any) -> str:
    """Return a digest of a compiled model and of what is fed to it (plain values).

    Raises Unshareable where two models could be mistaken for each other.
    """
    found, _ = _read(model)
    return hashlib.sha256(repr([shapes, found]).encode()).hexdigest()


def portable(model: keras.Model) -> bool:
    """Return whether a model's structure means the same in another process, at any later time.

    So it does where all code that it names is Keras's own: other code may change under its name.
    """
    _, foreign = _read(model)
    return not foreign


def _read(model: keras.Model) -> tuple[Any, bool]:
    """Return the plain values of a compiled model, and whether they name code not Keras's own."""
    layers = list(model._flatten_layers())
    reader = _Reader({layer.name: f"layer {i}" for i, layer in enumerate(layers)})
    compiled = dict(model._compile_config.config)
    compiled["optimizer"] = None
    found = [
        [(tuple(v.shape), v.dtype, v.trainable) for v in model.variables],
        reader.config(model),
        [reader.thing(layer) for layer in layers],
        reader.optimizer(model.optimizer),
        reader.read(compiled),
    ]
    return found, reader.foreign


def from_keras(kind: Any) -> bool:
    """Return whether a class or function is Keras's own; a class's config says all there is."""
    return str(kind.__module__).split(".")[0] == "keras"


def keras_alone(model: keras.Model) -> bool:
    """Return whether a model is Keras's own code all through, losses and metrics included."""
    held = [model, *model._flatten_layers(), *model.metrics, *keras.tree.flatten(model.loss)]
    functions = [
        value
        for thing in held
        for value in (thing, *getattr(thing, "__dict__", {}).values())
        if isinstance(value, types.FunctionType)
    ]
    kinds = [type(thing) for thing in held if not isinstance(thing, (str, types.FunctionType))]
    return all(map(from_keras, kinds)) and all(map(from_keras, functions))


class _Reader:
    """Turns whatever a model holds into nested plain values that are equal where it is."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self.foreign = False  # whether any code is not Keras's own

    def read(self, value: Any) -> Any:
        """Return plain values for anything; raise Unshareable if that cannot be done."""
        if isinstance(value, str):
            return self.names.get(value, value)
        if isinstance(value, PLAIN):
            return (type(value).__name__, repr(value))
        if isinstance(value, Mapping):
            return self.mapping(value)
        if isinstance(value, (set, frozenset)):
            return sorted(map(repr, map(self.read, value)))
        if isinstance(value, (list, tuple)):
            return [self.read(item) for item in value]
        if isinstance(value, (np.ndarray, np.generic, tf.Tensor)) and not tf.is_symbolic_tensor(
            value
        ):
            array = np.asarray(value)
            if array.dtype.hasobject:
                raise Unshareable("an array of objects")
            content = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
            return ("array", array.dtype.str, array.shape, content)
        if isinstance(value, (keras.Variable, tf.Variable)):
            return ("variable", tuple(value.shape), str(value.dtype))
        if isinstance(value, keras.layers.Layer):
            return ("layer", self.names.get(value.name, value.name))
        if isinstance(value, functools.partial):
            return [self.read(part) for part in (value.func, value.args, value.keywords)]
        if isinstance(value, type):
            return self.kind(value)
        if callable(value) and not hasattr(value, "get_config"):
            return self.function(value)
        return self.thing(value)

    def mapping(self, value: Mapping[Any, Any]) -> Any:
        """Read a dict; seeds of Keras's own objects are inputs."""
        if "class_name" in value:
            module, config = str(value.get("module")), value.get("config")
            self._note(module)
            if isinstance(config, Mapping) and module.split(".")[0] == "keras":
                value = {**value, "config": {k: v for k, v in config.items() if k != "seed"}}
        return sorted((repr(self.read(k)), self.read(v)) for k, v in value.items())

    def config(self, value: Any) -> Any:
        """Read an object's config."""
        try:
            config = dict(value.get_config())
        except Exception as fault:
            if isinstance(value, keras.Model) and not from_keras(type(value)):
                return None  # a subclassed model: its attributes and layers say it
            raise Unshareable(f"{type(value).__name__} has no config") from fault
        if from_keras(type(value)):
            config.pop("seed", None)
        return self.read(config)

    def thing(self, value: Any) -> Any:
        """Read an object: its class, its config, the functions in it; of a custom one, all."""
        kind, custom = type(value), not from_keras(type(value))
        if custom and kind.__module__.split(".")[0] in MACHINERY:
            return self.kind(kind)
        if custom and not hasattr(value, "get_config"):
            raise Unshareable(f"{kind.__module__}.{kind.__qualname__}")
        found = [self.kind(kind)]
        if hasattr(value, "get_config"):
            found.append(self.config(value))
        return found + self.attributes(value)

    def attributes(self, value: Any) -> list[Any]:
        """Read what an object's config may leave out: of a custom one, everything."""
        custom, found = not from_keras(type(value)), []
        for name, held in sorted(getattr(value, "__dict__", {}).items()):
            if isinstance(held, keras.optimizers.Optimizer):
                continue  # the model's, which is read apart
            if isinstance(held, types.FunctionType):
                found.append((name, self.function(held)))
            elif not from_keras(type(held)) and (custom or hasattr(held, "get_config")):
                found.append((name, self.read(held)))
        return found

    def optimizer(self, value: Any) -> Any:
        """Read an optimizer without the numbers that are inputs."""
        if getattr(value, "_exclude_from_weight_decay", None) or getattr(
            value, "_exclude_from_weight_decay_pattern", None
        ):
            raise Unshareable("weight decay with exceptions")
        config = {k: v for k, v in value.get_config().items() if k != "name"}
        for name in INPUTS:
            if isinstance(config.get(name), (int, float)):
                config[name] = "input"
        held = [item for item in self.attributes(value) if item[0] not in (*INPUTS, "name")]
        return [self.kind(type(value)), self.read(config), held]

    def kind(self, value: type) -> Any:
        """Read a class: by its name, since it is imported once."""
        if "<locals>" in value.__qualname__:
            raise Unshareable(f"the class {value.__qualname__} is made anew every time")
        self._note(value.__module__)
        return ("class", value.__module__, value.__qualname__)

    def function(self, value: Any) -> Any:
        """Read a function: by its name if imported, and by its code, defaults and closure."""
        module, name = str(getattr(value, "__module__", "")), getattr(value, "__qualname__", "")
        self._note(module)
        if isinstance(value, types.MethodType):
            return [self.read(value.__self__), self.function(value.__func__)]
        keras_own = module.split(".")[0] == "keras" and isinstance(value, types.FunctionType)
        if keras_own or getattr(sys.modules.get(module), name, None) is value:
            return ("function", module, name)
        if not isinstance(value, types.FunctionType):
            raise Unshareable(f"the callable {value!r:.60}")
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        read = [value.__globals__.get(name) for name in value.__code__.co_names]
        return [
            self.code(value.__code__),
            self.read([value.__defaults__, value.__kwdefaults__, cells]),
            [self.read(held) for held in read if isinstance(held, PLAIN)],
        ]

    def _note(self, module: str) -> None:
        """Take the module of code that is known by its name alone."""
        self.foreign |= module.split(".")[0] not in MACHINERY

    def code(self, value: types.CodeType) -> Any:
        """Read a code object without the place it was compiled at."""
        constants = [
            self.code(held) if isinstance(held, types.CodeType) else self.read(held)
            for held in value.co_consts
        ]
        return [value.co_code.hex(), value.co_names, value.co_varnames, constants]
