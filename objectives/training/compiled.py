"""The fast trainer: whole epochs as traced programs, one for all trials of a structure."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import keras

from objectives.reading.ragged import Ragged
from objectives.structures import leaves
from objectives.training import streaming
from objectives.training.check import Guard, users
from objectives.training.epoch import Unsupported, trace, words
from objectives.training.epochs import Epochs
from objectives.training.fit import FitTrainer
from objectives.training.inputs import Inputs
from objectives.training.kept_ways import KeptWays
from objectives.training.live import LiveState
from objectives.training.metrics import build_metrics, widest
from objectives.training.program import Program, variables
from objectives.training.progress import load_weights
from objectives.training.refusals import refuse
from objectives.training.settings import unchanged
from objectives.training.structure import rowwise, structure
from objectives.training.tensors import Tensors
from objectives.training.traces import Trace, circumstances, place
from objectives.training.ways import by_fit, by_graph, fastest, first_run, reason

if TYPE_CHECKING:
    from objectives import Data, Objective
    from objectives.training import TrialSpec
    from objectives.training.progress import Progress

T = TypeVar("T")
log = logging.getLogger("sweeps")


@dataclass
class Known:
    """A structure that this process has met: its trace, and how its trials are trained.

    Attributes:
        trace: Without a model.
        way: "xla" or "graph"; None until it is chosen.
        refused: Why `fit` trains it, or None.
        ran: Ways that have run an epoch in this process.
    """

    trace: Trace
    way: str | None = None
    refused: str | None = None
    ran: frozenset[str] = frozenset()


class CompiledTrainer(FitTrainer):
    """Trains one trial at a time in this process, each epoch as one call of a traced program.

    What cannot be traced whole is trained by `model.fit`: the result's `fallback` says why, and
    the log does once. A result's `extra` has the trial's `structure`, the `way` that its epochs
    ran ("xla", "graph" or "fit"), and whether this process met the structure first with this
    trial (`compiled`).

    Args:
        way: "auto" takes the fastest; "xla" and "graph" take that one wherever it is possible.
    """

    def __init__(self, objective: Objective[Any], data: Data, way: str = "auto") -> None:
        super().__init__(objective, data)
        self._asked = way
        self._known: dict[str, Known] = {}
        self._scorers: dict[str, keras.Model] = {}
        self._said: set[str] = set()
        self._guard = Guard(self)

    @property
    def structures(self) -> int:
        """Structures met. XLA never frees a program: a process should not gather too many."""
        return len(self._known)

    def trial(self, progress: Progress) -> None:
        """Train a trial by traced epochs, or by `model.fit` where that is impossible."""
        try:
            if self.data.stream is not None:
                raise Unsupported(streaming.WHY)
            if any(isinstance(leaf, Ragged) for leaf in leaves(self.data.train.x)):
                raise Unsupported("x has ragged rows")
            with unchanged():
                self._trial(progress)
        except Unsupported as why:
            progress.fallback = str(why)
            progress.extra.pop("compiled", None)
            self._say(f"model.fit trains this model, which is slower: {why}")
            super().trial(progress)

    def kept(self, spec: TrialSpec) -> keras.Model:
        """Return the spec's model with its kept weights, or a listed model that equals it."""
        model = self.build(spec)
        inputs = Inputs(model)
        # Where all numbers are equal too, scoring needs no new functions.
        key = structure(model, inputs, inputs.values)
        if key is not None:
            model = self._scorers.setdefault(key, model)
        model.set_weights(load_weights(spec.weights))
        return model

    def on(self, data: Data) -> CompiledTrainer:
        """Return a trainer of the same objective on other data, which shares the programs."""
        other = CompiledTrainer(self.objective, data, self._asked)
        other._known, other._scorers, other._said = self._known, self._scorers, self._said
        return other

    def close(self) -> None:
        """Forget all programs."""
        self._known.clear()
        self._scorers.clear()
        super().close()

    def _trial(self, progress: Progress) -> None:
        spec = progress.spec
        model, given = self.admitted(progress), self.callbacks(progress)
        # A loss that is not finite ends a trial as diverged, at the end of the same epoch.
        callbacks = [c for c in given if type(c) is not keras.callbacks.TerminateOnNaN]
        refuse(model, callbacks)
        epochs = Epochs(progress, len(self.data.train), self.given(spec))
        progress.weights = model.get_weights
        state = LiveState(model, callbacks)
        hooks = keras.callbacks.CallbackList(
            [state, *callbacks, epochs],
            add_history=True,
            model=model,
            epochs=spec.max_epochs,
            steps=math.ceil(len(epochs.rows) / self.objective.batch(spec.config)),
            verbose=0,
        )
        # Callbacks may change what the model's code reads, so it is traced after they began.
        hooks.on_train_begin()
        hooks.on_epoch_begin(0)
        known, program = self._program(progress, model, epochs.rows)
        progress.extra["way"] = program.way
        state.also(program.trace.state)
        first = progress.begin(state, program.way, *self.made_of(spec, model))
        for epoch in range(first, spec.max_epochs):
            if epoch:
                hooks.on_epoch_begin(epoch)
            program, logs = self._run(known, program, epochs.rows, model.stop_training)
            progress.extra["way"] = program.way
            hooks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        hooks.on_train_end()

    def _run(
        self, known: Known, program: Program, order: Any, stopped: bool
    ) -> tuple[Program, dict[str, Any]]:
        """Run an epoch, the first one of a structure and a way watched.

        Returns:
            The program that ran, as a graph where XLA failed, and its logs.
        """
        if program.way in known.ran:
            return program, program.run(order, stopped=stopped)
        kept = _kept_ways(known.trace)
        try:
            logs: dict[str, Any] = first_run(
                program, lambda: program.run(order, stopped=stopped), kept
            )
        except Unsupported as why:
            if program.way != "xla":
                raise
            known.way = "graph"
            self._say(f"a TensorFlow graph trains this model, XLA cannot: {why}")
            return self._run(known, program.other("graph"), order, stopped)
        known.ran |= {program.way}
        return program, logs

    def _program(
        self, progress: Progress, model: keras.Model, order: Any
    ) -> tuple[Known, Program]:
        """Return the trial's program and its structure. Raises Unsupported."""
        spec, inputs = progress.spec, Inputs(model)
        batch = self.objective.batch(spec.config)
        train, validation = self._tensors
        model.optimizer.build(model.trainable_variables)
        shapes = [train.words, validation.words]
        listed = structure(model, inputs, shapes, batch, len(order))
        wide = batch
        if listed is not None and rowwise(model):
            wide = widest(validation.inputs, batch)
        arrays = tuple(map(words, train.flat)), validation.flat
        make = lambda: trace(model, train, validation, len(order), batch, wide, inputs)  # noqa: E731
        key, traced = self._traced(listed, model, make)
        new = key not in self._known
        known = self._known.setdefault(key, Known(traced.without_model()))
        progress.extra |= {"structure": key[:16], "compiled": new}
        if known.refused is not None:
            raise Unsupported(known.refused)

        def program(way: str) -> Program:
            return Program(traced, way, arrays, len(order), batch, wide, inputs.values)

        if known.way is None:
            known.way = self._way(spec, key, known, program("graph"), order)
            if spec.check and users(self.objective):
                given = program(known.way), order, _kept_ways(known.trace), listed is None
                with self._failing(known):
                    if found := self._guard(spec, model, *given):
                        raise Unsupported(found)
        return known, program(known.way)

    def _traced(
        self, listed: str | None, model: keras.Model, make: Callable[[], Trace]
    ) -> tuple[str, Trace]:
        """Return the key of the model's structure, and the model's own trace."""
        if listed is None:
            return self._own(make)
        build_metrics(model, self._tensors[0].pack(self._tensors[0].flat), 1)
        own, known = variables(model), self._known.get(listed)
        kept = place(listed)
        found = known.trace if known else (kept and Trace.read(kept))
        names = set(model.get_metrics_result())
        if found and found.places is not None and all(set(each) == names for each in found.names):
            return listed, found.of(own)
        traced = self._attempt(make).located(own)
        if traced.places is None:  # it captures constants: only its trace tells two apart
            return self._own(lambda: traced)
        if kept and not known:
            traced.write(kept)
        return listed, traced

    def _own(self, make: Callable[[], Trace]) -> tuple[str, Trace]:
        """Return the digest of the model's trace and the trace."""
        traced = self._attempt(make)
        if (why := by_fit(traced)) is not None:  # its digest may never be the same again
            raise Unsupported(why)
        if traced.digest in self._known:
            return traced.digest, traced
        again = self._attempt(make)
        if again.digest != traced.digest:
            # The first call of a model's code may prepare what later calls find.
            traced, again = again, self._attempt(make)
        if again.digest != traced.digest:
            raise Unsupported(
                "the model's own Python code computes something else at every call: random "
                "numbers or counters outside of TensorFlow"
            )
        return again.digest, again

    def _attempt(self, make: Callable[[], T]) -> T:
        """Call; make any failure Unsupported."""
        try:
            return make()
        except Unsupported:
            raise
        except Exception as fault:
            raise Unsupported(reason(fault)) from fault

    def _way(self, spec: TrialSpec, key: str, known: Known, program: Program, order: Any) -> str:
        """Return the way of a structure that this process meets first."""
        recorded = spec.ways.get(key[:16])
        if recorded in ("xla", "graph"):
            return str(recorded)
        if recorded == "fit":
            raise Unsupported("it trained this study's earlier trials of this structure")
        if self._asked != "auto":
            why = by_graph(known.trace) if self._asked == "xla" else None
            if why is None or "slow" in why:
                return self._asked
            self._say(f"a TensorFlow graph trains this model: {why}")
            return "graph"
        if by_graph(known.trace) is not None:
            return "graph"
        with self._failing(known):
            return fastest(program, order, spec.max_epochs, _kept_ways(known.trace))

    @contextmanager
    def _failing(self, known: Known) -> Iterator[None]:
        """Make a failure Unsupported, and remember it for the structure."""
        try:
            yield
        except Exception as fault:
            known.refused = str(fault) if isinstance(fault, Unsupported) else reason(fault)
            raise Unsupported(known.refused) from fault

    @functools.cached_property
    def _tensors(self) -> tuple[Tensors, Tensors]:
        """The training and the validation part, on the device once."""
        train, validation = map(Tensors, self.arrays)
        return train, validation

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            log.warning("%s", line)


def _kept_ways(traced: Trace) -> KeptWays:
    """Return what this machine knows of a structure."""
    return KeptWays(traced.digest, circumstances())
