"""The trainer of functions that train by themselves: it watches, and passes on what they say."""

from __future__ import annotations

import json
import math
import time
import traceback
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from objectives import BadInput
from objectives.functions import UNCOMPILED, fitting
from objectives.training import Best, Decision, Logs, OnEpoch, Outcome, TrialResult, TrialSpec
from objectives.training.fit import export
from objectives.training.progress import load_weights, save_weights
from objectives.training.settings import unchanged
from search_spaces import Replay, plain

if TYPE_CHECKING:
    from objectives import Data, Objective


class FunctionTrainer:
    """Calls the function of `Objective.from_optuna`, one trial at a time in this process."""

    places = 0

    def __init__(self, objective: Objective[Any], data: Data) -> None:
        self.objective = objective
        self.data = data

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Generator[TrialResult]:
        """Yield a result for every spec; an interrupted trial is the last."""
        for spec in specs:
            with unchanged():
                keras.utils.set_random_seed(spec.seed)
                result = Watched(spec, on_epoch).run(self.objective.function)
            yield result
            if result.outcome is Outcome.INTERRUPTED:
                return

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Return no scores: the data are the function's. Write its last fit's model if asked."""
        kept = load_weights(spec.weights) if model is not None else []
        if model is not None and kept:
            with unchanged():
                built = self.objective.build(spec.config, self.data)
                try:
                    built.set_weights(kept)
                except (ValueError, AttributeError):
                    raise BadInput(
                        "the models of the function's first and last fit differ: only one that it "
                        "builds once can be exported"
                    ) from None
                export(built, self.data, model)
        return {}

    def close(self) -> None:
        """Free what Keras keeps of closed trials."""
        keras.utils.clear_session()


class Ended(BaseException):
    """The trial is over, whatever the function would do next."""


class Watched(Replay):
    """The trial that a function is given: it answers, and takes reports and the epochs of fits.

    An epoch is one of `fit`, or a report for which there is none. They are counted over all fits.
    """

    def __init__(self, spec: TrialSpec, on_epoch: OnEpoch) -> None:
        super().__init__(spec.config)
        self.number = spec.number
        self.user_attrs: dict[str, Any] = {}
        self.model: Any = None
        self._spec = spec
        self._on_epoch = on_epoch
        self._best = Best(spec.monitor)
        self._epoch = 0
        self._step: int | None = None
        self._pending: Logs | None = None  # an epoch of `fit` that a report may still come for
        self._decision = Decision.CONTINUE
        self._fault: BaseException | None = None
        self._fitting = False

    def run(self, function: Any) -> TrialResult:
        """Call the function to its end; return how it ended."""
        started, value, error, outcome = time.perf_counter(), None, None, Outcome.COMPLETE
        try:
            with fitting(self._fit) as own:
                self._own = own
                value = float(function(self))
                self.flush()
        except Ended:
            pass
        except Exception as fault:
            if fault is self._fault or isinstance(fault, BadInput):
                raise
            outcome, error = Outcome.FAILED, traceback.format_exc()
            if any(kind.__name__ == "TrialPruned" for kind in type(fault).__mro__):
                outcome, error = Outcome.PRUNED, None
        if self._fault is not None:
            raise self._fault
        if self._decision is not Decision.CONTINUE and error is None:
            stopped = self._decision is Decision.STOP
            outcome = Outcome.INTERRUPTED if stopped else Outcome.PRUNED
        elif value is not None and not math.isfinite(value):
            outcome, value = Outcome.DIVERGED, None
        if outcome is Outcome.COMPLETE:
            save_weights(self._spec.weights, self.model.get_weights() if self.model else [])
        else:
            value = None if self._best.epoch is None else self._best.value
        return TrialResult(
            self._spec,
            outcome,
            value,
            self._best.epoch or (None if value is None else self._epoch or None),
            self._epoch,
            time.perf_counter() - started,
            error,
            extra={"way": "fit", "notes": [UNCOMPILED], "user_attrs": self.user_attrs},
        )

    def report(self, value: float, step: int) -> None:
        """Take a value; what comes first for a step counts, as in Optuna."""
        if self._pending is None:
            if self._fitting or step == self._step:
                return
            self._pending = {"learning_rate": math.nan}
        self._step = step
        self.flush(float(value))

    def should_prune(self) -> bool:
        """Return whether the value that was reported last is to be the last one."""
        return self._decision is Decision.PRUNE

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a note with the trial. Raises BadInput for what is no plain data."""
        self.user_attrs[key] = plain(value)
        try:
            json.dumps(self.user_attrs[key])
        except (TypeError, ValueError):
            raise BadInput(
                f"trial.set_user_attr({key!r}, ...): a {type(value).__name__} cannot be kept with "
                "a trial; the weights of the last fit's model are kept by themselves"
            ) from None

    def suggest_float(self, name: str, *args: Any, **kwargs: Any) -> float:  # noqa: D102
        return super().suggest_float(self._asked(name), *args, **kwargs)

    def suggest_int(self, name: str, *args: Any, **kwargs: Any) -> int:  # noqa: D102
        return super().suggest_int(self._asked(name), *args, **kwargs)

    def suggest_categorical(self, name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        return super().suggest_categorical(self._asked(name), *args, **kwargs)

    def epoch(self, logs: Logs) -> None:
        """Take an epoch of `fit`, for which a report may come."""
        self._pending = logs

    def flush(self, value: float = math.nan) -> None:
        """Pass on an epoch that waits, with its value. Raises Ended where the trial is over."""
        if self._pending is None:
            return
        if self._decision is not Decision.CONTINUE:  # it goes on although it is pruned
            raise Ended
        logs, self._pending = self._pending | {self._spec.monitor.name: value}, None
        self._epoch += 1
        self._best.update(self._epoch, logs)
        try:
            self._decision = self._on_epoch(self._spec, self._epoch, logs)
        except BaseException as fault:
            self._fault = fault
            raise
        if self._decision is Decision.STOP:
            raise Ended

    def _asked(self, name: str) -> str:
        if name not in self.params:
            raise BadInput(
                f"the function asks for {name!r} only after it has begun to train: let it ask for "
                "all values before model.fit and trial.report"
            )
        return name

    def _fit(self, model: Any, arguments: dict[str, Any]) -> Any:
        given = arguments.pop("callbacks", None) or []
        given = getattr(given, "callbacks", given)  # of a CallbackList
        callbacks = [given] if isinstance(given, keras.callbacks.Callback) else list(given)
        self.model, self._fitting = model, True
        try:
            return self._own(model, **arguments, callbacks=[Epochs(self), *callbacks])
        finally:
            self._fitting = False


class Epochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Hands the epochs of a fit on, before any other callback can report."""

    def __init__(self, trial: Watched) -> None:
        super().__init__()
        self.trial = trial

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Pass on the epoch before, if nothing was reported for it."""
        self.trial.flush()
        self.started = time.perf_counter()
        optimizer = self.model.optimizer
        self.rate = math.nan if optimizer is None else float(optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Take an epoch's logs."""
        numbers = {
            name: float(v) for name, v in (logs or {}).items() if getattr(v, "ndim", 0) == 0
        }
        numbers["epoch_seconds"] = time.perf_counter() - self.started
        self.trial.epoch(numbers | {"learning_rate": self.rate})
