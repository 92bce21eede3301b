"""The reference trainer: one plain `keras.Model.fit` a trial."""

from __future__ import annotations

import dataclasses
import functools
import gc
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from objectives.judging import threshold
from objectives.monitor import VAL_LOSS
from objectives.scorer import attach, plan_of
from objectives.structures import mapped, taken
from objectives.training import (
    Logs,
    OnEpoch,
    Outcome,
    TrialResult,
    TrialSpec,
    streaming,
)
from objectives.training.averages import MOST
from objectives.training.batches import arrays
from objectives.training.callback_files import placed
from objectives.training.counting import counted
from objectives.training.epochs import Batches, Epochs, fed
from objectives.training.given_data import require_fit
from objectives.training.given_model import require_model
from objectives.training.live import LiveState, shapes, versions
from objectives.training.metrics import build_optimizer
from objectives.training.progress import Progress, load_weights
from objectives.training.readable import Readable
from objectives.training.refitting import check, replayed
from objectives.training.scoring import Scorer
from objectives.training.settings import unchanged
from objectives.training.whole_files import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives import Data, FitArguments, Objective
    from objectives.training.averages import Weighted

    Array = NDArray[Any]


class FitTrainer:
    """Trains one trial at a time in this process, through Keras alone."""

    places = 0

    def __init__(self, objective: Objective[Any], data: Data) -> None:
        self.objective = objective
        self.data = data
        self._built = self._read = False  # any model yet
        self._readable = Readable(data)
        self.streamed = False  # whether a trial went through its data sets

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Generator[TrialResult]:
        """Yield a result for every spec; an interrupted trial is the last."""
        for spec in specs:
            progress = Progress(spec, on_epoch)
            result = progress.run(functools.partial(self.trial, progress))
            yield result
            if result.outcome is Outcome.INTERRUPTED:
                return

    def trial(self, progress: Progress) -> None:
        """Build a trial's model and train it to its end."""
        gc.collect()  # the last trial's model, which holds itself: megabytes that Python ignores
        with unchanged():
            self._fit(progress)

    def _fit(self, progress: Progress) -> None:
        spec = progress.spec
        progress.extra["way"] = "fit"
        model = self.admitted(progress)
        progress.weights = model.get_weights
        callbacks = self.callbacks(progress)
        if self.data.stream is not None:
            streaming.fit(self, progress, model, callbacks)
            return
        batch = self.objective.batch(spec.config)
        train, validation = self.arrays
        state = LiveState(model, callbacks)
        first = progress.begin(state, "fit", *self.made_of(spec, model))
        epochs = Epochs(progress, len(self.data.train), self.given(spec), first)
        epochs.batches = Batches(train, batch, epochs.rows)
        model.fit(
            epochs.batches.for_fit(),
            initial_epoch=first,
            epochs=spec.max_epochs,
            shuffle=False,  # or Keras shuffles whole batches, which are shuffled rows already
            validation_data=mapped(fed, validation),
            validation_batch_size=batch,
            callbacks=[state, *callbacks, epochs],
            verbose=0,
        )

    @functools.cached_property
    def arrays(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The training and the validation part, converted once."""
        return arrays(self.data.train, self.data.class_weight), arrays(self.data.validation)

    def build(self, spec: TrialSpec) -> keras.Model:
        """Return the spec's compiled model with the initial weights of its seed."""
        keras.utils.set_random_seed(spec.seed)
        model = self.objective.model(spec.config, self.data, spec.monitor)
        require_model(model, first=not self._built)
        if not self._built:
            require_fit(model, self.data)
        self._built = True
        if model.distribute_strategy is not tf.distribute.get_strategy():
            name = type(model.distribute_strategy).__name__
            raise TypeError(
                f"build made the model in the scope of a {name}: a trial is trained on one "
                "device, so build it without the scope"
            )
        if not model.built:  # no Input: the shape is the data's
            self._readable.build(model, first=not self._read)
        return model

    def given(self, spec: TrialSpec) -> FitArguments:
        """Return how the objective calls `fit` for the spec's config."""
        return self.objective.arguments(spec.config)

    def admitted(self, progress: Progress) -> keras.Model:
        """Return a trial's model, unless it costs more than its spec allows (`Halted`)."""
        model = self.build(progress.spec)
        self._admit(progress, model)
        self._readable.require(model, first=not self._read)
        self._read = True
        return model

    def _admit(self, progress: Progress, model: keras.Model) -> None:
        """End a trial whose model costs more than its spec allows (`Halted`)."""
        if progress.spec.rates is not None:
            check(model)
        first = functools.partial(taken, self.data.train.x, slice(1))
        progress.admit(lambda names: counted(model, names, lambda: mapped(fed, first())))

    def callbacks(self, progress: Progress) -> list[keras.callbacks.Callback]:
        """Return the trial's own callbacks, fresh, with files in the trial's own folder."""
        spec = progress.spec
        fresh = self.objective.fresh_callbacks(spec.config, spec.monitor)
        if spec.rates is not None:
            fresh = replayed(fresh, spec.rates)
        found, said = placed(fresh, spec.files, spec.checkpoint)
        progress.notes += [line for line in said if line not in progress.notes]
        return found

    def made_of(self, spec: TrialSpec, model: keras.Model) -> tuple[Any, ...]:
        """Return plain values that differ wherever a checkpoint would be another's."""
        size = self.objective.batch(spec.config)
        judged = (spec.monitor.name, spec.monitor.mode)
        given: tuple[Any, ...] = (spec.config, spec.seed, *judged, spec.share, size)
        if (rows := self.given(spec).chosen) is not None:
            given += (rows,)
        return (given, self.data.digest, shapes(model), versions())

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Return the test part's scores under the kept weights; write the whole model if asked.

        The predictions behind the scores are kept beside the weights, as `.npy`.
        """
        with unchanged():
            return self._scores(spec, model)

    def _scores(self, spec: TrialSpec, model: Path | None) -> Logs:
        scorer = self.scorer(spec) if model is None else Scorer(self.kept(spec))
        kept = scorer.model
        if self.data.stream is None:
            scores = self._judged(spec, scorer)
        else:
            scores = streaming.judged(self)(spec, kept)
        if model is not None:
            if spec.monitor.extra:  # what is written is compiled as any model is
                kept = self.kept(dataclasses.replace(spec, monitor=VAL_LOSS))
            export(kept, self.data, model, scores.get(threshold.KEY))
        return of_test(scores)

    def _judged(self, spec: TrialSpec, scorer: Scorer) -> Logs:
        """Return a model's scores on the test part, and keep its predictions."""
        batch = self.objective.batch(spec.config)
        test = arrays(self.data.test)
        x, y, *_ = (*test, None)
        scores = scorer.evaluate(test, batch)
        if self.objective.scores is not None:
            predictions = scorer.predict(x, batch)
            scores |= self.objective.scores(mapped(fed, y), predictions)
            if spec.weights is not None and isinstance(predictions, np.ndarray):
                np.save(spec.weights.with_suffix(".npy"), predictions)
            if (goal := threshold.wanted(self.data)) is not None:
                a, b, *_ = arrays(self.data.validation)
                said = scorer.predict(a, batch)
                fixed = self.data.details.get(threshold.FIXED)
                scores |= threshold.decided(goal, (b, said), (y, predictions), fixed)
        return scores

    def average(
        self,
        nets: Sequence[TrialResult],
        folder: Path,
        *,
        most: int = MOST,
        weights: Mapping[int, float] | None = None,
        model: Path | None = None,
    ) -> dict[str, Any]:
        """Average trained nets, as `Averages` says."""
        from objectives.training.averaging import average

        with unchanged():
            return average(self, nets, folder, most, weights, model)

    def together(
        self,
        nets: Sequence[Weighted],
        said: Path,
        *,
        beside: Path | None = None,
        model: Path | None = None,
    ) -> dict[str, Any]:
        """Judge what nets predict together, as `Refits` says."""
        from objectives.training.together import together

        with unchanged():
            return together(self, nets, said, beside, model)

    def scorer(self, spec: TrialSpec) -> Scorer:
        """Return what scores a spec's kept weights, until another spec's are asked for."""
        return Scorer(self.kept(spec))

    def kept(self, spec: TrialSpec) -> keras.Model:
        """Return the spec's model with the weights of its best epoch."""
        model = self.build(spec)
        model.set_weights(load_weights(spec.weights))
        return model

    def on(self, data: Data) -> FitTrainer:
        """Return a trainer of the same objective on other data."""
        return FitTrainer(self.objective, data)

    def close(self) -> None:
        """Free what Keras keeps of closed trials."""
        keras.utils.clear_session()


def of_test(scores: Mapping[str, Any]) -> Logs:
    """Return scores as those of the test part."""
    return {
        name if name == threshold.KEY else f"test_{name}": float(np.mean(value))
        for name, value in scores.items()
    }


def export(model: keras.Model, data: Data, path: Path, cut: float | None = None) -> None:
    """Write the whole model, with its preprocessing if the data have one, as `.keras`.

    A model of several folds has the preprocessing of each already. cut: the threshold between two
    classes, which its scorer knows then.
    """
    if model.optimizer is not None:  # or Keras warns of its missing variables when it loads
        build_optimizer(model)
    if data.preprocessing is not None and not data.folds:
        from objectives.preprocessing import assemble

        model = assemble(model, data.preprocessing)

    def write(file: Path) -> None:
        model.save(file)
        attach(file, plan_of(data, cut))

    replace(path.with_suffix(".keras"), write)
