"""From which chance on a row is called positive: chosen on validation rows, told on test rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives import Data

CHOICES = ("balanced_accuracy", "f1", "none")
KEY = "threshold"
FIXED = "fixed_threshold"  # of data's details: chosen before the validation rows were learned from
AT = "_at_threshold"
WORDS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "f1": "F1"}


def wanted(data: Data) -> str | None:
    """Return what the threshold is chosen for, None where there is nothing to choose."""
    goal = data.source.options.get("threshold_for") if data.details.get("classes") else None
    return None if goal in (None, "none") else str(goal)


def chance_of(predictions: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities of the positive class, of one column or of two."""
    columns = np.asarray(predictions, np.float64)
    return columns[:, 1] if columns.ndim == 2 and columns.shape[1] == 2 else columns.ravel()


def decided(
    goal: str,
    validation: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
    fixed: float | None = None,
) -> dict[str, float]:
    """Return the threshold that is best on validation rows, and what it reaches on test rows.

    goal: of `CHOICES`. validation, test: labels and predictions. fixed: a threshold that was
    chosen before. Scores at the threshold end in `_at_threshold`; F1 is at 0.5 as well, where the
    other scores are already.
    """
    chosen = fixed
    if chosen is None:
        chosen = best(labels_of(validation[0]), chance_of(validation[1]), goal)
    truth, chance = labels_of(test[0]), chance_of(test[1])
    found = {f"{name}{AT}": score for name, score in at(truth, chance, chosen).items()}
    return {KEY: chosen, "f1": at(truth, chance, 0.5)["f1"], **found}


def labels_of(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows are positive, of class numbers or of one column a class."""
    rows = np.asarray(labels)
    if rows.ndim == 2 and rows.shape[1] == 2:
        rows = rows[:, 1]
    return rows.ravel() > 0.5


def best(positive: NDArray[np.bool_], chance: NDArray[np.float64], goal: str) -> float:
    """Return the threshold with the best score; among equals the one nearest to 0.5.

    A row is positive where its chance is above. Thresholds lie half-way between two chances.
    """
    order = np.argsort(-chance, kind="stable")
    sorted_, hits = chance[order], np.cumsum(positive[order])
    ends = np.append(np.flatnonzero(np.diff(sorted_)), len(sorted_) - 1)
    above = np.append(0, ends + 1)  # rows that are called positive
    true = np.append(0, hits[ends])
    low = np.append(sorted_[ends[:-1] + 1], 0.0)
    cuts = np.append((1.0 + sorted_[0]) / 2.0, (sorted_[ends] + low) / 2.0)
    score = _score(true, above, int(positive.sum()), len(positive), goal)
    if sorted_[-1] <= 0.0:  # no threshold from 0 on calls every row positive
        score[-1] = -1.0
    equal = np.flatnonzero(score >= score.max() - 1e-12)
    return float(cuts[equal[np.argmin(np.abs(cuts[equal] - 0.5))]])


def at(
    positive: NDArray[np.bool_], chance: NDArray[np.float64], threshold: float
) -> dict[str, float]:
    """Return accuracy, balanced accuracy and F1 where rows above the threshold are positive."""
    called = chance > threshold
    true, above = np.array([np.sum(called & positive)]), np.array([called.sum()])
    return {
        goal: float(_score(true, above, int(positive.sum()), len(positive), goal)[0])
        for goal in WORDS
    }


def _score(
    true: NDArray[Any], above: NDArray[Any], ones: int, rows: int, goal: str
) -> NDArray[np.float64]:
    zeros = rows - ones
    right = true + (zeros - (above - true))
    if goal == "f1":
        f1: NDArray[np.float64] = 2.0 * true / np.maximum(above + ones, 1)
        return f1
    if goal == "accuracy" or not ones or not zeros:
        return np.asarray(right / rows, np.float64)
    return np.asarray((true / ones + (right - true) / zeros) / 2.0, np.float64)


def of_one(name: str) -> bool:
    """Return whether a score belongs to one model's threshold, and not beside other scores."""
    return name in (KEY, "test_f1") or name.endswith(AT)


def words(scores: Mapping[str, float], goal: str, prefix: str = "test_") -> str | None:
    """Return one line of the scores at 0.5 and at the chosen threshold, None without one."""
    if KEY not in scores:
        return None

    def listed(suffix: str) -> str:
        cells = ((title, scores.get(f"{prefix}{name}{suffix}")) for name, title in WORDS.items())
        return ", ".join(f"{title} {value:.3f}" for title, value in cells if value is not None)

    return (
        f"threshold {scores[KEY]:.3g} (best {WORDS[goal]} on the validation part): {listed(AT)}; "
        f"at 0.5: {listed('')}"
    )
