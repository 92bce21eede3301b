"""The fast trainer: whole epochs as traced programs, one for all trials of a structure."""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import keras

from objectives.reading.ragged import Ragged
from objectives.structures import leaves
from objectives.training import streaming
from objectives.training.check import Guard, users
from objectives.training.epoch import Unsupported, words
from objectives.training.epochs import Epochs
from objectives.training.fit import FitTrainer
from objectives.training.inputs import Inputs
from objectives.training.kept_ways import KeptWays
from objectives.training.live import LiveState
from objectives.training.nets import Net, Nets
from objectives.training.program import Program, weights
from objectives.training.progress import load_weights
from objectives.training.refusals import refuse
from objectives.training.scoring import Scorer, scorer_of
from objectives.training.settings import unchanged
from objectives.training.structure import structure
from objectives.training.tensors import Tensors
from objectives.training.traces import Trace, circumstances
from objectives.training.tracing import Traced, Tracer
from objectives.training.ways import by_graph, fastest, first_run, reason

if TYPE_CHECKING:
    from pathlib import Path

    from objectives import Data, Objective
    from objectives.training import Logs, TrialSpec
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
        self._scorers: dict[str, Scorer] = {}
        self._nets = Nets(objective, data)
        self._said: set[str] = set()
        self._ragged = any(isinstance(leaf, Ragged) for leaf in leaves(data.train.x))
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
            if self._ragged:
                raise Unsupported("x has ragged rows")
            plan = self._nets.plan(progress.spec)
            if plan is not None and (net := self._nets.find(plan)) is not None:
                with unchanged(builds=False):
                    self._admit(progress, net.begin(plan))
                    self._trial(progress, net.model, net)
                return
            with unchanged():
                model = self.admitted(progress)
                start = self._nets.start(plan, model)
                traced = self._trial(progress, model)
            if plan is not None and start is not None and traced.trace.places is not None:
                self._nets.keep(plan, Net(model, start, traced, scorer_of(model)))
        except Unsupported as why:
            progress.fallback = str(why)
            progress.extra.pop("compiled", None)
            self._say(f"model.fit trains this model, which is slower: {why}")
            super().trial(progress)

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Return the test part's scores under the kept weights, as `FitTrainer` does."""
        known = model is None and self._nets.find(self._nets.plan(spec)) is not None
        with unchanged(builds=not known):
            return self._scores(spec, model)

    def scorer(self, spec: TrialSpec) -> Scorer:
        """Return what scores a spec's kept weights, in a model that is there if there is one."""
        plan = self._nets.plan(spec)
        if plan is not None and (net := self._nets.find(plan)) is not None:
            net.take(plan)
            found = net.scorer
        else:
            model = self.build(spec)
            inputs = Inputs(model)
            # Where all numbers of the forward pass are equal too, it needs no new functions.
            key = structure(model, inputs, inputs.values_without_optimizer)
            if key is None or self._ragged:
                found = Scorer(model)
            else:
                found = self._scorers.get(key) or scorer_of(model)
                self._scorers[key] = found
        found.model.set_weights(load_weights(spec.weights))
        return found

    def on(self, data: Data) -> CompiledTrainer:
        """Return a trainer of the same objective on other data, which shares the programs."""
        other = CompiledTrainer(self.objective, data, self._asked)
        other._known, other._scorers, other._said = self._known, self._scorers, self._said
        return other

    def close(self) -> None:
        """Forget all programs."""
        self._known.clear()
        self._scorers.clear()
        self._nets.clear()
        super().close()

    def _trial(self, progress: Progress, model: keras.Model, net: Net | None = None) -> Traced:
        """Train a model as it begins; return its trace."""
        spec, given = progress.spec, self.callbacks(progress)
        # A loss that is not finite ends a trial as diverged, at the end of the same epoch.
        callbacks = [c for c in given if type(c) is not keras.callbacks.TerminateOnNaN]
        refuse(model, callbacks)
        epochs = Epochs(progress, len(self.data.train), self.given(spec))
        progress.weights = functools.partial(weights, model)
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
        batch = self.objective.batch(spec.config)
        traced = net.traced if net else self._tracer(model, batch, len(epochs.rows))
        known, program = self._program(progress, model, epochs.rows, traced)
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
        return traced

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
        self, progress: Progress, model: keras.Model, order: Any, traced: Traced
    ) -> tuple[Known, Program]:
        """Return the trial's program and its structure. Raises Unsupported."""
        spec, values = progress.spec, Inputs(model).values
        batch = self.objective.batch(spec.config)
        new = traced.key not in self._known
        known = self._known.setdefault(traced.key, Known(traced.trace.without_model()))
        progress.extra |= {"structure": traced.key[:16], "compiled": new}
        if known.refused is not None:
            raise Unsupported(known.refused)

        def program(way: str) -> Program:
            return Program(traced.trace, way, self._packed, len(order), batch, traced.wide, values)

        if known.way is None:
            known.way = self._way(spec, traced.key, known, program("graph"), order)
            if spec.check and users(self.objective):
                given = program(known.way), order, _kept_ways(known.trace), traced.own
                with self._failing(known):
                    if found := self._guard(spec, model, *given):
                        raise Unsupported(found)
        return known, program(known.way)

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

    @functools.cached_property
    def _tracer(self) -> Tracer:
        return Tracer(self._tensors, self._trace_of)

    def _trace_of(self, key: str) -> Trace | None:
        return self._known[key].trace if key in self._known else None

    @functools.cached_property
    def _packed(self) -> tuple[Any, Any]:
        """Both parts as programs take them."""
        train, validation = self._tensors
        return tuple(map(words, train.flat)), validation.flat

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            log.warning("%s", line)


def _kept_ways(traced: Trace) -> KeptWays:
    """Return what this machine knows of a structure."""
    return KeptWays(traced.digest, circumstances())
