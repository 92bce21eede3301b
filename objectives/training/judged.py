"""Loss and metrics of a compiled model, computed from predictions alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

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

    def __init__(self, model: keras.Model, batch: int) -> None:
        self._given = self.compiled_with(model)
        self._batch = batch
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
        said = keras.Input(predictions.shape[1:])
        model = keras.Model(said, keras.layers.Activation("linear")(said))
        model.compile("sgd", jit_compile=False, **self._given)
        self._scorer = scorer_of(model)

    def scores(
        self, predictions: Array, labels: Array, weight: Sequence[Array], penalty: float = 0.0
    ) -> dict[str, float]:
        """Return loss and metrics by name. penalty: what weights of the net add to its loss."""
        if self._scorer is None:
            raise RuntimeError("call `on` first")
        try:
            found = self._scorer.evaluate((predictions, labels, *weight), self._batch)
        except Exception as fault:  # of a loss or metric of the user's own
            said = str(fault).strip().splitlines()
            raise Meaningless(
                f"loss and metrics cannot be computed from predictions alone ({said[:1]})"
            ) from fault
        scores = {name: float(np.mean(value)) for name, value in found.items()}
        scores["loss"] += penalty
        return scores

    def row_loss(self, labels: Array) -> Callable[[Array, Array], NDArray[np.float64]]:
        """Return the loss of predictions (nets x rows x outputs), row by row."""
        call = _each(self._given["loss"])

        def losses(predictions: Array, rows: Array) -> NDArray[np.float64]:
            truth = labels[rows]
            few = max(1, CHUNK // max(1, predictions[0].size))
            found = [
                _rows(call, predictions[place : place + few], truth)
                for place in range(0, len(predictions), few)
            ]
            return np.concatenate(found) * self._scale

        return losses

    def scale(self, predictions: Array, labels: Array, weight: Sequence[Array]) -> None:
        """Let the rows' losses have the size of the loss: weights and reductions set another."""
        loss = self.scores(predictions, labels, weight)["loss"]
        rows = self.row_loss(labels)(predictions[None], np.arange(len(labels)))[0]
        mean = float(np.average(rows, weights=weight[0] if weight else None))
        ratio = loss / mean if abs(mean) > TINY else 1.0
        if not 0.0 < ratio < np.inf:
            raise Meaningless("its loss has no value of its own for each row")
        self._scale = 1.0 if abs(ratio - 1.0) < ROUNDING else ratio


def _each(loss: Any) -> Callable[[Any, Any], Any]:
    """Return a loss as a function that gives a value a row."""
    while isinstance(loss, (list, tuple, dict)):
        values = list(loss.values()) if isinstance(loss, dict) else list(loss)
        if len(values) != 1:
            raise Meaningless("a model with several outputs is not averaged")
        loss = values[0]
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
