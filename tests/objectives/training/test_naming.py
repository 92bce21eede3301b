"""Canonical traces: equal for the same computation in any process, and for no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]

CHILD = """
from objectives.training.environment import prepare_environment
prepare_environment(threads=1, device="cpu")
from tests.objectives.training import test_naming
print("found:", *(test_naming.digest(each) for each in test_naming.computations()))
"""


def traced(function: Any, *specs: Any) -> Any:
    given = specs or (tf.TensorSpec((4, 3)),)
    return tf.function(function, autograph=False).get_concrete_function(*given)


def digest(function: Any) -> str:
    from objectives.training.naming import canonical

    return canonical(traced(function))[1]


def loop(x: Any) -> Any:
    """Nested functions, a gradient of its own, and control dependencies."""
    found = tf.while_loop(
        lambda i, y: i < 3,
        lambda i, y: (i + 1, tf.cond(y[0, 0] > 0, lambda: y, lambda: -y)),
        [0, x],
    )
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(tf.nn.softmax(x) ** 2)
    tf.debugging.assert_all_finite(loss, "not finite")
    return {"found": found[1], "gradient": tape.gradient(loss, x)}


def computations() -> list[Any]:
    return [loop, dropout(0.3), lambda x: x @ tf.ones((3, 2))]


def dropout(rate: float) -> Any:
    import keras

    layer = keras.layers.Dropout(rate, seed=1)
    return lambda x: layer(x, training=True)


def test_the_same_computation_has_the_same_digest() -> None:
    first = [digest(each) for each in computations()]
    traced(loop)  # other names are given meanwhile
    assert [digest(each) for each in computations()] == first
    assert len(set(first)) == len(first)


def test_another_process_with_other_hash_seeds_has_the_same_digests() -> None:
    found = []
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", CHILD],
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(run.stdout.partition("found:")[2].split())
    assert found[0] == found[1] == [digest(each) for each in computations()]


def with_variables(shape: Any) -> Any:
    variable = tf.Variable(tf.ones(shape))
    return lambda x: x @ variable


def with_constant(value: float) -> Any:
    return lambda x: x * tf.constant(value)


def captured(value: float) -> Any:
    held = tf.constant(value)
    return lambda x: x * held


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (with_constant(2.0), with_constant(2.0000002)),
        (lambda x: tf.nn.leaky_relu(x, 0.1), lambda x: tf.nn.leaky_relu(x, 0.2)),
        (with_variables((3, 2)), with_variables((3, 4))),
        (lambda x: tf.cast(x, tf.int32), lambda x: tf.cast(x, tf.int64)),
        (lambda x: (x + 1, x + 2), lambda x: (x + 2, x + 1)),
        (lambda x: x - tf.ones_like(x), lambda x: tf.ones_like(x) - x),
        (
            lambda x: tf.map_fn(lambda row: row * 2, x),
            lambda x: tf.map_fn(lambda row: row * 3, x),
        ),
        (
            lambda x: tf.random.stateless_uniform((2,), [1, 2]) + x[:2, 0],
            lambda x: tf.random.stateless_uniform((2,), [1, 3]) + x[:2, 0],
        ),
        (lambda x: tf.transpose(x), lambda x: tf.transpose(x, [0, 1])),
    ],
    ids=[
        "constant",
        "attribute",
        "shape",
        "type",
        "order",
        "operands",
        "inner",
        "seed",
        "default",
    ],
)
def test_another_computation_has_another_digest(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


def test_two_random_operations_are_not_merged_into_one() -> None:
    def once(x: Any) -> Any:
        drawn = tf.random.uniform((3,), seed=1)
        return x + drawn + drawn

    def twice(x: Any) -> Any:
        return x + tf.random.uniform((3,), seed=1) + tf.random.uniform((3,), seed=1)

    assert digest(once) != digest(twice)


def test_the_value_of_what_is_captured_is_no_part_of_it() -> None:
    assert digest(captured(2.0)) == digest(captured(3.0))


def swapped(first: Any, second: Any) -> Any:
    return lambda x: ({"y": x * first - second}, {"z": x + second})


def test_swapped_roles_of_captured_variables_give_each_its_own_result() -> None:
    """The same operations, each with its own captures in their order."""
    from objectives.training.naming import canonical
    from objectives.training.traces import Trace

    one, two = tf.Variable(2.0), tf.Variable(5.0)
    x, results = tf.constant(1.0), []
    digests = set()
    for first, second in ((one, two), (two, one)):
        made = traced(swapped(first, second), tf.TensorSpec(()))
        functions, name = canonical(made)
        digests.add(name)
        trace = Trace(name, functions, (["y"], ["z"]), list(made.captured_inputs))
        y, z = trace.function("graph")(x)
        results.append((float(y["y"]), float(z["z"])))
    assert results == [(2.0 - 5.0, 6.0), (5.0 - 2.0, 3.0)]
    assert len(digests) == 1


def test_it_computes_what_was_traced() -> None:
    from objectives.training.naming import canonical
    from objectives.training.traces import Trace

    x = tf.constant([[1.0, -2.0, 3.0]] * 4)
    made = traced(loop)
    functions, name = canonical(made)
    assert [each.signature.name for each in functions] == [
        f"epoch_{name}_{i}" for i in range(len(functions))
    ]
    trace = Trace(name, functions, (["found", "gradient"],), list(made.captured_inputs))
    (found,) = trace.function("graph")(x)
    for key, value in loop(x).items():
        assert found[key].numpy() == pytest.approx(value.numpy(), rel=1e-6)


def test_loops_and_branches_are_parts_of_a_graph() -> None:
    """As calls of functions they would run without TensorFlow's optimizations."""
    from objectives.training.naming import CONTROL_FLOW, LOWERED, canonical

    nodes = [node for each in canonical(traced(loop))[0] for node in each.node_def]
    found = [node for node in nodes if node.op in CONTROL_FLOW]
    assert {node.op for node in found} >= {"StatelessWhile", "StatelessIf"}
    assert all(node.attr[LOWERED].b for node in found)
