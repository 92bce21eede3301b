"""The sections of an exported config, besides the config itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Interval

from objectives import Data, Source
from objectives.monitor import Mode


@dataclass(frozen=True)
class Training:
    """How it was trained. best_epoch: of the recorded value. mode: None where Keras says it.

    rates: of a refitted net whose learning rate was dropped, epochs and the rate from there on.
    """

    max_epochs: Annotated[int, Interval(ge=1, le=1_000_000)]
    best_epoch: Annotated[int, Interval(ge=1, le=1_000_000)] | None = None
    monitor: str = "val_loss"
    mode: Mode | None = None
    trainer: Literal["auto", "compiled", "xla", "graph", "fit"] = "auto"
    seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0
    rates: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class DataOf:
    """Which data it was trained on. options: what their reader alone understands."""

    source: str = Source().name
    target: str | None = None
    positive: str | None = None
    group: str | None = None
    digest: str | None = None
    rows: Annotated[int, Ge(0)] | None = None
    ignore: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Data) -> DataOf:
        """Return what a file says of its data; `Exported.source` reads the same again."""
        source, options = data.source, dict(data.source.options)
        text = isinstance(options.get("ignore"), str)  # of a `load` that splits it itself
        ignore = () if text else tuple(options.pop("ignore", ()))
        known = (source.name, source.target, source.positive, source.group)
        # Of data sets nobody counts them, and an objective function reads its own.
        rows = None if data.stream or "said" in data.details else data.shape[0]
        return cls(*known, data.digest, rows, ignore, options)


@dataclass(frozen=True)
class Split:
    """How the data were split: a kind, shares of the rows (`time` keeps their order), or folds."""

    kind: str = "as given"
    validation: Annotated[float, Interval(gt=0.0, lt=1.0)] | None = None
    test: Annotated[float, Interval(gt=0.0, lt=1.0)] | None = None
    seed: Annotated[int, Ge(0)] | None = None
    folds: Annotated[int, Ge(2)] | None = None

    @classmethod
    def of(cls, data: Data) -> Split:
        """Return what a file says of its data's split."""
        return cls(**{k: value for k, value in data.source.split.items() if k != "group"})


@dataclass(frozen=True)
class Decision:
    """From which probability on a row is called positive, and what that was chosen for."""

    threshold: Annotated[float, Interval(ge=0.0, le=1.0)] = 0.5
    chosen_for: str = "none"


@dataclass(frozen=True)
class Refit:
    """It was trained on the training and the validation rows, to the last epoch.

    rows: how many these are. test_loss, test_loss_before: of the refitted net and of the one that
    was not, by the same loss. difference: of the two, with its 95% interval.
    """

    rows: Annotated[int, Ge(1)]
    test_loss: float | None = None
    test_loss_before: float | None = None
    difference: tuple[float, ...] = ()


@dataclass(frozen=True)
class Origin:
    """Where it comes from."""

    study: str | None = None
    trial: Annotated[int, Ge(0)] | None = None
    mlflow_run: str | None = None


@dataclass(frozen=True)
class Member:
    """A net of an average. value: what it reached on its own, on the validation part."""

    weight: Annotated[float, Interval(gt=0.0, le=1.0)]
    trial: Annotated[int, Ge(0)]
    config: Any
    training: Training
    value: float | None = None
