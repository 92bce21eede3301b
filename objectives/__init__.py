"""What is trained and judged: the data, and how a config becomes a compiled Keras model.

Every other file of this package is one objective, or a way to read data. An `Objective` is also
a plain Optuna objective: `optuna.create_study().optimize(DENSE_BINARY, n_trials=5)` works.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args

from objectives.data import PARTS as PARTS
from objectives.data import Data as Data
from objectives.data import Part as Part
from objectives.data import Source as Source
from objectives.data import digest as digest
from objectives.monitor import Mode
from objectives.monitor import Monitor as Monitor
from objectives.signatures import Build, required
from search_spaces import BadInput as BadInput
from search_spaces import Space, flat

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from objectives.training import Trainer

    Array = NDArray[Any]

C = TypeVar("C")
Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Objective(Generic[C]):
    """How a config is trained and judged.

    Args:
        load: Reads the data, or gives arrays (x, y), which are split.
        build: `build(config)` or `build(config, data)` returns a standard compiled Keras model;
            nobody recompiles or patches it. Without a space it is `build(trial)` or
            `build(trial, data)`, as people write it for Optuna, and its `suggest_*` calls are the
            space. One that takes `metrics=()` is given the names of the further metrics that the
            monitor needs (`Monitor.extra`).
        space: What may vary.
        monitor: The value of an epoch; a trial's value is its best one.
        mode: "min" or "max", which one is better; None: what Keras says of its own.
        max_epochs: How long a trial trains at most.
        patience: Epochs without a better value after which a trial is complete, 0 for never;
            None: a quarter of max_epochs, and at least 25.
        callbacks: (config, monitor) or (config, monitor, mode) -> Keras's own, fresh ones for
            every trial.
        task: What the target is, "binary", "multiclass" or "regression": the usual scores of
            predictions.
        scores: Others in their place, (labels, predictions) -> dict.
        batch_size: Where the config has no field of that name.
        from_arrays: Makes data of arrays or frames that Python has in hand.
        baseline: Values of the first trial of `build(trial)`, by name; what it does not name is
            the middle of its range (the geometric one where it is logarithmic), or the first
            choice.

    Raises:
        BadInput: For a build, task or baseline that cannot be.
    """

    load: Callable[[Source], Data | tuple[Any, Any]]
    build: Callable[..., keras.Model]
    space: Space[C] = None  # type: ignore[assignment]
    monitor: str = "val_loss"
    mode: Mode | None = None
    max_epochs: int = 100
    patience: int | None = None
    callbacks: Callable[..., list[keras.callbacks.Callback]] | None = None
    task: Task | None = None
    scores: Callable[[Array, Array], dict[str, float]] | None = None
    batch_size: int = 32
    from_arrays: Callable[[Any, Any, Source], Data] | None = None
    baseline: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.task is not None and self.task not in get_args(Task):
            raise BadInput(f"task is {self.task!r}: take one of {', '.join(get_args(Task))}")
        if self.task is not None and self.scores is None:
            object.__setattr__(self, "scores", functools.partial(_usual, task=self.task))
        given = Build.of(self.build, by_trial=self.space is None)
        object.__setattr__(self, "build", given)
        if self.space is None:
            object.__setattr__(self, "space", given.space(self.baseline, lambda: self.embedded))
        elif self.baseline is not None and dict(self.baseline) != dict(self.space.start):
            raise BadInput(
                "Objective(baseline=...) is for build(trial): a space names its own, "
                "Space(suggest, baseline=...)"
            )

    def data(self, source: Source) -> Data:
        """Return the data of a source: the user's arrays, file, or what is embedded."""
        from objectives.reading.loaded import pair, with_warnings
        from objectives.reading.simple import split
        from objectives.reading.watched import Watched

        if source.arrays:
            return with_warnings((self.from_arrays or split)(*source.arrays, source))
        watched = Watched(**vars(source))
        loaded = self.load(watched)
        if source.path is not None and "path" not in watched.seen:
            raise BadInput(
                f"--data {source.path}: the load of this sweep reads no file; let it read "
                "source.path, or leave the option out"
            )
        if isinstance(loaded, Data):
            return with_warnings(loaded)
        return with_warnings(split(*pair(loaded), source))

    def on(self, data: Data) -> Objective[C]:
        """Return this objective with its space for such data: the one of a user's own.

        Or else that which `build(trial, data)` asks for.
        """
        if self.space.own is not None and data.source.name != "embedded":
            return dataclasses.replace(self, space=self.space.own(len(data.train)))
        build: Any = self.build
        if not (build.by_trial and build.takes_data):
            return self
        return dataclasses.replace(self, space=build.space(self.baseline, lambda: data))

    def model(self, config: C, data: Data, monitor: Monitor) -> keras.Model:
        """Return the compiled model of a config, with the metric that a monitor needs."""
        return self.build(config, data, metrics=monitor.extra)

    @property
    def judged_by(self) -> Monitor:
        """The monitor and its better direction. Raises BadInput where nobody knows it."""
        return Monitor.of(self.monitor, self.mode)

    @property
    def patience_in_epochs(self) -> int:
        """The patience in epochs, 0 for never."""
        from objectives.training import default_patience

        return default_patience(self.max_epochs) if self.patience is None else self.patience

    def fresh_callbacks(self, config: C, monitor: Monitor) -> list[keras.callbacks.Callback]:
        """Return the callbacks of one trial."""
        if self.callbacks is None:
            return []
        given = (config, monitor.name, monitor.mode)
        return self.callbacks(*given[: len(required(self.callbacks))])

    def batch(self, config: C) -> int:
        """Return the rows of one step."""
        return int(flat(config).get("batch_size", self.batch_size))

    def __call__(self, trial: Any) -> float:
        """Train one trial of a plain Optuna study on the embedded data.

        Reports the best value so far at every epoch and raises `optuna.TrialPruned`; the seed is
        the trial's number.
        """
        from optuna import TrialPruned

        from objectives.training import Best, Decision, Logs, Outcome, TrialSpec

        spec = TrialSpec(
            number=trial.number,
            config=self.space.suggest(trial),
            seed=trial.number,
            max_epochs=self.max_epochs,
            monitor=self.judged_by.in_study(getattr(trial, "study", None)),
            patience=self.patience_in_epochs,
        )
        best = Best(spec.monitor)

        def on_epoch(_: TrialSpec, epoch: int, logs: Logs) -> Decision:
            best.update(epoch, logs)
            trial.report(best.value, epoch)
            return Decision.PRUNE if trial.should_prune() else Decision.CONTINUE

        (result,) = self._trainer.train(iter([spec]), on_epoch)
        if result.outcome is Outcome.FAILED or result.value is None:
            raise RuntimeError(result.error or "the loss was not finite in the first epoch")
        if result.outcome is not Outcome.COMPLETE:
            raise TrialPruned(f"{result.outcome.value} after {result.epochs} epochs")
        return result.value

    @functools.cached_property
    def embedded(self) -> Data:
        """The default data, made once."""
        return self.data(Source())

    @functools.cached_property
    def _trainer(self) -> Trainer:
        from objectives.training import here

        return here(self, self.embedded)


def _usual(labels: Array, predictions: Array, task: Task) -> dict[str, float]:
    from objectives import judging

    return judging.scores(labels, predictions, task)
