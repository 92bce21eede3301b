"""Recurrent layers made to read their weights once a sequence while a program is traced.

Keras reads a variable inside its loop over the steps, so TensorFlow keeps a copy of the weights of
every step for the gradient. Read before the loop, they are one tensor for all steps: the same
numbers, without the copies.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

KINDS = (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)


@contextlib.contextmanager
def weights_read_once(model: keras.Model) -> Iterator[None]:
    """Let Keras's own recurrent layers of a model read their weights once in each call."""
    layers = [
        each for each in model._flatten_layers() if type(each) in KINDS and not each.stateful
    ]
    for layer in layers:
        object.__setattr__(layer, "call", _once(layer))  # past Keras, who tracks attributes
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def _once(layer: keras.layers.Layer) -> Callable[..., Any]:
    own = layer.call

    def call(*args: Any, **kwargs: Any) -> Any:
        read = [(each, tf.convert_to_tensor(each)) for each in layer.trainable_variables]
        with keras.StatelessScope(read) as scope:
            found = own(*args, **kwargs)
        for variable in layer.non_trainable_variables:  # a dropout's seed
            value = scope.get_current_value(variable)
            if value is not None:
                variable.assign(value)
        return found

    return call
