"""What a net has to beat: the majority or the mean, and a linear model, on the same split."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.judging import judge, numbers_of
from objectives.monitor import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives import Data, Part

CELLS = 10_000_000  # of the training part that the linear model sees
MOST_DIGITS = 6  # of an interval
WIDEST = 5_000  # columns that a sequence is flattened to
HEADLINE = {"binary": "auc", "multiclass": "accuracy", "regression": "r2"}
WORDS = {"auc": "AUC", "r2": "R2", "balanced_accuracy": "balanced accuracy", "brier": "Brier"} | {
    "calibration_error": "calibration error"
}
LINEAR = {"binary": "logistic", "multiclass": "logistic", "regression": "ridge"}
BASELINE = "baseline"
TITLES = {
    "logistic": "logistic regression",
    "ridge": "ridge regression",
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

    models: model -> score -> interval; the models are net and baseline (if they were given),
    majority (the mean, where numbers are predicted) and logistic or ridge. ahead: by linear model
    and baseline, the net's headline score minus its, over the same resamples. rows: those that the
    linear model was fitted on. headline: the score by which they are compared.
    """

    task: str
    models: dict[str, dict[str, Interval]]
    ahead: Mapping[str, Interval] = field(default_factory=dict)
    rows: int = 0
    headline: str = ""

    @property
    def linear(self) -> str:
        """`logistic` or `ridge`."""
        return LINEAR[self.task]

    def beaten(self, model: str) -> bool | None:
        """Return whether the net beats a model; None where the interval does not say."""
        gap = self.ahead.get(model)
        if gap is None or gap.low <= 0.0 <= gap.high:
            return None
        return Monitor.of(self.headline).better(gap.low, 0.0)

    def metrics(self) -> dict[str, float]:
        """Return `majority_accuracy`, `logistic_auc`, `test_auc_low`, `test_auc_high` and so on.

        The net's and the baseline's own scores are left to the trainer; the net's intervals are
        here.
        """
        found = {}
        for model, scores in self.models.items():
            if model == BASELINE:
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
        found = ["test part, the best trial with its own seed; 95% intervals over the rows"]
        for model, scores in self.models.items():
            title = "mean" if model == "majority" and self.task == "regression" else model
            cells = [f"{WORDS.get(k, k)} {scores[k]:.3g}" for k in names if k in scores]
            found.append(f"  {title:<10}" + "  ".join(cells))
        score = self.headline
        for model, gap in self.ahead.items():
            says = {True: "beats", False: "is worse than", None: "does not beat"}
            found.append(
                f"the net {says[self.beaten(model)]} {TITLES[model]}: {WORDS.get(score, score)} "
                f"{gap:+.3g} (one seed: its own)"
            )
        return found


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
    *,
    seed: int = 0,
    draws: int = 1000,
) -> Comparison:
    """Return how the plain models do on the test part, and the nets, if they predicted.

    predictions: what the net says of `data.test.x`; baseline: what the sweep's baseline does.
    Fits nothing on anything but the training part; the linear model sees at most 10 million cells
    of it.
    """
    task = task_of(data)
    linear, rows = _linear(data, task)
    models = {"majority": _majority(data, task), LINEAR[task]: linear}
    if baseline is not None:
        models = {BASELINE: np.asarray(baseline), **models}
    if predictions is not None:
        models = {"net": np.asarray(predictions), **models}
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
    rivals = [name for name in (BASELINE, LINEAR[task]) if name in models and "net" in models]
    ahead: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(draws):
        weights = np.bincount(rng.integers(0, count, count), minlength=count).astype(np.float64)
        judged = {name: one(weights) for name, one in judges.items()}
        for name, found in judged.items():
            for key, value in found.items():
                drawn[name][key].append(value)
        for name, gaps in ahead.items():
            if score in judged["net"]:
                gaps.append(judged["net"][score] - judged[name][score])
    intervals = {
        name: {key: _interval(value, drawn[name][key]) for key, value in found.items()}
        for name, found in whole.items()
    }
    differences = {
        name: _interval(whole["net"][score] - whole[name][score], gaps)
        for name, gaps in ahead.items()
        if gaps
    }
    return Comparison(task, intervals, differences, rows, score)


def _interval(value: float, drawn: list[float]) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (value, value)
    return Interval(value, float(low), float(high))


def _majority(data: Data, task: str) -> NDArray[Any]:
    """Return the training part's commonest class, or its mean, for every test row."""
    y, rows = numbers_of(data.train.y), len(data.test)
    if task == "regression":
        return np.full(rows, y.mean())
    if task == "binary":
        return np.full(rows, float(y.mean() > 0.5))
    chances = np.zeros((rows, _classes(data)))
    chances[:, np.bincount(y.astype(np.int64)).argmax()] = 1.0
    return chances


def _classes(data: Data) -> int:
    return len(data.details.get("classes") or np.unique(numbers_of(data.train.y)))


def _linear(data: Data, task: str) -> tuple[NDArray[Any], int]:
    """Return the linear model's test predictions, and how many rows it was fitted on."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    width = _flat(data.train, data, np.arange(1)).shape[1]
    most = max(100, CELLS // width)
    every = np.arange(len(data.train))
    rows = every
    if len(every) > most:
        rows = np.sort(np.random.default_rng(0).choice(every, most, replace=False))
    x, y = _flat(data.train, data, rows), numbers_of(data.train.y)[rows]
    test = _flat(data.test, data, np.arange(len(data.test)))
    if task == "regression":
        model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-2, 4, 13)))
        return np.asarray(model.fit(x, y).predict(test)), len(rows)
    balanced = "balanced" if data.class_weight else None
    model = make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=500, class_weight=balanced)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # close enough for a yardstick
        model.fit(x, y.astype(np.int64))
    chances = model.predict_proba(test)
    if task == "binary":
        return np.asarray(chances[:, 1]), len(rows)
    found = np.zeros((len(test), _classes(data)))
    found[:, model.classes_] = chances
    return found, len(rows)


def _flat(part: Part, data: Data, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return rows x columns: of sequences all steps, evenly thinned out where they are many."""
    x = np.asarray(part.x[rows], np.float64)
    if x.ndim > 2:
        if data.details.get("masked"):
            x = np.where(x == data.details["mask_value"], 0.0, x)
        x = x[:, :: max(1, -(-x[0].size // WIDEST))]
    return x.reshape(len(x), -1)
