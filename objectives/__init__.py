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

from objectives.costs import COSTS, SECONDS
from objectives.data import NO_FILE, OWN
from objectives.data import PARTS as PARTS
from objectives.data import Data as Data
from objectives.data import Part as Part
from objectives.data import Source as Source
from objectives.data import digest as digest
from objectives.fit_arguments import FitArguments as FitArguments
from objectives.monitor import Mode, several
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
        load: Reads the data: (x, y) or (x, y, sample_weight), which are split, with x and y as
            Keras takes them (arrays, or dicts, lists and tuples of arrays); a tuple of two such,
            for training and validation, or of three, with the test part; a `Data`; or two or
            three of `tf.data.Dataset` or `keras.utils.PyDataset`.
        build: `build(config)` or `build(config, data)` returns a standard compiled Keras model;
            nobody recompiles or patches it. Without a space it is `build(trial)` or
            `build(trial, data)`, as people write it for Optuna, and its `suggest_*` calls are the
            space. One that takes `metrics=()` is given the names of the further metrics that the
            monitor needs (`Monitor.extra`).
        space: What may vary.
        monitor: The value of an epoch; a trial's value is its best one. Several, as a tuple of
            names or `Monitor`s, make a study of several objectives (`others` holds the further
            ones), whose values are those of the epoch that is best by the first. A further one
            may be a cost of the model, `params` or `flops`.
        mode: "min" or "max", which one is better; None: what Keras says of its own.
        max_epochs: How long a trial trains at most.
        patience: Epochs without a better value after which a trial is complete, 0 for never;
            None: a quarter of max_epochs, and at least 25.
        callbacks: (config, monitor) or (config, monitor, mode) -> Keras's own, fresh ones for
            every trial. The files of ModelCheckpoint, CSVLogger and TensorBoard go to a folder of
            the trial's own.
        task: What the target is, "binary", "multiclass" or "regression": the usual scores of
            predictions.
        scores: Others in their place, (labels, predictions) -> dict.
        batch_size: Where the config has no field of that name.
        fit: Arguments of `model.fit`, or (config) -> them: batch_size, epochs, shuffle and
            steps_per_epoch. A config's fields `batch_size` and `epochs` need not be named.
        from_arrays: Makes data of arrays or frames that Python has in hand.
        baseline: Values of the first trial of `build(trial)`, by name; what it does not name is
            the middle of its range (the geometric one where it is logarithmic), or the first
            choice.
        class_weight: Of the data that load gives: class -> weight of the loss; of several
            outputs, the name of one -> that.
        stratify: The output whose classes are split alike; None: the first that holds classes;
            False: all rows at random.
        materialize: Whether the data sets that load gives are read into arrays.
        version: What tells such data sets from others; None: their first batches.

    Raises:
        BadInput: For a build, task, baseline, fit or monitors that cannot be.
    """

    load: Callable[[Source], Any]
    build: Callable[..., keras.Model]
    space: Space[C] = None  # type: ignore[assignment]
    monitor: Any = "val_loss"
    mode: Mode | None = None
    max_epochs: int = 100
    patience: int | None = None
    callbacks: Callable[..., list[keras.callbacks.Callback]] | None = None
    task: Task | None = None
    scores: Callable[[Array, Array], dict[str, float]] | None = None
    batch_size: int = 32
    fit: Mapping[str, Any] | Callable[[C], Mapping[str, Any]] | None = None
    from_arrays: Callable[[Any, Any, Source], Data] | None = None
    baseline: Mapping[str, Any] | None = None
    class_weight: Mapping[Any, Any] | None = None
    stratify: str | bool | None = None
    materialize: bool = False
    version: str | None = None
    others: tuple[Monitor, ...] = ()

    def __post_init__(self) -> None:
        if self.task is not None and self.task not in get_args(Task):
            raise BadInput(f"task is {self.task!r}: take one of {', '.join(get_args(Task))}")
        if self.task is not None and self.scores is None:
            object.__setattr__(self, "scores", functools.partial(_usual, task=self.task))
        if self.fit is not None and not callable(self.fit):
            FitArguments.of(self.batch_size, {"Objective(fit=...)": self.fit})
        if (
            not isinstance(self.monitor, str)
            or "," in self.monitor
            or self.monitor in (*COSTS, SECONDS)
        ):
            first, *others = several(self.monitor, self.mode)
            made = {"monitor": first.name, "mode": first.mode, "others": tuple(others)}
            for name, value in made.items():
                object.__setattr__(self, name, value)
        given = Build.of(self.build, by_trial=self.space is None)
        object.__setattr__(self, "build", given)
        if self.space is None:
            object.__setattr__(self, "space", given.space(self.baseline, lambda: self.embedded))
        elif self.baseline is not None and dict(self.baseline) != dict(self.space.start):
            raise BadInput(
                "Objective(baseline=...) is for build(trial): a space names its own, "
                "Space(suggest, baseline=...)"
            )

    @classmethod
    def from_optuna(
        cls, function: Callable[[Any], float], *, max_epochs: int, direction: str = "minimize"
    ) -> Objective[Any]:
        """Return an objective of a function `objective(trial)` as `study.optimize` takes it.

        The function builds and trains by itself. It is called up to its first `model.fit` or
        `trial.report` when a trial is proposed, and as a whole when the trial is trained.

        Args:
            function: Asks the trial, trains, and returns a float: the trial's value.
            max_epochs: Of one call, all its fits together.
            direction: "minimize" or "maximize", as `create_study` takes it.

        Raises:
            BadInput: For another direction, or a function that takes more than the trial.
        """
        from objectives.functions import FromOptuna, nothing
        from objectives.monitor import DIRECTIONS, VALUE

        if direction not in DIRECTIONS:
            raise BadInput(f"direction is {direction!r}: take {' or '.join(DIRECTIONS)}")
        return Objective(
            load=nothing,
            build=FromOptuna(function),
            monitor=VALUE,
            mode=DIRECTIONS[direction],
            max_epochs=max_epochs,
            patience=0,
        )

    @property
    def function(self) -> Callable[[Any], float] | None:
        """What trains by itself, None where a trainer of this project trains a model."""
        build: Any = self.build
        return getattr(build.function, "function", None)

    def data(self, source: Source) -> Data:
        """Return the data of a source: arrays, a file, or what load gives without either."""
        from objectives.reading.given import data_of, in_hand
        from objectives.reading.loaded import in_folds, with_warnings
        from objectives.reading.watched import Watched

        if source.arrays and self.function is not None:
            raise BadInput("data=(x, y): the function reads its own data; leave data out")
        if source.arrays:
            return with_warnings(in_folds(in_hand(source, self), source))
        watched = Watched(**vars(source))
        loaded = self.load(watched)
        if source.path is not None and "path" not in watched.seen:
            raise BadInput(
                f"--data {source.path}: the load of this sweep reads no file; let it read "
                "source.path, or leave the option out"
            )
        found = with_warnings(in_folds(data_of(loaded, source, self), source))
        built_in = str(getattr(self.load, "__module__", "")).startswith(f"{__name__}.")
        if found.source.name != NO_FILE[0] or built_in:  # load may name a file of its own
            return found
        return dataclasses.replace(found, details={**found.details, OWN: True})

    def on(self, data: Data) -> Objective[C]:
        """Return this objective with its space for such data: the one of a user's own.

        Or else that which `build(trial, data)` asks for.
        """
        if self.space.own is not None and data.source.name != "embedded":
            shape: tuple[int, ...] = getattr(data.train.x, "shape", ())
            columns = shape[-1] if len(shape) > 1 else 0
            return dataclasses.replace(self, space=self.space.own(data.trained_on, columns))
        build: Any = self.build
        if not (build.by_trial and build.takes_data):
            return self
        return dataclasses.replace(self, space=build.space(self.baseline, lambda: data))

    def model(self, config: C, data: Data, monitor: Monitor) -> keras.Model:
        """Return the compiled model of a config, with the metric that a monitor needs."""
        extra = [name for one in (monitor, *self.others) for name in one.extra]
        return self.build(config, data, metrics=tuple(dict.fromkeys(extra)))

    @property
    def judged_by(self) -> Monitor:
        """The monitor and its better direction. Raises BadInput where nobody knows it."""
        return Monitor.of(self.monitor, self.mode)

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        """All that is judged, the one that decides first."""
        return (self.judged_by, *self.others)

    @property
    def patience_in_epochs(self) -> int:
        """The patience in epochs, 0 for never."""
        from objectives.training import default_patience

        return default_patience(self.max_epochs) if self.patience is None else self.patience

    def fresh_callbacks(self, config: C, monitor: Monitor) -> list[keras.callbacks.Callback]:
        """Return the callbacks of one trial."""
        build: Any = self.build
        found = build.fit_callbacks(config)
        if self.callbacks is None:
            return list(found)
        given = (config, monitor.name, monitor.mode)
        return [*found, *self.callbacks(*given[: len(required(self.callbacks))])]

    def arguments(self, config: C) -> FitArguments:
        """Return how `fit` is called for a config. Raises BadInput for what cannot be."""
        build: Any = self.build
        named = {name: v for name, v in flat(config).items() if name in ("batch_size", "epochs")}
        own = self.fit(config) if callable(self.fit) else self.fit or {}
        by_build = build.fit_arguments(config)
        given = {"the config": named, "HyperModel.fit": by_build, "Objective(fit=...)": own}
        return FitArguments.of(self.batch_size, given)

    def batch(self, config: C) -> int:
        """Return the rows of one step."""
        return self.arguments(config).batch_size

    def epochs(self, config: C, max_epochs: int) -> int:
        """Return how long a config trains at most, where the sweep allows so many epochs."""
        own = self.arguments(config).epochs
        if self.function is None:
            return max_epochs if own is None else min(own, max_epochs)
        if own is not None and own > max_epochs:
            raise BadInput(
                f"the function's fit asks for {own} epochs, and max_epochs is {max_epochs}: give "
                f"Objective.from_optuna(..., max_epochs={own}), or --max-epochs {own}"
            )
        return max_epochs

    def __call__(self, trial: Any) -> float | tuple[float, ...]:
        """Train one trial of a plain Optuna study on the data that load gives.

        Reports the best value so far at every epoch and raises `optuna.TrialPruned`; the seed is
        the trial's number. With several monitors it reports nothing, and returns all values. Files
        of callbacks go to `callbacks/NUMBER`.
        """
        from objectives.as_optuna import run_trial

        return run_trial(self, self._trainer, trial)

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
