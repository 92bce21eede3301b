"""What a net has to beat on the same rows: the majority, a linear model, and boosted trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.judging import judge, numbers_of, peer_models
from objectives.monitor import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives import Data

MOST_DIGITS = 6  # of an interval
HEADLINE = {"binary": "auc", "multiclass": "accuracy", "regression": "r2"}
WORDS = {"auc": "AUC", "r2": "R2", "balanced_accuracy": "balanced accuracy", "brier": "Brier"} | {
    "calibration_error": "calibration error"
}
LINEAR = {"binary": "logistic", "multiclass": "logistic", "regression": "ridge"}
NETS = {"net": "the net", "average": "the average of nets"}
BASELINE = "baseline"
TREES = "trees"
TITLES = {
    "logistic": "logistic regression",
    "ridge": "ridge regression",
    TREES: "HistGradientBoosting",
    BASELINE: "the baseline",
}


@dataclass(frozen=True)
class Interval:
    """A figure of the test part and its 95% bootstrap interval over rows."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """Return `0.93 [0.91, 0.95]` with a sign, or not, and as many digits as tell these apart.

        spec: as `+.3g`, with the fewest digits.
        """
        numbers = (self.value, self.low, self.high)
        sign, fewest = spec[:-3], int(spec[-2])
        for digits in range(fewest, MOST_DIGITS + 1):
            texts = [f"{number:{sign}.{digits}g}" for number in numbers]
            if len(set(texts)) == len(set(numbers)):
                break
        if not sign and self.low < 1.0 and set(texts) == {"1"}:
            return f"> {1.0 - 10.0**-MOST_DIGITS:.{MOST_DIGITS}f}"
        return f"{texts[0]} [{texts[1]}, {texts[2]}]"


@dataclass(frozen=True)
class Comparison:
    """How the plain models and the net do on the test part.

    models: model -> score -> interval; the models are net, average and baseline (if they were
    given), majority (the mean, where numbers are predicted), logistic or ridge, and trees. ahead:
    by net or average and by model, the former's headline score minus the latter's, over the same
    resamples. rows: those that the linear model was fitted on. headline: the score by which they
    are compared. note: what was left out.
    """

    task: str
    models: dict[str, dict[str, Interval]]
    ahead: Mapping[tuple[str, str], Interval] = field(default_factory=dict)
    rows: int = 0
    headline: str = ""
    note: str = ""

    @property
    def linear(self) -> str:
        """`logistic` or `ridge`."""
        return LINEAR[self.task]

    def beaten(self, model: str, by: str = "net") -> bool | None:
        """Return whether the net or the average beats a model; None where it cannot be told."""
        gap = self.ahead.get((by, model))
        if gap is None or gap.low <= 0.0 <= gap.high:
            return None
        return Monitor.of(self.headline).better(gap.low, 0.0)

    def metrics(self) -> dict[str, float]:
        """Return `majority_accuracy`, `logistic_auc`, `test_auc_low`, `test_auc_high` and so on.

        The scores of the net, the average and the baseline are left to the trainer; the net's
        intervals are here.
        """
        found = {}
        for model, scores in self.models.items():
            if model in (BASELINE, "average"):
                continue
            prefix = "test" if model == "net" else model
            for name, interval in scores.items():
                if model != "net":
                    found[f"{prefix}_{name}"] = interval.value
                found[f"{prefix}_{name}_low"] = interval.low
                found[f"{prefix}_{name}_high"] = interval.high
        return found

    def lines(self) -> list[str]:
        """Return the comparison as text: a line a model, and what it comes to."""
        hidden = "accuracy" if self.headline == "balanced_accuracy" else "balanced_accuracy"
        names = [name for name in next(iter(self.models.values())) if name != hidden]
        found = ["test part, nets with their own seeds; 95% intervals over the rows"]
        for model, scores in self.models.items():
            title = "mean" if model == "majority" and self.task == "regression" else model
            cells = [f"{WORDS.get(k, k)} {scores[k]:.3g}" for k in names if k in scores]
            found.append(f"  {title:<10}" + "  ".join(cells))
        score = self.headline
        for (by, model), gap in self.ahead.items():
            says = {True: "beats", False: "is worse than", None: "does not beat"}
            seed = " (one seed: its own)" if by == "net" else ""
            found.append(
                f"{NETS[by]} {says[self.beaten(model, by)]} {TITLES[model]}: "
                f"{WORDS.get(score, score)} {gap:+.3g}{seed}"
            )
        return [*found, self.note] if self.note else found


def task_of(data: Data) -> str:
    """Return what is predicted: as the reader said it, or as the labels look."""
    said = data.details.get("task")
    if said is not None:
        return str(said)
    y = data.train.y
    if np.issubdtype(y.dtype, np.integer) or "classes" in data.details:
        return "multiclass"
    return "binary" if np.all((y == 0) | (y == 1)) else "regression"


def compare(
    data: Data,
    predictions: NDArray[Any] | None = None,
    baseline: NDArray[Any] | None = None,
    average: NDArray[Any] | None = None,
    *,
    peers: str = "on",
    seed: int = 0,
    draws: int = 1000,
) -> Comparison:
    """Return how the plain models do on the test part, and the nets, if they predicted.

    predictions: what the net says of `data.test.x`; baseline, average: what the sweep's baseline
    and its average of nets say. peers: "off" leaves out the linear model and the trees, "auto" the
    trees where they take long. Fits nothing on anything but the training part; the linear model
    sees at most 10 million cells of it.
    """
    task = task_of(data)
    given = {"net": predictions, "average": average, BASELINE: baseline}
    models = {name: np.asarray(said) for name, said in given.items() if said is not None}
    models["majority"] = peer_models.majority(data, task)
    rows, note = 0, ""
    if peers != "off":
        models[LINEAR[task]], rows = peer_models.linear(data, task)
        if peers == "on" or peer_models.quick(data, task):
            models[TREES] = peer_models.trees(data, task)
        else:
            note = "HistGradientBoosting is left out: so many cells take long (--peers on)"
    labels = numbers_of(data.test.y)
    judges = {name: judge(labels, guess, task) for name, guess in models.items()}
    rng = np.random.default_rng(seed)
    count = len(labels)
    draws = int(np.clip(50_000_000 // count, 100, draws))
    whole = {name: one(np.ones(count)) for name, one in judges.items()}
    drawn: dict[str, dict[str, list[float]]] = {
        name: {score: [] for score in found} for name, found in whole.items()
    }
    score = HEADLINE[task]
    if score == "accuracy" and data.class_weight:
        score = "balanced_accuracy"  # what weighted classes are trained for
    ahead: dict[tuple[str, str], list[float]] = {
        (by, name): []
        for by in NETS
        for name in (BASELINE, LINEAR[task], TREES)
        if by in models and name in models and (by, name) != ("average", BASELINE)
    }
    for _ in range(draws):
        weights = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        judged = {name: one(weights) for name, one in judges.items()}
        for name, found in judged.items():
            for key, value in found.items():
                drawn[name][key].append(value)
        for (by, name), gaps in ahead.items():
            if score in judged[by]:
                gaps.append(judged[by][score] - judged[name][score])
    intervals = {
        name: {key: _interval(value, drawn[name][key]) for key, value in found.items()}
        for name, found in whole.items()
    }
    differences = {
        pair: _interval(whole[pair[0]][score] - whole[pair[1]][score], gaps)
        for pair, gaps in ahead.items()
        if gaps
    }
    return Comparison(task, intervals, differences, rows, score, note)


def _interval(value: float, drawn: list[float]) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (value, value)
    return Interval(value, float(low), float(high))
