"""The race's table and picture: seconds from the start of a process, medians over repeats."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PEERS = {"Optuna": "with_optuna.py", "KerasTuner": "with_kerastuner.py", "Ray Tune": "with_ray.py"}


@dataclass
class Run:
    """One competitor, once. Seconds count from the start of its process."""

    name: str
    seed: int
    printed: float = math.inf  # seconds to the printed best config
    ended: float = math.inf  # seconds to the process's end
    trials: int = 0  # configs of which an epoch was trained
    epochs: int = 0
    series: list[tuple[float, float]] = field(default_factory=list)  # seconds, best loss so far
    error: str = ""

    @property
    def best(self) -> float:
        """Return the lowest validation loss."""
        return self.series[-1][1] if self.series else math.inf

    def reached(self, level: float) -> float:
        """Return the seconds until the loss was at most `level`; infinite where it never was."""
        return next((seconds for seconds, loss in self.series if loss <= level), math.inf)


def cell(of: Callable[[Run, int], float], runs: list[list[Run]], name: str) -> str:
    """Return the median seconds over repeats, and how many times faster than the fastest peer."""
    taken, faster = [], []
    for repeat, competitors in enumerate(runs):
        peers = [of(run, repeat) for run in competitors if run.name in PEERS]
        (mine,) = (of(run, repeat) for run in competitors if run.name == name)
        taken.append(mine)
        if min(peers, default=math.inf) < math.inf or mine < math.inf:
            faster.append(min(peers, default=math.inf) / mine if mine < math.inf else 0.0)
    seconds = statistics.median(taken)
    if seconds == math.inf:
        return "never"
    ratio = statistics.median(faster)
    return f"{seconds:.1f}" + (f" ({ratio:.2g}x)" if 0 < ratio < math.inf else "")


def table(runs: list[list[Run]], levels: dict[str, list[float]], names: list[str]) -> str:
    """Return the results: medians over the repeats; in brackets, times the fastest peer."""
    heads = ["", "best printed, s", "ended, s", "configs", "epochs", "s/epoch", "best val_loss"]
    heads += [f"s to {statistics.median(found):.4f}" for found in levels.values()]
    rows = [heads]
    for name in names:
        mine = [run for competitors in runs for run in competitors if run.name == name]
        if any(run.error for run in mine):
            rows.append([name, "failed", *[""] * (len(heads) - 2)])
            continue
        middle = statistics.median
        row = [name, cell(lambda run, _: run.printed, runs, name)]
        row += [f"{middle(run.ended for run in mine):.1f}"]
        row += [
            f"{middle(run.trials for run in mine):g}",
            f"{middle(run.epochs for run in mine):g}",
        ]
        row += [f"{middle(run.printed / max(1, run.epochs) for run in mine):.3f}"]
        row += [f"{middle(run.best for run in mine):.4f}"]
        for found in levels.values():
            row.append(cell(lambda run, at, found=found: run.reached(found[at]), runs, name))
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    )


def draw(runs: list[list[Run]], levels: dict[str, list[float]], path: Path) -> None:
    """Draw the best loss over wall-clock time, one line a run."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for repeat, competitors in enumerate(runs):
        for number, run in enumerate(competitors):
            if not run.series:
                continue
            seconds, losses = zip(*run.series, (run.printed, run.best), strict=True)
            label = run.name if repeat == 0 else None
            axes.step(seconds, losses, where="post", color=f"C{number}", label=label)
            axes.plot(seconds[-1], losses[-1], "o", color=f"C{number}")
    for name, found in levels.items():
        if name.startswith("baseline"):
            axes.axhline(statistics.median(found), color="black", linewidth=0.7, linestyle=":")
            axes.text(1.0, found[0], name, transform=axes.get_yaxis_transform(), ha="right")
    axes.set(xscale="log", xlabel="seconds since the start of the process", ylabel="best val_loss")
    axes.xaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)
