"""Which value of a model decides, and whether lower or higher is better: known here alone."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from objectives.costs import COSTS, SECONDS
from objectives.nearest import nearest
from search_spaces import BadInput

Mode = Literal["min", "max"]
MODES: tuple[Mode, ...] = ("min", "max")
SIGNS = {"min": 1.0, "max": -1.0}
DIRECTIONS: dict[str, Mode] = {"minimize": "min", "maximize": "max"}  # Optuna's word -> Keras's

# What Keras says of its own losses, which are minimized, and of its metrics (`_direction`), by
# the names that its logs have, in snake case. A test asks Keras itself.
MINIMISED = {
    "loss", "bce", "ce", "crossentropy", "binary_crossentropy", "binary_focal_crossentropy",
    "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy", "sparse_categorical_crossentropy",
    "categorical_hinge", "hinge", "squared_hinge", "circle", "ctc", "huber", "kl_divergence",
    "kld", "log_cosh", "log_cosh_error", "logcosh", "mae", "mape", "mse", "msle",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error",
    "mean_squared_logarithmic_error", "root_mean_squared_error", "poisson",
}  # fmt: skip
MAXIMISED = {
    "acc", "accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy",
    "top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy", "auc", "f1_score",
    "fbeta_score", "f_beta_score", "precision", "recall", "precision_at_recall",
    "recall_at_precision", "sensitivity_at_specificity", "specificity_at_sensitivity", "io_u",
    "binary_io_u", "mean_io_u", "one_hot_io_u", "one_hot_mean_io_u", "concordance_correlation",
    "pearson_correlation", "r2_score",
}  # fmt: skip
# Areas under a curve, which a model is compiled with where one of them is monitored.
AREAS = ("auc", "pr_auc")
# And what this project itself scores: `objectives.judging`, `objectives.training.parts.metrics`.
KNOWN: dict[Mode, set[str]] = {
    "min": MINIMISED | {"brier", "calibration_error", "rmse"},
    "max": MAXIMISED | {"balanced_accuracy", "f1", "pr_auc", "r2"},
}
# A loss of Keras's, and also what people call a metric that rises: the name alone tells nothing.
TWO_SENSES = frozenset({"cosine_similarity", "dice", "tversky"})
VALUE = "value"  # what a function reports and returns that trains by itself
TURNED = frozenset({"neg", "negative", "negated", "minus", "inv", "inverse", "inverted"})


@dataclass(frozen=True)
class Monitor:
    """A monitored value: its name among an epoch's logs, and its better direction.

    output: the output of the model whose metric it is, where that is read off the name alone; the
    first epoch's logs have to show that there is such an output.
    """

    name: str
    mode: Mode
    output: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BadInput(
                f"mode of monitor {self.name!r} is {self.mode!r}: it must be 'min', where lower "
                "is better, or 'max'"
            )

    @classmethod
    def of(cls, name: str, mode: Mode | None = None) -> Monitor:
        """Return the monitor of this name.

        Args:
            name: Among the logs of an epoch, such as `val_loss` or `val_OUTPUT_auc`.
            mode: "min" or "max"; None looks up what Keras says of its losses and metrics.

        Raises:
            BadInput: Without a mode, for a name that is none of Keras's.
        """
        if mode is not None:
            return cls(name, mode)
        if name in COSTS or name == SECONDS:
            return cls(name, "min")
        words = name.removeprefix("val_").removeprefix("test_").split("_")
        for start in range(len(words)):
            metric = _in_snake_case("_".join(words[start:]))
            if metric in TWO_SENSES or TURNED & set(words[:start]):
                break
            found = next((m for m in MODES if metric in KNOWN[m]), None)
            if found is not None:
                return cls(name, found, "_".join(words[:start]))
        raise BadInput(unknown(name))

    @classmethod
    def directed(cls, name: str, direction: str) -> Monitor:
        """Return the monitor of a study, whose direction is said in Optuna's words."""
        return cls(name, DIRECTIONS[direction.lower()])

    def in_study(self, study: Any, others: Sequence[Monitor] = ()) -> Monitor:
        """Return itself. Raises BadInput where an Optuna study takes other directions.

        others: further monitors of the study.
        """
        wanted = [one.direction for one in (self, *others)]
        found = wanted if study is None else [one.name.lower() for one in study.directions]
        if found == wanted:
            return self
        if len(found) == len(wanted) == 1:
            raise BadInput(
                f"this study has direction {found[0]!r}, and {self.name!r} "
                f"wants optuna.create_study(direction={self.direction!r})"
            )
        names = ", ".join(one.name for one in (self, *others))
        raise BadInput(
            f"this study has directions {found}, and the monitors {names} want "
            f"optuna.create_study(directions={wanted})"
        )

    @property
    def direction(self) -> str:
        """Optuna's word: "minimize" or "maximize"."""
        return next(word for word, mode in DIRECTIONS.items() if mode == self.mode)

    @property
    def sign(self) -> float:
        """What turns a value into one that is to be minimized: 1, or -1."""
        return SIGNS[self.mode]

    @property
    def worst(self) -> float:
        """The infinity that every value is better than."""
        return self.sign * math.inf

    @property
    def extra(self) -> tuple[str, ...]:
        """The metrics that a model needs to be compiled with, besides its own."""
        return tuple(name for name in AREAS if self.name in (name, f"val_{name}"))

    @property
    def standard_error(self) -> str:
        """The name that the standard error has among an epoch's logs, where that is a mean."""
        return f"{self.name}_se"

    @property
    def test_name(self) -> str:
        """The name that its value on the test part has; of a function, its only one."""
        if self.name == VALUE:
            return VALUE
        return "test_" + self.name.removeprefix("val_")

    def better(self, one: float, other: float) -> bool:
        """Return whether one value is better than another; NaN is never better."""
        return self.sign * one < self.sign * other

    def certain(self, names: Container[str]) -> bool:
        """Return whether a model with these metrics has the output that the name tells of.

        Of a model with several outputs, each has a loss among them.
        """
        losses = (f"{part}{self.output}_loss" for part in ("", "val_", "test_"))
        return not self.output or any(loss in names for loss in losses)


