"""What the page's script draws: curves thinned and rounded, Optuna's figures made safe."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeps.report.html import number

if TYPE_CHECKING:
    import pandas as pd

MOST_POINTS = 160  # of one curve: a screen is not much wider
MOST_METRICS = 3
RATE = "learning_rate"
BANDS = {
    "initial plateau": "--band-wait",
    "fast phase": "--band-fast",
    "diminishing returns": "--band-slow",
    "overfitting": "--band-bad",
    "divergence": "--band-bad",
}


def metrics_shown(curves: Mapping[int, pd.DataFrame], monitor: str) -> list[str]:
    """Return the metrics to choose from: the monitor, the losses, one more of the validation."""
    present = {name for frame in curves.values() for name in frame.columns}
    wanted = [monitor, "val_loss", "loss", *sorted(n for n in present if n.startswith("val_"))]
    found = [name for name in dict.fromkeys(wanted) if name in present]
    return found[:MOST_METRICS]


def trial(
    row: Mapping[str, Any], frame: pd.DataFrame | None, metrics: Sequence[str], best: int | None
) -> dict[str, Any]:
    """Return one trial's curves with what a hover says of it.

    row: number, role, outcome, value, best_epoch, epochs, label and params.
    """
    ended = int(row["number"])
    outcome = str(row["outcome"])
    look = "best" if ended == best else "baseline" if row["role"] == "baseline" else outcome
    found: dict[str, Any] = {
        "name": f"#{ended}" + (f" {row['role']}" if row["role"] == "baseline" else ""),
        "look": look,
        "lines": _lines(row),
        "epochs": int(row["epochs"]),
        "curves": {},
        "x": None,
        "drops": [],
        "rates": [],
    }
    if frame is None or not len(frame):
        return found
    epochs = [int(epoch) for epoch in frame.index]
    kept = _kept(epochs, int(row["best_epoch"] or 0))
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


def finding(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the chart of an explanation: the reference's repeats and the change it advises."""
    reference = [run for run in found["runs"] if run["probe"] == "reference"]
    probe = advised(found)
    other = [run for run in found["runs"] if run["probe"] == probe]
    monitor = found["reference"]["monitor"]
    series = [_run(run, "--complete", 0.75, monitor) for run in other if run["curve"]] + [
        _run(run, "--baseline", 0.85, monitor) for run in reference if run["curve"]
    ]
    epochs = max((len(run["curve"]) for run in reference), default=1)
    bands = [
        {"name": p["name"], "first": p["first"], "last": p["last"], "style": BANDS[p["name"]]}
        for p in found["curve"]["phases"]
        if p["name"] in BANDS and p["first"] <= epochs
    ]
    return {"series": series, "bands": bands, "log": False}


def advised(found: Mapping[str, Any]) -> str | None:
    """Return the probe that an explanation advises, the plateau's where nothing else is."""
    for advice in (found["advice"], found.get("plateau_advice")):
        if advice and advice.get("probe"):
            return str(advice["probe"])
    return None


def _run(run: Mapping[str, Any], style: str, alpha: float, monitor: str) -> dict[str, Any]:
    curve = run["curve"]
    kept = _kept(list(range(1, len(curve) + 1)), 0)
    return {
        "name": run["probe"].replace("_", " "),
        "lines": [run["text"], f"seed {run['seed']}, best {monitor} {number(run['value'])}"],
        "style": style,
        "alpha": alpha,
        "width": 1.6,
        "x": [i + 1 for i in kept],
        "y": [rounded(curve[i]) for i in kept],
    }


def safe_figure(figure: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Plotly figure whose texts cannot be markup, without its template.

    Plotly reads a little HTML in texts; of that only line breaks and its own `extra` stay.
    """
    layout = {name: value for name, value in figure["layout"].items() if name != "template"}
    return {"data": _safe(figure["data"]), "layout": _safe(layout)}


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        text = html.escape(value, quote=False)
        for tag in ("<br>", "<br />", "<extra>", "</extra>", "<extra></extra>"):
            text = text.replace(html.escape(tag, quote=False), tag)
        return text
    if isinstance(value, Mapping):
        return {name: _safe(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(inner) for inner in value]
    return value


def rounded(value: float | None) -> float | None:
    """Return four digits, None for what is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.4g}")


def _lines(row: Mapping[str, Any]) -> list[str]:
    head = f"{row['outcome']}, {row['epochs']} epochs"
    if row["value"] is not None and math.isfinite(row["value"]):
        head += f", best {number(row['value'])} at epoch {int(row['best_epoch'] or 0)}"
    params = ", ".join(f"{name} {number(v, 3)}" for name, v in row["params"].items())
    return [head, params]


def _kept(epochs: Sequence[int], best: int) -> list[int]:
    """Return the indices of the epochs that are drawn: all, or every so many and the best."""
    step = -(-len(epochs) // MOST_POINTS)
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
