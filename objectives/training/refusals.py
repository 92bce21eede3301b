"""What only `model.fit` does, told before anything is traced."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from objectives.training.epoch import Unsupported

BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_test_begin",
    "on_test_end",
)
# What `fit` calls and a traced epoch does not.
FIT_METHODS = (
    "fit",
    "evaluate",
    "make_train_function",
    "make_test_function",
    "reset_metrics",
    "_get_metrics_result_or_logs",
)


def refuse(model: keras.Model, callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Raise Unsupported for what a traced epoch cannot do as `fit` does."""
    for callback in callbacks:
        if type(callback) is keras.callbacks.ModelCheckpoint and callback.save_freq == "epoch":
            continue  # its hook within epochs does nothing
        for hook in BATCH_HOOKS:
            own = getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
            if own or hook in vars(callback):
                raise Unsupported(f"the callback {type(callback).__name__} acts within epochs")
    for name in FIT_METHODS:
        if name in vars(model) or getattr(type(model), name) is not getattr(keras.Model, name):
            raise Unsupported(f"{type(model).__name__} has a method {name} of its own")
    for name in ("train_function", "test_function"):
        found = getattr(model, name)
        home = getattr(getattr(found, "python_function", found), "__module__", "")
        if found is not None and not str(home).startswith("keras."):
            raise Unsupported(f"{type(model).__name__} has a {name} that build has set")
    if model.run_eagerly or tf.config.functions_run_eagerly():
        raise Unsupported("the model is compiled with run_eagerly=True")
    if tf.distribute.has_strategy():
        raise Unsupported("a tf.distribute strategy is active")
    if model.optimizer is None:
        raise Unsupported("the model is compiled without an optimizer")
