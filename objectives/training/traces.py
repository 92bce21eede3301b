"""Traced programs kept on disk beside XLA's: what one process has traced, no other has to.

XLA's persistent cache saves compiling. Tracing, which runs the model's own Python, would still be
done in every process, for about as long as it takes XLA to find its program.

A trace is kept under everything that it depends on: the structure, the versions, Keras's global
settings, the devices and the code of this package. A model with any code but Keras's own is traced
every time, since that code may change under the same name.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDefLibrary
from tensorflow.python.eager import context  # as Keras does: there is no public way

from objectives.training.environment import cache_folder
from objectives.training.files import replace
from objectives.training.structure import portable


@dataclass(frozen=True)
class Trace:
    """A function as TensorFlow's definitions of it and of all it calls, itself the first.

    captured: tensors that it takes after its arguments. logs: names of the numbers that it
    returns, of the training and of the validation.
    """

    functions: list[Any]
    captured: list[tf.Tensor]
    logs: tuple[list[str], list[str]]

    def function(self) -> Callable[..., tuple[dict[str, Any], dict[str, Any]]]:
        """Return it as a call of its arguments, which returns both dicts of logs."""
        runtime = context.context()
        for each in self.functions:
            if not runtime.has_function(each.signature.name):
                runtime.add_function_def(each)
        signature, (training, validation) = self.functions[0].signature, self.logs

        def call(*arguments: Any) -> tuple[dict[str, Any], dict[str, Any]]:
            given = [*tf.nest.flatten(arguments), *self.captured]
            name, count = signature.name.encode(), len(signature.output_arg)
            found = runtime.call_function(name, given, count)
            split = len(training)
            return (
                dict(zip(training, found[:split], strict=True)),
                dict(zip(validation, found[split:], strict=True)),
            )

        call.__name__ = signature.name
        return call

    def write(self, file: Path, state: Sequence[tf.Variable]) -> None:
        """Keep it, if all that it captures is of the state. A cache that is full has no room."""
        at = {id(variable.handle): i for i, variable in enumerate(state)}
        if not all(id(tensor) in at for tensor in self.captured):
            return
        library = FunctionDefLibrary(function=self.functions).SerializeToString()

        def save(path: Path) -> None:
            np.savez_compressed(
                path,
                library=np.frombuffer(library, np.uint8),
                captured=np.array([at[id(tensor)] for tensor in self.captured]),
                training=np.array(self.logs[0]),
                validation=np.array(self.logs[1]),
            )

        with contextlib.suppress(OSError):
            replace(file, save)

    @classmethod
    def read(cls, file: Path, state: Sequence[tf.Variable], names: set[str]) -> Trace | None:
        """Return the kept trace, captured from this state; None where it is not there, or broken.

        names: of the model's logs. They may hold names of layers, which are no part of the
        structure: a trace of other names is another's.
        """
        try:
            with file.open("rb") as opened, np.load(opened) as found:
                library = FunctionDefLibrary.FromString(found["library"].tobytes())
                captured = [state[i].handle for i in found["captured"]]
                logs = found["training"].tolist(), found["validation"].tolist()
        except Exception:  # whatever is wrong with the file, it is made anew
            return None
        if set(logs[0]) != names or set(logs[1]) != names:
            return None
        return cls(list(library.function), captured, logs)


def place(model: keras.Model, structure: str) -> Path | None:
    """Return the file of a structure's trace, or None where it cannot be kept."""
    if not portable(model):
        return None
    settings = keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()
    devices = [device.name for device in tf.config.list_logical_devices()]
    versions = tf.__version__, keras.__version__, _own_code()
    content = repr((structure, settings, devices, versions))
    name = hashlib.sha256(content.encode()).hexdigest()[:32]
    try:
        return cache_folder() / "traces" / f"{name}.npz"
    except RuntimeError:  # no home
        return None


@functools.cache
def _own_code() -> str:
    """Return a digest of this package's code, by which programs are traced."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
