"""What the page's script draws, as plain data: curves thinned and rounded, parameters' axes."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeps.report.findings import advised
from sweeps.report.found import Finding, Run
from sweeps.report.given import Report
from sweeps.report.words import number

if TYPE_CHECKING:
    import pandas as pd

    from sweeps.study.ended import Ended

MOST_POINTS, FEWEST_POINTS = 160, 25  # of one curve: a screen is not much wider
ALL_POINTS = 100_000  # of all curves of a metric: as many as fit into a file that opens at once
MOST_METRICS = 3
MOST_CHOICES = 8  # of numbers that are drawn as choices, evenly spaced
RATE = "learning_rate"
BANDS = {
    "initial plateau": "--band-wait",
    "fast phase": "--band-fast",
    "diminishing returns": "--band-slow",
    "overfitting": "--band-bad",
    "divergence": "--band-bad",
}


def payload(report: Report) -> dict[str, Any]:
    """Return everything that the page's script draws."""
    metrics = metrics_shown(report.curves, report.summary.monitor)
    most = ALL_POINTS // max(1, len(report.curves))
    most = min(MOST_POINTS, max(FEWEST_POINTS, most))
    return {
        "monitor": report.summary.monitor,
        "signs": {name: report.signs[name] for name in metrics if name in report.signs}
        | {report.summary.monitor: report.sign},
        "trials": [
            trial(report, one, report.curves.get(one.number), metrics, most)
            for one in report.trials
        ],
        "axes": axes(report),
        "findings": [finding(found, report.sign) for found in report.findings],
    }


def metrics_shown(curves: Mapping[int, pd.DataFrame], monitor: str) -> list[str]:
    """Return the metrics to choose from: the monitor, the losses, one more of the validation."""
    present = {name for frame in curves.values() for name in frame.columns}
    wanted = [monitor, "val_loss", "loss", *sorted(n for n in present if n.startswith("val_"))]
    found = [name for name in dict.fromkeys(wanted) if name in present]
    return found[:MOST_METRICS]


def trial(
    report: Report,
    ended: Ended,
    frame: pd.DataFrame | None,
    metrics: Sequence[str],
    most: int = MOST_POINTS,
) -> dict[str, Any]:
    """Return one trial's curves, of `most` points, with what a hover says of it."""
    found: dict[str, Any] = {
        "number": ended.number,
        "name": f"#{ended.number}" + (f" {ended.role}" if ended.role == "baseline" else ""),
        "look": report.look(ended),
        "complete": ended.outcome == "complete",
        "value": rounded(ended.value),
        "lines": _lines(ended),
        "epochs": ended.epochs,
        "curves": {},
        "x": None,
        "drops": [],
        "rates": [],
    }
    if frame is None or not len(frame):
        return found
    epochs = [int(epoch) for epoch in frame.index]
    kept = _kept(epochs, ended.best_epoch or 0, most)
    if kept != list(range(len(epochs))) or epochs[0] != 1 or epochs[-1] != len(epochs):
        found["x"] = [epochs[i] for i in kept]
    for name in metrics:
        if name in frame.columns:
            values = frame[name].tolist()
            found["curves"][name] = [rounded(values[i]) for i in kept]
    if RATE in frame.columns:
        changes = _changes(epochs, frame[RATE].tolist())
        found["rates"] = [[epoch, rounded(rate)] for epoch, rate in changes]
        found["drops"] = [
            epoch for (_, before), (epoch, rate) in itertools.pairwise(changes) if rate < before
        ]
    return found


def axes(report: Report) -> list[dict[str, Any]]:
    """Return the parameters that varied among the complete trials, the most important first.

    Those that some trials lacked come last. values: of each complete trial with a value, None
    where it had none; an index where there are `choices`.
    """
    done = [t for t in report.trials if t.outcome == "complete" and rounded(t.value) is not None]
    names = dict.fromkeys(name for t in done for name in t.params)
    found = [_axis(name, [t.params.get(name) for t in done], report) for name in names]
    shares = report.summary.importances.shares
    return sorted(
        (axis for axis in found if axis is not None),
        key=lambda axis: (None in axis["values"], -shares.get(axis["name"], 0.0)),
    )


def _axis(name: str, values: Sequence[Any], report: Report) -> dict[str, Any] | None:
    had = [value for value in values if value is not None]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in had)
    if len(set(map(repr, had))) < 2:
        return None
    log = numeric and name in report.logarithmic and min(had) > 0
    choices = sorted(set(had)) if numeric else sorted(set(map(str, had)))
    if numeric and (log or len(choices) > MOST_CHOICES):
        return {"name": name, "log": log, "choices": None, "values": list(map(rounded, values))}
    place = {choice: index for index, choice in enumerate(choices)}
    return {
        "name": name,
        "log": False,
        "choices": [number(choice, 3) for choice in choices],
        "values": [None if v is None else place[v if numeric else str(v)] for v in values],
    }


def finding(found: Finding, sign: float) -> dict[str, Any]:
    """Return the chart of an explanation: the reference's repeats and the change it advises."""
    reference = [run for run in found.runs if run.probe == "reference"]
    other = [run for run in found.runs if run.probe == advised(found)]
    monitor = found.reference.monitor
    series = [_run(run, "--complete", 0.75, monitor) for run in other if run.curve]
    series += [_run(run, "--baseline", 0.85, monitor) for run in reference if run.curve]
    epochs = max((len(run.curve) for run in reference), default=1)
    bands = [
        {"name": p.name, "first": p.first, "last": p.last, "style": BANDS[p.name]}
        for p in found.curve.phases
        if p.name in BANDS and p.first <= epochs
    ]
    return {"series": series, "bands": bands, "log": False, "sign": sign}


def _run(run: Run, style: str, alpha: float, monitor: str) -> dict[str, Any]:
    kept = _kept(list(range(1, len(run.curve) + 1)), 0, MOST_POINTS)
    return {
        "name": run.probe.replace("_", " "),
        "lines": [run.text, f"seed {run.seed}, best {monitor} {number(run.value)}"],
        "style": style,
        "alpha": alpha,
        "width": 1.6,
        "x": [i + 1 for i in kept],
        "y": [rounded(run.curve[i]) for i in kept],
    }


def embedded(data: Any) -> str:
    """Return plain data as JSON that is safe inside a script element; NaN becomes null."""
    text = json.dumps(_finite(data), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def rounded(value: float | None) -> float | None:
    """Return four digits, None for what is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.4g}")


def _lines(trial: Ended) -> list[str]:
    head = f"{trial.outcome}, {trial.epochs} epochs"
    if trial.value is not None and math.isfinite(trial.value):
        head += f", best {number(trial.value)} at epoch {trial.best_epoch or 0}"
    had = {name: value for name, value in trial.params.items() if value is not None}
    return [head, ", ".join(f"{name} {number(value, 3)}" for name, value in had.items())]


def _kept(epochs: Sequence[int], best: int, most: int) -> list[int]:
    """Return the indices of the epochs that are drawn: all, or every so many and the best."""
    step = -(-len(epochs) // most)
    if step <= 1:
        return list(range(len(epochs)))
    kept = {*range(0, len(epochs), step), len(epochs) - 1}
    return sorted(kept | ({epochs.index(best)} if best in epochs else set()))


def _changes(epochs: Sequence[int], rates: Sequence[float]) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    for epoch, rate in zip(epochs, rates, strict=True):
        if math.isfinite(rate) and (not found or rate != found[-1][1]):
            found.append((epoch, float(rate)))
    return found
