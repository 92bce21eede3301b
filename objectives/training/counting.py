"""What a built Keras model costs: counted on the model itself, without training it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from objectives import BadInput

Shape = list[int]
# What may hide a product that nobody counts: loops and branches, own operations, other products.
OPAQUE = ("While", "If", "Case", "Call", "PyFunc", "Xla", "RNN", "FFT", "Conv", "MatMul", "Einsum")


def counted(model: keras.Model, names: Iterable[str], row: Callable[[], Any]) -> dict[str, int]:
    """Return the costs of these names. row: gives a batch of one row. Raises BadInput."""
    if not model.built:
        raise BadInput(
            "what this model costs is known only when it trains, since it has no call: "
            "leave --limit out"
        )
    count = {"params": model.count_params, "flops": lambda: flops(model, row())}
    return {name: int(count[name]()) for name in names}


def flops(model: keras.Model, row: Any) -> int:
    """Return two for every multiply-add of the products and convolutions that predict a row.

    Raises:
        BadInput: For a model with a loop or an operation that cannot be looked into.
    """
    specs = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), row)
    called = tf.function(lambda x: model(x, training=False)).get_concrete_function(specs)
    return 2 * sum(_multiply_adds(called.graph))


def _multiply_adds(graph: tf.Graph) -> Iterator[int]:
    for one in graph.get_operations():
        if one.type in CALLS:
            yield from _multiply_adds(graph._get_function(one.get_attr("f").name).graph)
            continue
        count = COUNTS.get(one.type)
        if count is None:
            if any(word in one.type for word in OPAQUE):
                raise _uncounted(f"{one.type} ({one.name})")
            continue
        shapes = [tensor.shape for tensor in (one.outputs[0], *one.inputs)]
        if not all(shape.is_fully_defined() for shape in shapes):
            raise _uncounted(f"the shapes of {one.name}")
        yield count(one, *(shape.as_list() for shape in shapes))


def _uncounted(what: str) -> BadInput:
    return BadInput(f"flops of this model cannot be counted, because of {what}: limit params")


def _product(op: Any, out: Shape, left: Shape, right: Shape) -> int:
    turned = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    return math.prod(out) * left[-2 if turned else -1]


def _einsum(op: Any, out: Shape, left: Shape, right: Shape) -> int:
    """Return the product of all sizes that its indices take."""
    terms = op.get_attr("equation").decode().partition("->")[0].split(",")
    if len(terms) != 2 or "..." in "".join(terms):
        raise _uncounted(f"the equation of {op.name}")
    sizes = dict(zip("".join(terms), (*left, *right), strict=True))
    return math.prod(sizes.values())


def _convolution(op: Any, out: Shape, given: Shape, kernel: Shape) -> int:
    """Every number of the output takes a kernel's products, of a group's channels."""
    return math.prod(out) * math.prod(kernel[:-1])


def _transposed(op: Any, out: Shape, sizes: Shape, kernel: Shape, given: Shape) -> int:
    return math.prod(given) * math.prod(kernel[:-1])


def _depthwise(op: Any, out: Shape, given: Shape, kernel: Shape) -> int:
    return math.prod(out) * math.prod(kernel[:2])


CALLS = ("PartitionedCall", "StatefulPartitionedCall")
# The multiply-adds of an operation, by its output's and its inputs' shapes.
COUNTS: dict[str, Callable[..., int]] = {
    "MatMul": _product,
    "BatchMatMul": _product,
    "BatchMatMulV2": _product,
    "BatchMatMulV3": _product,
    "Einsum": _einsum,
    "Conv2D": _convolution,
    "Conv3D": _convolution,
    "Conv2DBackpropInput": _transposed,
    "Conv3DBackpropInputV2": _transposed,
    "DepthwiseConv2dNative": _depthwise,
}
