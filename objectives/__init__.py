"""What is trained and judged: the data, and how a config becomes a compiled Keras model.

Every other file of this package is one objective, or a way to read data. An `Objective` is also
a plain Optuna objective: `optuna.create_study().optimize(DENSE_BINARY, n_trials=5)` works.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Source:
    """Where data come from and how they are split, as the user said it; the default is embedded.

    validation, test: shares of the rows. group: rows of one group stay on one side.
    time_order: the last part is the test. arrays: (x, y) in hand, in place of a path.
    metrics: extra Keras metrics that the monitor needs. options: what one reader alone knows.
    """

    path: str | None = None
    target: str | None = None
    positive: str | None = None
    group: str | None = None
    time_order: bool = False
    validation: float = 0.2
    test: float = 0.2
    seed: int = 0
    metrics: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    arrays: tuple[Any, Any] | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """x: rows first; y: rows, or rows x outputs; sample_weight: rows, or None."""

    x: Array
    y: Array
    sample_weight: Array | None = None

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Data:
    """Three parts of one table. Nothing that decides anything looks at `test`.

    digest: hex, of the arrays. class_weight: class -> weight of the loss, or None.
    metrics: extra Keras metrics to compile with. details: plain data that the exported config
    and the tracker repeat. preprocessing: plain data from which the exported model's
    preprocessing layers are made, or None.
    """

    train: Part
    validation: Part
    test: Part
    source: str = "arrays"
    digest: str = ""
    class_weight: Mapping[int, float] | None = None
    metrics: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.digest:
            object.__setattr__(self, "digest", digest(self))

    @property
    def shape(self) -> tuple[int, ...]:
        """(all rows, *shape of one input)."""
        rows = len(self.train) + len(self.validation) + len(self.test)
        return (rows, *self.train.x.shape[1:])

    def save(self, folder: Path) -> None:
        """Write every array as one `.npy` file, to be mapped by other processes."""
        import numpy as np

        folder.mkdir(parents=True, exist_ok=True)
        for name in PARTS:
            part: Part = getattr(self, name)
            for key in ("x", "y", "sample_weight"):
                array = getattr(part, key)
                if array is not None:
                    np.save(folder / f"{name}_{key}.npy", array, allow_pickle=False)
        plain = {
            "source": self.source,
            "digest": self.digest,
            "class_weight": self.class_weight,
            "metrics": self.metrics,
            "details": self.details,
            "preprocessing": self.preprocessing,
        }
        (folder / "data.json").write_text(json.dumps(plain), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Data:
        """Map what `save` wrote: processes share the pages."""
        import numpy as np

        def array(name: str, key: str) -> Array | None:
            file = folder / f"{name}_{key}.npy"
            if not file.exists():
                return None
            loaded: Array = np.load(file, mmap_mode="r", allow_pickle=False)
            return loaded

        def part(name: str) -> Part:
            x, y = array(name, "x"), array(name, "y")
            if x is None or y is None:
                raise FileNotFoundError(f"{folder} holds no {name} part")
            return Part(x, y, array(name, "sample_weight"))

        plain = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        weights = plain["class_weight"]
        train, validation, test = map(part, PARTS)
        return cls(
            train,
            validation,
            test,
            source=plain["source"],
            digest=plain["digest"],
            class_weight=weights and {int(k): float(v) for k, v in weights.items()},
            metrics=tuple(plain["metrics"]),
            details=plain["details"],
            preprocessing=plain["preprocessing"],
        )


def digest(data: Data) -> str:
    """Return a digest of all arrays, their order included: 40 hex digits."""
    import numpy as np

    found = hashlib.sha1(usedforsecurity=False)
    for name in PARTS:
        part: Part = getattr(data, name)
        for array in (part.x, part.y, part.sample_weight):
            if array is not None:
                found.update(f"{array.dtype.str}{array.shape}".encode())
                found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


@dataclass(frozen=True)
class Objective(Generic[C]):
    """How a config is trained and judged.

    load: reads the data, or gives arrays (x, y), which are split. build: `build(config)` or
    `build(config, data)` returns a standard compiled Keras model; nobody recompiles or patches it.
    Without a space it is `build(trial)` or `build(trial, data)`, as people write it for Optuna,
    and its `suggest_*` calls are the space.
    from_arrays: makes data of arrays or frames that Python has in hand. monitor: the value of an
    epoch; a trial's value is its best one. mode: "min" or "max", which one is better; None: what
    Keras says of its losses and metrics. max_epochs: how long a trial trains at most. patience:
    epochs without a better value after which it is complete, 0 for never; None: a quarter of
    max_epochs, and at least 25. callbacks: (config, monitor) or (config, monitor, mode) -> Keras's
    own, fresh ones for every trial. scores: further scores of predictions: (labels, predictions)
    -> dict. batch_size: where the config has no field of that name. baseline: values of the first
    trial of `build(trial)`, by name; what it does not name is the middle of its range (the
    geometric one where it is logarithmic), or the first choice.
    """

    load: Callable[[Source], Data | tuple[Any, Any]]
    build: Callable[..., keras.Model]
    space: Space[C] = None  # type: ignore[assignment]
    monitor: str = "val_loss"
    mode: Mode | None = None
    max_epochs: int = 100
    patience: int | None = None
    callbacks: Callable[..., list[keras.callbacks.Callback]] | None = None
    scores: Callable[[Array, Array], dict[str, float]] | None = None
    batch_size: int = 32
    from_arrays: Callable[[Any, Any, Source], Data] | None = None
    baseline: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
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
        from objectives.reading.simple import split
        from objectives.reading.watched import Watched

        if source.arrays is not None:
            return (self.from_arrays or split)(*source.arrays, source)
        watched = Watched(**vars(source))
        loaded = self.load(watched)
        if source.path is not None and "path" not in watched.seen:
            raise BadInput(
                f"--data {source.path}: the load of this sweep reads no file; let it read "
                "source.path, or leave the option out"
            )
        if isinstance(loaded, Data):
            return loaded
        if not isinstance(loaded, tuple) or len(loaded) != 2:
            raise BadInput(f"load gave {type(loaded).__name__}: it has to give (x, y) or a Data")
        return dataclasses.replace(split(*loaded, source), source=source.path or "embedded")

    def on(self, data: Data) -> Objective[C]:
        """Return this objective with the space that `build(trial, data)` asks for on such data."""
        build: Any = self.build
        if not (build.by_trial and build.takes_data):
            return self
        return dataclasses.replace(self, space=build.space(self.baseline, lambda: data))

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