@dataclass(frozen=True)
class LastEpoch(Monitor):
    """Of a training without validation rows: no epoch is better than the last one."""

    def better(self, one: float, other: float) -> bool:
        """Return True: the later value counts."""
        return True


VAL_LOSS = Monitor("val_loss", "min")
LAST = LastEpoch("loss", "min")

Monitored = str | Monitor | Sequence[str | Monitor]


def several(given: Monitored, mode: Mode | None = None) -> list[Monitor]:
    """Return monitors, the one that decides first.

    Args:
        given: A name, a Monitor, or several of them; in text with commas between.
        mode: Of the first one, where it is a name.

    Raises:
        BadInput: For a name without a known direction, one that is given twice, or a first one
            that is a cost and has no curve.
    """
    names = [given] if isinstance(given, Monitor) else given
    names = names.split(",") if isinstance(names, str) else list(names)
    if not names:
        raise BadInput(f"monitor is {given!r}: name one or more")
    modes = [mode, *[None] * (len(names) - 1)]
    found = [
        one if isinstance(one, Monitor) else Monitor.of(str(one).strip(), of)
        for one, of in zip(names, modes, strict=True)
    ]
    twice = [one.name for n, one in enumerate(found) if one.name in {m.name for m in found[:n]}]
    if twice:
        raise BadInput(f"monitor {twice[0]!r} is given twice: name it once")
    if found[0].name == SECONDS:
        raise BadInput(
            f"monitor {SECONDS!r} comes first, and says nothing of how good a model is: name a "
            f"metric of the validation part first, val_loss,{SECONDS}"
        )
    if found[0].name in COSTS:
        raise BadInput(
            f"monitor {found[0].name!r} comes first, and no epoch changes it: name a metric of "
            f"the validation part first, or bound it with --limit {found[0].name}=N"
        )
    return found


def signs(names: Iterable[str]) -> dict[str, float]:
    """Return what is to be minimized (1) and what maximized (-1), of those that are known."""
    known = list(names)
    found: dict[str, float] = {}
    for name in known:
        with contextlib.suppress(BadInput):
            monitor = Monitor.of(name)
            found |= {name: monitor.sign} if monitor.certain(known) else {}
    return found


def unknown(name: str) -> str:
    """Return what is said of a name whose direction nobody knows."""
    known = {f"val_{one}" for mode in MODES for one in KNOWN[mode]}
    near = nearest(name, sorted(known), cutoff=0.75)
    return (
        f"monitor {name!r} is no loss or metric of Keras's"
        + (f", did you mean {near[0]!r}?" if near else ".")
        + " If it is your own, say whether lower or higher is better: "
        "Objective(mode='min') or Objective(mode='max'), or --mode"
    )


def _in_snake_case(name: str) -> str:
    """Return a name as Keras writes it, without the number that a second metric of it has."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    name = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
    return re.sub(r"_\d+$", "", name)
