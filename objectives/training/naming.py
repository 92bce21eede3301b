"""Compiled functions under names that say what they compute.

TensorFlow numbers its functions in the order of their making, and XLA's persistent cache keys by
their names too: it would find a program again only in a process that had made the very same
programs before it. Here a function and all it calls are named by a digest of their content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

UNSTABLE = ("_gradient_op_type", "forward_function_name", "backward_function_name")


def stably_named(traced: Any) -> list[Any]:
    """Return the definitions of a concrete function and of all it calls, itself the first."""
    functions = _called(traced.function_def, traced.graph.as_graph_def().library.function)
    for function in functions:
        _rename_arguments(function)
    _rename(functions, "{}")
    content = b"".join(function.SerializeToString(deterministic=True) for function in functions)
    _rename(functions, f"epoch_{hashlib.sha256(content).hexdigest()[:24]}_{{}}")
    return functions


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
        for name in UNSTABLE:
            function.attr.pop(name, None)
        for node in function.node_def:
            node.op = names.get(node.op, node.op)
            for name in UNSTABLE:
                node.attr.pop(name, None)
            for called in _references(node.attr):
                called.name = names.get(called.name, called.name)


def _rename_arguments(function: Any) -> None:
    """Name arguments by their place: some are named after functions."""
    names = {arg.name: f"argument_{i}" for i, arg in enumerate(function.signature.input_arg)}
    for argument in function.signature.input_arg:
        argument.name = names[argument.name]
    for node in function.node_def:
        node.input[:] = [names.get(each, each) for each in node.input]
    for result, source in list(function.ret.items()):
        function.ret[result] = names.get(source, source)
