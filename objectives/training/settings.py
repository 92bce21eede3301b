"""Global settings of Keras and TensorFlow: every trial starts from the same ones."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import config  # there is no public way to undo some of these


def _switch(on: Callable[[], object], off: Callable[[], object]) -> Callable[[bool], object]:
    return lambda value: on() if value else off()


def _numerics(callbacks: list[Any]) -> None:
    tf.debugging.disable_check_numerics()
    for callback in callbacks:
        if callback not in context.context().op_callbacks:
            context.context().add_op_callback(callback)


def _determinism(on: bool) -> None:
    if on:
        config.enable_op_determinism()
    else:
        config.disable_op_determinism()


def _optimizer_options(options: dict[str, Any]) -> None:
    context.context()._optimizer_experimental_options.clear()  # one that is not set is not False
    tf.config.optimizer.set_experimental_options(options)


# How each setting is read, and how it is set.
SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (keras.config.floatx, keras.config.set_floatx),
    (keras.config.epsilon, keras.config.set_epsilon),
    (keras.config.image_data_format, keras.config.set_image_data_format),
    (keras.config.dtype_policy, keras.config.set_dtype_policy),
    (keras.config.max_epochs, keras.config.set_max_epochs),
    (keras.config.max_steps_per_epoch, keras.config.set_max_steps_per_epoch),
    (
        keras.config.is_flash_attention_enabled,
        lambda value: (
            keras.config.disable_flash_attention()
            if value is False
            else keras.config.enable_flash_attention()
        ),
    ),
    (
        keras.config.is_traceback_filtering_enabled,
        _switch(keras.config.enable_traceback_filtering, keras.config.disable_traceback_filtering),
    ),
    (
        keras.config.is_interactive_logging_enabled,
        _switch(keras.config.enable_interactive_logging, keras.config.disable_interactive_logging),
    ),
    (keras.distribution.distribution, keras.distribution.set_distribution),
    (tf.config.functions_run_eagerly, tf.config.run_functions_eagerly),
    (tf.config.optimizer.get_jit, lambda value: tf.config.optimizer.set_jit(value or False)),
    (config.is_op_determinism_enabled, _determinism),
    # `tf.debugging.enable_check_numerics` is one of these.
    (lambda: list(context.context().op_callbacks), _numerics),
    (tf.config.optimizer.get_experimental_options, _optimizer_options),
    (tf.config.get_soft_device_placement, tf.config.set_soft_device_placement),
    (
        tf.config.experimental.tensor_float_32_execution_enabled,
        tf.config.experimental.enable_tensor_float_32_execution,
    ),
    (
        tf.config.experimental.get_synchronous_execution,
        tf.config.experimental.set_synchronous_execution,
    ),
    (np.geterr, lambda value: np.seterr(**value)),
)


def read() -> list[Any]:
    """Return the values of all settings, and a copy of the registered custom objects."""
    registered = keras.saving.get_custom_objects()
    return [*(get() for get, _ in SETTINGS), dict(registered)]


def write(values: list[Any]) -> None:
    """Set all that differs from these values, which `read` returned."""
    *settings, registered = values
    for (get, put), value in zip(SETTINGS, settings, strict=True):
        if get() != value:
            put(value)
    now = keras.saving.get_custom_objects()
    if now != registered:
        now.clear()
        now.update(registered)


@contextlib.contextmanager
def unchanged(*, builds: bool = True) -> Iterator[None]:
    """Undo what the block changes of the settings.

    What the user's modules have set when they were imported stays, for every trial.

    builds: begin with a new Keras session, in which layers are named from the beginning. It makes
    TensorFlow prepare every operation anew, so a block that builds no model goes without.
    """
    before = read()
    if builds:
        keras.utils.clear_session(free_memory=False)
        write(before)
    try:
        yield
    finally:
        write(before)
