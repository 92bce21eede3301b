"""Traced functions in canonical form, named by a digest of what they compute.

TensorFlow names functions, nodes and arguments in the order of their making, and XLA's persistent
cache goes by the names of functions. In canonical form everything is named by its position, so
that two traces of the same computation are equal byte by byte, in any process. The digest of that
form is the identity of a program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

# Where a function or a node came from, which is no part of what it computes.
ORIGIN = (
    "_class",
    "_gradient_op_type",
    "forward_function_name",
    "backward_function_name",
    "_user_specified_name",
    "_original_func_name",
    "_disable_acd",
)

# Traced under XLA's rules these are calls of functions, which a graph runs without optimizing
# them; lowered, they are parts of it. XLA takes no notice.
CONTROL_FLOW = {"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase"}
LOWERED = "_lower_using_switch_merge"


def canonical(traced: Any) -> tuple[list[Any], str]:
    """Bring a concrete function and all that it calls into canonical form.

    Returns:
        The definitions, the function itself first, and their digest (24 hex digits). They are
        named `epoch_DIGEST_POSITION`.
    """
    functions = _called(traced.function_def, traced.graph.as_graph_def().library.function)
    outputs = {each.signature.name: _rename_outputs(each) for each in functions}
    for each in functions:
        _rename_nodes(each, outputs)
    _rename(functions, "{}")
    content = [each.SerializeToString(deterministic=True) for each in functions]
    content.append(repr(_captured(traced)).encode())
    digest = hashlib.sha256(b"".join(content)).hexdigest()[:24]
    _rename(functions, f"epoch_{digest}_{{}}")
    return functions, digest


def _captured(traced: Any) -> list[Any]:
    """Return the types and shapes of what a function captures, in order."""
    variables = {id(variable.handle): variable for variable in traced.graph.variables}
    found = [variables.get(id(tensor), tensor) for tensor in traced.captured_inputs]
    return [(each.dtype.name, str(each.shape)) for each in found]


def _called(first: Any, library: Iterable[Any]) -> list[Any]:
    """Return a function and all that it calls, in the order of the calls."""
    known = {function.signature.name: function for function in library}
    found = [first]
    for function in found:  # grows meanwhile
        for node in function.node_def:
            names = [node.op, *(called.name for called in _references(node.attr))]
            found += [known.pop(name) for name in names if name in known]
    return found


def _references(attributes: Any) -> list[Any]:
    """Return the references to functions among attributes."""
    kinds = [(value, value.WhichOneof("value")) for _, value in sorted(attributes.items())]
    single = [value.func for value, kind in kinds if kind == "func"]
    return single + [each for value, kind in kinds if kind == "list" for each in value.list.func]


def _rename(functions: list[Any], pattern: str) -> None:
    """Name functions by their place in the list, where they are made and where they are called."""
    names = {each.signature.name: pattern.format(i) for i, each in enumerate(functions)}
    for function in functions:
        function.signature.name = names[function.signature.name]
        for node in function.node_def:
            node.op = names.get(node.op, node.op)
            for called in _references(node.attr):
                called.name = names.get(called.name, called.name)


def _rename_outputs(function: Any) -> dict[str, str]:
    """Name a function's outputs by their place; return the new names by the old ones."""
    names = {arg.name: f"output_{i}" for i, arg in enumerate(function.signature.output_arg)}
    results = {names[name]: source for name, source in function.ret.items()}
    for argument in function.signature.output_arg:
        argument.name = names[argument.name]
    function.ret.clear()
    function.ret.update(results)
    return names


def _rename_nodes(function: Any, outputs: Mapping[str, Mapping[str, str]]) -> None:
    """Name a function's arguments and nodes by their place, and drop where they came from.

    Args:
        function: Changed in place.
        outputs: Of each function that a node may call by its own name, the new names of outputs.
    """
    names = {arg.name: f"argument_{i}" for i, arg in enumerate(function.signature.input_arg)}
    names |= {node.name: f"n{i}" for i, node in enumerate(function.node_def, 1)}
    calls = {node.name: outputs[node.op] for node in function.node_def if node.op in outputs}

    def renamed(source: str) -> str:
        if source.startswith("^"):
            return "^" + names[source[1:]]
        node, *rest = source.split(":")
        if rest and node in calls:
            rest[0] = calls[node].get(rest[0], rest[0])
        return ":".join([names.get(node, node), *rest])

    for argument in function.signature.input_arg:
        argument.name = names[argument.name]
        argument.ClearField("handle_data")
    for attributes in (function.attr, *(each.attr for each in function.arg_attr.values())):
        _drop(attributes)
    for node in function.node_def:
        node.name = names[node.name]
        inputs = [renamed(source) for source in node.input]
        node.input[:] = sorted(inputs, key=_place)  # TensorFlow takes control inputs from a set
        node.ClearField("experimental_debug_info")
        _drop(node.attr)
        if node.op in CONTROL_FLOW:
            node.attr[LOWERED].b = True
    for name, source in list(function.ret.items()):
        function.ret[name] = renamed(source)
    kept = sorted({names[node] for node in function.control_ret.values()})
    function.signature.control_output[:] = kept
    function.control_ret.clear()
    function.control_ret.update({name: name for name in kept})
    function.signature.ClearField("description")


def _place(source: str) -> tuple[bool, str]:
    """Return a key that keeps the order of data and sorts the control inputs after them."""
    control = source.startswith("^")
    return control, source if control else ""


def _drop(attributes: Any) -> None:
    for name in ORIGIN:
        attributes.pop(name, None)
