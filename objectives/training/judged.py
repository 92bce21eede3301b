"""Loss and metrics of a compiled model, computed from predictions alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from objectives.structures import nested
from objectives.training.packing import Packing
from objectives.training.scoring import Scorer, scorer_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

TINY, ROUNDING = 1e-12, 1e-4
CHUNK = 4_000_000  # predictions whose loss is computed at once


class Meaningless(Exception):
    """These nets have no average that could be judged. The message says why."""


class Judge:
    """Judges predictions as a compiled model judges its own."""

    def __init__(self, model: keras.Model, batch: int, packing: Packing | None = None) -> None:
        self._given = self.compiled_with(model)
        self._batch = batch
        self._packing = packing or Packing()
        self._scorer: Scorer | None = None
        self._scale = 1.0

    @staticmethod
    def compiled_with(model: keras.Model) -> dict[str, Any]:
        """Return what a model was compiled with: its loss and its metrics, as objects."""
        given = model._compile_config.config
        names = ("loss", "loss_weights", "metrics", "weighted_metrics")
        return {name: given[name] for name in names if given.get(name) is not None}

    def on(self, predictions: Array) -> None:
        """Make ready for predictions like these. Raises Meaningless where nothing judges them."""
        if "loss" not in self._given:
            raise Meaningless("the model was compiled without a loss")
        names = self._packing.names
        given = [keras.Input(one.shape[1:]) for one in self._packing.several(predictions)]
        if names:
            pairs = zip(given, names, strict=True)
            said = [keras.layers.Activation("linear", name=name)(one) for one, name in pairs]
            whole = dict(zip(names, said, strict=True)) if self._packing.keyed else said
        else:
            whole = keras.layers.Activation("linear")(given[0])
        model = keras.Model(given, whole)
        model.compile("sgd", jit_compile=False, **self._given)
        self._scorer = scorer_of(model)

    def scores(
        self, predictions: Array, labels: Any, weight: Sequence[Any], penalty: float = 0.0
    ) -> dict[str, float]:
        """Return loss and metrics by name. penalty: what weights of the net add to its loss."""
        if self._scorer is None:
            raise RuntimeError("call `on` first")
        try:
            several = self._packing.several(predictions)
            found = self._scorer.evaluate((several, labels, *weight), self._batch)
        except Exception as fault:  # of a loss or metric of the user's own
            said = str(fault).strip().splitlines()
            raise Meaningless(
                f"loss and metrics cannot be computed from predictions alone ({said[:1]})"
            ) from fault
        scores = {name: float(np.mean(value)) for name, value in found.items()}
        scores["loss"] += penalty
        return scores

    def row_loss(
        self, labels: Any, weight: Sequence[Any] = ()
    ) -> Callable[[Array, Array], NDArray[np.float64]]:
        """Return the loss of predictions (nets x rows x outputs), row by row.

        weight: of the rows; those that each output has for itself count here.
        """
        calls = self._calls(labels, weight[0] if weight and nested(weight[0]) else None)

        def losses(predictions: Array, rows: Array) -> NDArray[np.float64]:
            few = max(1, CHUNK // max(1, predictions[0].size))
            found = []
            for place in range(0, len(predictions), few):
                said = self._packing.several(predictions[place : place + few])
                pairs = zip(calls, said, strict=True)
                found.append(sum(call(one, rows) for call, one in pairs if call is not None))
            return np.concatenate(found) * self._scale

        return losses

    def _calls(self, labels: Any, weight: Any) -> list[Callable[[Array, Array], Any] | None]:
        """Return the loss of each output, row by row, as it counts; None for one without."""
        align = self._packing.aligned
        try:
            losses, truth = _losses(self._given["loss"], self._packing), align(labels)
            shares = align(self._given.get("loss_weights") if self._packing.names else None)
            weights = align(weight)
        except (KeyError, ValueError) as why:
            raise Meaningless(f"its losses are not one for each output ({why})") from None

        def of(call: Any, y: Array, share: float | None, own: Array | None) -> Any:
            def each(said: Array, rows: Array) -> Any:
                found = _rows(call, said, y[rows]) * (1.0 if share is None else share)
                return found if own is None else found * own[rows]

            return each

        several = zip(losses, truth, shares, weights, strict=True)
        return [None if one[0] is None else of(*one) for one in several]

    def scale(self, predictions: Array, labels: Any, weight: Sequence[Any]) -> None:
        """Let the rows' losses have the size of the loss: weights and reductions set another."""
        loss = self.scores(predictions, labels, weight)["loss"]
        each = self.row_loss(labels, weight)
        rows = each(predictions[None], np.arange(len(predictions)))[0]
        mean = float(np.average(rows, weights=common(weight)))
        ratio = loss / mean if abs(mean) > TINY else 1.0
        if not 0.0 < ratio < np.inf:
            raise Meaningless("its loss has no value of its own for each row")
        self._scale = 1.0 if abs(ratio - 1.0) < ROUNDING else ratio


def penalty_of(model: keras.Model) -> float:
    """Return what a model's weights add to its loss. Raises Meaningless where more is added."""
    try:
        return float(sum(float(loss) for loss in model.losses))
    except TypeError:  # what a layer's call has added is known only while it runs
        raise Meaningless("a layer of it adds a loss of its own") from None


def common(weight: Sequence[Any]) -> Array | None:
    """Return the weights of the rows, None where there are none or each output has its own."""
    return None if not weight or nested(weight[0]) else np.asarray(weight[0], np.float64)


def _losses(loss: Any, packing: Packing) -> list[Callable[[Any, Any], Any] | None]:
    """Return the loss of each output as a function that gives a value a row; None without one."""
    if packing.names:
        if isinstance(loss, dict):
            loss = {name: loss.get(name) for name in packing.names}
        return [one and _each(one) for one in packing.aligned(loss)]
    while isinstance(loss, (list, tuple, dict)):
        (loss,) = loss.values() if isinstance(loss, dict) else loss
    return [_each(loss)]


def _each(loss: Any) -> Callable[[Any, Any], Any]:
    """Return a loss as a function that gives a value a row."""
    try:
        found = keras.losses.get(loss)
    except ValueError:
        raise Meaningless(f"loss {loss!r} is not computed row by row") from None
    call: Callable[[Any, Any], Any] = found.call if isinstance(found, keras.Loss) else found
    return call


def _rows(call: Callable[[Any, Any], Any], predictions: Array, truth: Array) -> Any:
    nets, rows = predictions.shape[:2]
    said = keras.ops.convert_to_tensor(predictions.reshape(-1, *predictions.shape[2:]), "float32")
    many = np.concatenate([truth] * nets)
    if many.ndim == said.ndim - 1 and said.shape[-1] == 1:
        many = many[..., None]
    try:
        found = np.asarray(call(keras.ops.convert_to_tensor(many, "float32"), said), np.float64)
    except Exception as fault:  # of a loss of the user's own
        raise Meaningless(f"its loss is not computed row by row ({type(fault).__name__})") from (
            fault
        )
    if found.shape[:1] != (nets * rows,):
        raise Meaningless("its loss has no value of its own for each row")
    return found.reshape(nets, rows, -1).mean(axis=2)
