"""The trials on the page: their table, where the time went, what pruning saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeps.report.given import Report
from sweeps.report.payload import RATE, metrics_shown
from sweeps.report.shapes import Column, Piece, columns, stacked
from sweeps.report.words import duration, number

if TYPE_CHECKING:
    from sweeps.study.ended import Ended

OUTCOMES = ("complete", "pruned", "infeasible", "diverged", "failed", "interrupted")
MOST_COLUMNS = 50  # of the picture of pruned epochs
LONGEST = 5  # trials that are listed
PARAMS = "params_"  # begins the columns of parameters, as in Python's `s.trials`


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and what it is sorted by where that is no text."""

    text: str
    order: float | int | None = None


@dataclass(frozen=True)
class Line:
    """A trial's cells. best: whether it is the best one."""

    cells: Sequence[Cell]
    best: bool


@dataclass(frozen=True)
class Curves:
    """The chart's choices, and the table of all trials.

    metrics: none where there are no curves. same: what every trial had, in words.
    """

    metrics: Sequence[str]
    looks: Sequence[str]
    names: Sequence[str]
    lines: Sequence[Line]
    same: str


@dataclass(frozen=True)
class Time:
    """Where the time went, by outcome, and the trials that took longest."""

    pieces: Sequence[Piece]
    lines: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Pruning:
    """How many trials ended early, where, and the epochs that it spared."""

    pruned: int
    early: int
    total: int
    saved: int
    pieces: Sequence[Piece]
    columns: Sequence[Column]
    last: int
    rungs: Sequence[int]


def curves(report: Report) -> Curves | None:
    """Return the chart of all trials with its table; None without a trial."""
    if not report.trials:
        return None
    metrics = metrics_shown(report.curves, report.summary.monitor)
    if any(RATE in frame.columns for frame in report.curves.values()):
        metrics = [*metrics, RATE]
    had = {trial.outcome for trial in report.trials}
    looks = [outcome for outcome in OUTCOMES if outcome in had]
    looks += ["baseline"] if report.summary.baseline is not None else []
    looks += ["best"] if report.summary.best is not None else []
    names = list(dict.fromkeys(name for trial in report.trials for name in trial.params))
    constant = {} if len(report.trials) < 2 else _constant(report.trials, names)
    varied = [name for name in names if name not in constant]
    beside = list(dict.fromkeys(name for trial in report.trials for name in trial.beside))
    return Curves(
        metrics=metrics,
        looks=looks,
        names=[
            *("trial", "outcome", report.summary.monitor, *beside, "best epoch", "epochs"),
            *(f"{PARAMS}{name}" for name in varied),
        ],
        lines=[_line(report, trial, varied, beside) for trial in report.trials],
        same=", ".join(f"{name} {number(value, 3)}" for name, value in constant.items()),
    )


def _constant(trials: Sequence[Ended], names: Sequence[str]) -> dict[str, Any]:
    """Return what all trials had alike."""
    first = trials[0].params
    return {
        name: first[name]
        for name in names
        if name in first and all(t.params.get(name) == first[name] for t in trials)
    }


def _line(report: Report, trial: Ended, names: Sequence[str], beside: Sequence[str]) -> Line:
    look = report.look(trial)
    roles = ["baseline"] * (trial.role == "baseline") + ["best"] * (look == "best")
    cells = [
        Cell(" ".join([f"#{trial.number}", *roles]), trial.number),
        Cell(trial.outcome),
        _value(trial),
        *(_cell(trial.beside.get(name), 4) for name in beside),
        _cell(trial.best_epoch, 4),
        _cell(trial.epochs, 4),
        *(_cell(trial.params.get(name), 3) for name in names),
    ]
    return Line(cells, look == "best")


def _value(trial: Ended) -> Cell:
    """Return the value, with its standard error where it is a mean over folds."""
    error = trial.metrics.get("standard_error")
    cell = _cell(trial.value, 4)
    return cell if error is None else Cell(f"{cell.text} ± {number(error, 2)}", cell.order)


def _cell(value: Any, digits: int) -> Cell:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(number(value, digits), value if numeric else None)


def time(report: Report) -> Time | None:
    """Return where the training time went; None where none was taken."""
    seconds = {
        o: sum(trial.seconds for trial in report.trials if trial.outcome == o) for o in OUTCOMES
    }
    pieces = [Piece(o, s, duration(s), f"--{o}") for o, s in seconds.items()]
    confirming = report.summary.confirming
    pieces.append(Piece("confirming", confirming, duration(confirming), "--best"))
    if not stacked(pieces):
        return None
    longest = sorted(report.trials, key=lambda trial: -trial.seconds)[:LONGEST]
    return Time(
        stacked(pieces),
        [
            (
                report.named(trial.number),
                trial.outcome,
                duration(trial.seconds),
                number(1000.0 * trial.seconds / trial.epochs, 3) if trial.epochs else "–",
            )
            for trial in longest
        ],
    )


def pruning(report: Report) -> Pruning | None:
    """Return what ending trials early saved, and at which epochs they ended; None where none."""
    pruned = [t for t in report.trials if t.outcome == "pruned"]
    early = [t for t in report.trials if t.outcome == "complete" and t.spared(report.max_epochs)]
    if not pruned and not early:
        return None
    ran = sum(trial.epochs for trial in report.trials)
    saved = sum(trial.spared(report.max_epochs) for trial in pruned + early)
    width = -(-report.max_epochs // MOST_COLUMNS)
    counts = [0] * -(-report.max_epochs // width)
    for trial in pruned + early:
        counts[min(max(trial.epochs - 1, 0) // width, len(counts) - 1)] += 1
    rungs = [min((rung - 1) // width, len(counts) - 1) for rung in report.rungs]
    return Pruning(
        pruned=len(pruned),
        early=len(early),
        total=len(report.trials),
        saved=saved,
        pieces=stacked(
            [
                Piece("epochs trained", ran, f"{ran:,}", "--complete"),
                Piece("epochs saved", saved, f"{saved:,}", "--line", saved=True),
            ]
        ),
        columns=columns(counts, rungs),
        last=report.max_epochs,
        rungs=report.rungs,
    )


def counts(found: Mapping[str, int]) -> str:
    """Return `17 complete, 41 pruned`."""
    return ", ".join(f"{count} {outcome}" for outcome, count in found.items() if count)
