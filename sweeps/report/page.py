"""One self-contained HTML file of a study: nothing is fetched, everything of the user's escaped.

From top to bottom: what was found against the baseline, the curves, what matters, where the time
went, what pruning saved, why curves flatten, and how to do it again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.report import calibration, findings, head, payload, sections
from sweeps.report.html import Markup, embedded, fill, join

if TYPE_CHECKING:
    import pandas as pd

FIGURES = {
    "importances": "Share of what sets the value, by parameter. Complete trials only.",
    "slice": "Every complete trial, one parameter at a time.",
    "parallel": "Every complete trial as one line: drag along an axis to select.",
}


@dataclass(frozen=True)
class Report:
    """Everything that a page shows, as plain data and data frames.

    summary: the study's (study, sweep, monitor, mode, counts, seconds, epochs, saved, best,
    baseline, importances, hints, failures, final). trials: a row an ended trial, by number, with
    role, outcome, value, best_epoch, epochs, seconds, maybe label, and `params_NAME` a parameter.
    curves: number -> a row an epoch, a column a metric. confirmed: repeats, metric, means,
    difference, ties, smallest, lead and a mapping each of `trials`; None where nothing was.
    direction: "min" or "max" of a metric. rungs: epochs at which trials are judged.
    figures: name -> Plotly figure as plain data. findings: explanations as `explain --json`
    writes them. commands: (what it does, command line). config: the best trial's, as text.
    notes: further lines, such as plain models that a net has to beat. calibration: points of the
    best trial's reliability curve (rows, said, seen).
    """

    summary: Mapping[str, Any]
    trials: pd.DataFrame
    curves: Mapping[int, pd.DataFrame]
    max_epochs: int
    direction: Callable[[str], str]
    data: str = ""
    confirmed: Mapping[str, Any] | None = None
    rungs: Sequence[int] = ()
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    commands: Sequence[tuple[str, str]] = ()
    config: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    calibration: Sequence[Mapping[str, float]] = ()
    address: str | None = None


def write(report: Report, path: Path) -> Path:
    """Write the page whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(render(report), encoding="utf-8")
    os.replace(part, path)
    return path


def render(report: Report) -> str:
    """Return the page."""
    rows = sections.rows(report)
    shown = [name for name in FIGURES if report.figures.get(name, {}).get("data")]
    parts = [
        ("found", "Result", head.result(report)),
        ("calibration", "Calibration", calibration.section(report.calibration)),
        ("curves-of-trials", "Curves", sections.curves(report, rows)),
        ("matters", "What matters", _figures(report, shown)),
        ("time", "Time", sections.time(report, rows)),
        ("pruning", "Pruning", sections.pruning(report, rows)),
        ("why", "Why it flattens", _findings(report.findings)),
        ("again", "Do it again", sections.again(report)),
    ]
    present = [(key, title, body) for key, title, body in parts if body]
    return fill(
        _template("page.html"),
        title=f"{report.summary['study']} · sweep report",
        css=Markup(_template("page.css")),
        header=head.header(report, [(key, title) for key, title, _ in present]),
        sections=join(
            fill('<section id="{key}">{body}</section>', key=key, body=body)
            for key, _, body in present
        ),
        footer=sections.footer(report),
        data=embedded(_data(report, rows, shown)),
        plotly=fill("<script>{js}</script>", js=Markup(_plotly())) if shown else "",
        chart=Markup(_template("chart.js")),
        page=Markup(_template("page.js")),
    )


def _data(
    report: Report, rows: Sequence[Mapping[str, Any]], shown: Sequence[str]
) -> dict[str, Any]:
    metrics = payload.metrics_shown(report.curves, report.summary["monitor"])
    best = (report.summary.get("best") or {}).get("number")
    return {
        "trials": [
            payload.trial(row, report.curves.get(row["number"]), metrics, best) for row in rows
        ],
        "findings": [payload.finding(found) for found in report.findings],
        "figures": {name: payload.safe_figure(report.figures[name]) for name in shown},
    }


def _figures(report: Report, shown: Sequence[str]) -> Markup:
    if not shown:
        return Markup("")
    few = "Too few complete trials to say how much each parameter matters."
    if report.summary.get("level"):
        few = "No parameter matters: all complete trials have the same value."
    return fill(
        "<h2>What matters</h2>{few}{figures}",
        few="" if "importances" in shown else fill('<p class="note">{few}</p>', few=few),
        figures=join(
            fill(
                '<div class="card keep"><p class="note">{text}</p><div class="figure {name}">'
                '<div data-figure="{name}"></div></div></div>',
                text=FIGURES[name],
                name=name,
            )
            for name in shown
        ),
    )


def _findings(found: Sequence[Mapping[str, Any]]) -> Markup:
    if not found:
        return Markup("")
    return fill(
        '<h2>Why it flattens</h2><p class="note">From controlled probes: one thing changed at a '
        "time, on the same seeds and the same order of the rows.</p>{parts}",
        parts=join(findings.section(one, index) for index, one in enumerate(found)),
    )


@cache
def _template(name: str) -> str:
    return (files("sweeps.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    # A closing tag in a string of the library would end the script element.
    return str(get_plotlyjs()).replace("</script", "<\\/script")
