"""Traced epochs, callable with the tensors of any model of their structure, and kept on disk.

XLA's persistent cache saves compiling. Tracing, which runs the model's own Python, would still be
done in every process, for about as long as it takes XLA to find its program. A trace is kept on
disk only for models whose key is read off their objects (see `structure`): that key, the versions,
the global settings, the devices, XLA's flags and the code of this package are all that it
depends on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDef, FunctionDefLibrary
from tensorflow.core.framework.types_pb2 import DT_STRING
from tensorflow.python.eager import context  # as Keras does: there is no public way

from objectives.training.environment import cache_folder
from objectives.training.whole_files import replace

XLA = "_XlaMustCompile"
Outputs = list[dict[str, Any]]


@dataclass(frozen=True)
class Trace:
    """An epoch as TensorFlow's definitions of it and of all it calls, itself the first.

    Attributes:
        digest: Equal for two traces that compute the same.
        functions: The definitions, in canonical form.
        names: Of the logs that it returns: of training and of validation.
        captured: The tensors that it takes after its arguments, most of them handles of variables.
        variables: The variables whose handles are captured, by the handle's `id`.
        places: Where the captured handles stand among the variables of a model of this structure
            (see `of`); None where it captures anything else.
    """

    digest: str
    functions: list[Any]
    names: tuple[list[str], ...]
    captured: list[tf.Tensor] = field(default_factory=list)
    variables: Mapping[int, tf.Variable] = field(default_factory=dict)
    places: tuple[int, ...] | None = None

    @functools.cached_property
    def operations(self) -> frozenset[str]:
        """The types of all operations."""
        return frozenset(node.op for each in self.functions for node in each.node_def)

    @functools.cached_property
    def texts(self) -> bool:
        """Whether any tensor is a string."""
        return any(
            value.type == DT_STRING or DT_STRING in value.list.type
            for each in self.functions
            for node in each.node_def
            for value in node.attr.values()
        ) or any(tensor.dtype == tf.string for tensor in self.captured)

    @property
    def random(self) -> bool:
        """Whether it draws random numbers."""
        return any("Random" in name for name in self.operations)

    @property
    def loops(self) -> int:
        """The number of loops, of the epoch and of its steps."""
        return sum("While" in node.op for each in self.functions for node in each.node_def)

    @property
    def size(self) -> int:
        """The number of operations."""
        return sum(len(each.node_def) for each in self.functions)

    @property
    def outline(self) -> str:
        """A digest of the operations and what they are applied to, without sizes and constants.

        Equal for nets that differ in their widths, or in the values of constants.
        """
        own = {each.signature.name: str(i) for i, each in enumerate(self.functions)}
        content = [
            [(own.get(node.op, node.op), *node.input) for node in each.node_def]
            for each in self.functions
        ]
        return hashlib.sha256(repr(content).encode()).hexdigest()[:24]

    @property
    def state(self) -> list[tf.Variable]:
        """The captured variables, in the order of `captured`."""
        held = (self.variables.get(id(tensor)) for tensor in self.captured)
        return [variable for variable in held if variable is not None]

    def located(self, variables: Sequence[tf.Variable]) -> Trace:
        """Return the trace with `places` among these variables of its model."""
        at = {id(variable.handle): i for i, variable in enumerate(variables)}
        found = [at.get(id(tensor)) for tensor in self.captured]
        known = [place for place in found if place is not None]
        places = tuple(known) if len(known) == len(found) else None
        return dataclasses.replace(self, places=places)

    def of(self, variables: Sequence[tf.Variable]) -> Trace:
        """Return the trace of another model of this structure, given its variables."""
        if self.places is None:
            raise ValueError("the trace captures more than variables of its model")
        own = [variables[place] for place in self.places]
        return dataclasses.replace(
            self,
            captured=[variable.handle for variable in own],
            variables={id(variable.handle): variable for variable in own},
        )

    def without_model(self) -> Trace:
        """Return the definitions alone, which keep no model alive."""
        return dataclasses.replace(self, captured=[], variables={})

    def function(self, way: str) -> Callable[..., Outputs]:
        """Return it as a call of its arguments, which returns both dicts of logs.

        Args:
            way: "xla" compiles it as one program, "graph" runs it as a TensorFlow graph.
        """
        runtime, signature = context.context(), self.functions[0].signature
        name, count = f"{signature.name}_{way}", len(signature.output_arg)
        if not runtime.has_function(name):
            first = FunctionDef.FromString(self.functions[0].SerializeToString())
            first.signature.name = name
            first.attr[XLA].b = way == "xla"
            for each in (*self.functions[1:], first):
                if not runtime.has_function(each.signature.name):
                    runtime.add_function_def(each)

        def call(*arguments: Any) -> Outputs:
            given = [*tf.nest.flatten(arguments), *self.captured]
            found = iter(runtime.call_function(name.encode(), given, count) or ())
            return [{each: next(found) for each in names} for names in self.names]

        call.__name__ = name
        return call

    def write(self, file: Path) -> None:
        """Keep it, if it has `places`. A cache that is full has no room."""
        if self.places is None:
            return
        library = FunctionDefLibrary(function=self.functions).SerializeToString()

        def save(path: Path) -> None:
            np.savez_compressed(
                path,
                digest=np.array(self.digest),
                library=np.frombuffer(library, np.uint8),
                places=np.array(self.places),
                training=np.array(self.names[0]),
                validation=np.array(self.names[1]),
            )

        with contextlib.suppress(OSError):
            replace(file, save)

    @classmethod
    def read(cls, file: Path) -> Trace | None:
        """Return the kept trace; None where it is not there, or broken."""
        try:
            with file.open("rb") as opened, np.load(opened) as found:
                library = FunctionDefLibrary.FromString(found["library"].tobytes())
                names = found["training"].tolist(), found["validation"].tolist()
                places = tuple(int(i) for i in found["places"])
                return cls(str(found["digest"]), list(library.function), names, places=places)
        except Exception:  # whatever is wrong with the file, it is made anew
            return None


def circumstances() -> str:
    """Return a digest of what a program depends on besides its structure."""
    settings = keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()
    devices = [device.name for device in tf.config.list_logical_devices()]
    flags = [os.environ.get(name, "") for name in ("XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS")]
    versions = tf.__version__, keras.__version__, _own_code()
    content = repr((settings, keras.config.dtype_policy().name, devices, flags, versions))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def place(structure: str) -> Path | None:
    """Return the file of a structure's trace, or None where nothing can be kept."""
    name = hashlib.sha256(f"{structure} {circumstances()}".encode()).hexdigest()[:32]
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
