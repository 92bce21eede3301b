"""The trace of a model's epoch, made or found: in this process, or in the cache folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import keras

from objectives.training.epoch import Unsupported, trace
from objectives.training.inputs import Inputs
from objectives.training.metrics import build_metrics, build_optimizer, widest
from objectives.training.program import variables
from objectives.training.structure import rowwise, structure
from objectives.training.tensors import Tensors
from objectives.training.traces import Trace, place
from objectives.training.ways import by_fit, reason

T = TypeVar("T")
Make = Callable[[], Trace]


@dataclass(frozen=True)
class Traced:
    """The trace of a model's epoch.

    key: of its structure. wide: rows of a validation step. own: whether the model may call code
    that is not Keras's.
    """

    key: str
    trace: Trace
    wide: int
    own: bool


class Tracer:
    """Traces models.

    Args:
        tensors: The training and the validation part.
        known: Returns the trace of a structure that this process has met, without a model, and
            None for any other.
    """

    def __init__(
        self, tensors: tuple[Tensors, Tensors], known: Callable[[str], Trace | None]
    ) -> None:
        self._tensors = tensors
        self._known = known

    def __call__(self, model: keras.Model, batch: int, order: int) -> Traced:
        """Return a model's trace and the key of its structure. Raises Unsupported.

        batch: rows of a training step. order: rows of an epoch.
        """
        inputs = Inputs(model)
        train, validation = self._tensors
        build_optimizer(model)
        listed = structure(model, inputs, [train.words, validation.words], batch, order)
        wide = batch
        if listed is not None and rowwise(model):
            wide = widest(validation.inputs, batch)

        def make() -> Trace:
            return trace(model, train, validation, order, batch, wide, inputs)

        key, traced = self._keyed(listed, model, min(batch, order), make)
        return Traced(key, traced, wide, own=listed is None)

    def _keyed(
        self, listed: str | None, model: keras.Model, first: int, make: Make
    ) -> tuple[str, Trace]:
        """Return the key of the model's structure, and the model's own trace.

        first: rows of the first step.
        """
        if listed is None:
            return self._own(make)
        build_metrics(model, self._tensors[0].pack(self._tensors[0].flat), first)
        own, known = variables(model), self._known(listed)
        kept = place(listed)
        found = known or (kept and Trace.read(kept))
        names = set(model.get_metrics_result())
        if found and found.places is not None and all(set(each) == names for each in found.names):
            return listed, found.of(own)
        traced = attempt(make).located(own)
        if traced.places is None:  # it captures constants: only its trace tells two apart
            return self._own(lambda: traced)
        if kept and not known:
            traced.write(kept)
        return listed, traced

    def _own(self, make: Make) -> tuple[str, Trace]:
        """Return the digest of the model's trace and the trace."""
        traced = attempt(make)
        if (why := by_fit(traced)) is not None:  # its digest may never be the same again
            raise Unsupported(why)
        if self._known(traced.digest):
            return traced.digest, traced
        again = attempt(make)
        if again.digest != traced.digest:
            # The first call of a model's code may prepare what later calls find.
            traced, again = again, attempt(make)
        if again.digest != traced.digest:
            raise Unsupported(
                "the model's own Python code computes something else at every call: random "
                "numbers or counters outside of TensorFlow"
            )
        return again.digest, again


def attempt(make: Callable[[], T]) -> T:
    """Call; make any failure Unsupported."""
    try:
        return make()
    except Unsupported:
        raise
    except Exception as fault:
        raise Unsupported(reason(fault)) from fault
