"""The three ways to run an epoch, and which of them a structure takes.

The same epoch can run as one XLA program, as one TensorFlow graph, or by `model.fit`. A graph was
never slower than `fit` and has its digits. XLA is faster still for dense and recurrent nets and
far slower for convolutions and attention on a CPU, and it has to be compiled first. What can be
told from the operations is; the rest is measured, once a machine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from objectives.training.environment import threads
from objectives.training.epoch import Unsupported
from objectives.training.errors import cause
from objectives.training.kept_ways import KeptWays
from objectives.training.program import Program
from objectives.training.traces import Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger("sweeps")

STRUCTURE_TRIALS = 4  # that a structure's program is expected to train for
SECONDS_PER_OPERATION = 0.001  # of compiling by XLA, on a machine that is not busy
GAIN = 0.85  # of a graph's time that XLA saves at most
STEPS = 20  # enough to tell two ways apart where the arithmetic of a step is small
LONG = 0.02  # seconds: a step that takes longer tells by itself which way is slow
HOPELESS = 3.0  # times as slow as a graph in such a step: no need to look closer

PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
# Random operations without a state of the model, with a seed or not: those of another trial of
# the structure would go on where this one's ended, so that they could not be repeated.
UNSEEDED = {
    "RandomUniform",
    "RandomUniformInt",
    "RandomStandardNormal",
    "ParameterizedTruncatedNormal",
    "TruncatedNormal",
    "RandomShuffle",
    "Multinomial",
    "RandomGamma",
    "RandomPoisson",
    "RandomPoissonV2",
    "RandomCrop",
}
# What these read or change is neither a variable nor an input of the program.
OUTSIDE = {
    "IteratorGetNext",
    "IteratorGetNextAsOptional",
    "ReadFile",
    "WriteFile",
    "LookupTableInsertV2",
    "LookupTableRemoveV2",
    "LookupTableImportV2",
    "AnonymousMutableHashTable",
    "MutableHashTableV2",
    "QueueDequeueV2",
    "QueueEnqueueV2",
    "AnonymousRandomSeedGenerator",
}
# XLA on the CPU has no fast code for these inside a loop.
SLOW = {
    "Conv2D": "convolution",
    "Conv3D": "convolution",
    "DepthwiseConv2dNative": "convolution",
    "BatchMatMul": "batched matrix products",
    "BatchMatMulV2": "batched matrix products",
    "BatchMatMulV3": "batched matrix products",
    "FFT": "Fourier transforms",
    "RFFT": "Fourier transforms",
    "FFT2D": "Fourier transforms",
    "RFFT2D": "Fourier transforms",
}
TABLES = "LookupTable"


def by_fit(trace: Trace) -> str | None:
    """Return why only `fit` trains an epoch as `fit` does, None where a trace does too."""
    found = trace.operations
    if found & PYTHON:
        return "it runs Python code in every step (py_function or numpy_function)"
    if found & UNSEEDED:
        return (
            f"{min(found & UNSEEDED)}, an operation of tf.random, keeps its state outside of the "
            "model, with a seed or without (keras.random with a SeedGenerator keeps it inside)"
        )
    if found & OUTSIDE:
        return f"what it reads or changes is no part of the model: {min(found & OUTSIDE)}"
    return None


def by_graph(trace: Trace) -> str | None:
    """Return why XLA need not be tried, None where it may be faster."""
    if trace.texts or any(name.startswith(TABLES) for name in trace.operations):
        return "XLA has no strings and no lookup tables"
    on_cpu = not tf.config.list_logical_devices("GPU")
    slow = sorted(SLOW[name] for name in trace.operations & SLOW.keys())
    return f"XLA is slow at {slow[0]} on a CPU" if slow and on_cpu else None


def fastest(program: Program, order: NDArray[Any], epochs: int, kept: KeptWays) -> str:
    """Return "xla" or "graph", by what this machine has measured or measures now.

    Args:
        program: Run as a graph. Its variables are as before when this returns.
        order: Of the rows of an epoch.
        epochs: Of the trial.
        kept: Where the finding is remembered.
    """
    # Which way pays depends on the threads, and on the epochs that compiling is spread over.
    name = f"way of {epochs} epochs, {threads()} threads"
    with kept.alone():
        known = kept.read().get(name, {}).get("way")
        if known in ("xla", "graph") and not kept.fatal(str(known)):
            return str(known)
        with program.undone():
            way, seconds = _measured(program, order, epochs * STRUCTURE_TRIALS, kept)
        kept.write(**{name: {"way": way, "seconds": seconds}})
        return way


def _measured(
    program: Program, order: NDArray[Any], epochs: int, kept: KeptWays
) -> tuple[str, dict[str, float]]:
    """Return the way whose epochs take less time, and the seconds of a few steps each way."""
    if kept.fatal("graph"):
        raise Unsupported("a process ended by a fault of its own when it ran as graph")
    if kept.fatal("xla"):
        return "graph", {}
    with kept.watched("graph"):
        program.steps(order, 1)  # prepares it
    steps = STEPS
    graph = min(program.steps(order, steps) for _ in range(3))
    taken = max(1, min(steps, program.steps_in_epoch))
    whole = graph / taken * program.steps_in_epoch
    if whole * epochs * GAIN < program.trace.size * SECONDS_PER_OPERATION:
        return "graph", {"graph": graph}
    compiled = program.other("xla")
    try:
        with kept.watched("xla"):
            compiled.steps(order, 1)
        first = compiled.steps(order, 1)
        if first > LONG and first / HOPELESS > graph / taken:
            return "graph", {"graph": graph, "xla": first * taken}
        xla = min(compiled.steps(order, steps) for _ in range(3))
    except Exception as fault:
        log.warning("XLA cannot train this model, a TensorFlow graph does: %s", reason(fault))
        return "graph", {"graph": graph}
    return ("xla" if xla <= graph else "graph"), {"graph": graph, "xla": xla}


def first_run(program: Program, run: Callable[[], Any], kept: KeptWays) -> Any:
    """Run an epoch of a program that this process has not run yet.

    Raises:
        Unsupported: It failed, and all variables are as before.
    """
    if kept.fatal(program.way):
        raise Unsupported(f"a process ended by a fault of its own when it ran as {program.way}")
    restore = program.saved()
    try:
        with kept.watched(program.way):
            return run()
    except Exception as fault:
        restore()
        raise Unsupported(reason(fault)) from fault


def reason(fault: Exception) -> str:
    """Return one line that says why a program could not be made or run."""
    import re

    text = str(fault)
    operations = sorted(set(re.findall(r"No registered '(\w+)' OpKernel for XLA", text)))
    if operations:
        return f"XLA cannot compile {', '.join(operations)}"
    return cause(type(fault).__name__, text)
