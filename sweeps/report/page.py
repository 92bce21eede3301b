"""One self-contained HTML file of a study: nothing is fetched, everything of the user's escaped.

From top to bottom: what was found against the baseline, the best so far, the curves, what
matters, where the time went, what pruning saved, why curves flatten, and how to do it again. The
templates say it; here is what they are given.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.report import averages, findings, head, shapes, trials, words
from sweeps.report.given import Report
from sweeps.report.payload import embedded, payload

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

    from sweeps.study.importance import Importances


@dataclass(frozen=True)
class Section:
    """A part of the page, drawn by the template of its name, where there is something to show."""

    template: str
    key: str
    title: str
    view: Any


@dataclass(frozen=True)
class Live:
    """Of a page that is served: it is loaded again where the version is another."""

    version: str
    says: str


@dataclass(frozen=True)
class Matters:
    """Each parameter's share of what sets the value. varied: whether any parameter did.

    fewest: complete trials that shares take.
    """

    found: Importances
    level: bool
    varied: bool
    fewest: int


def write(report: Report, path: Path) -> Path:
    """Write the page whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(render(report), encoding="utf-8")
    os.replace(part, path)
    return path


def waiting(live: Live) -> str:
    """Return the page that is served while no trial has ended."""
    return _environment().get_template("waiting.html").render(live=live)


def render(report: Report, live: Live | None = None) -> str:
    """Return the page. live: where it is served rather than kept."""
    data, curves = payload(report), trials.curves(report)
    summary = report.summary
    matters = Matters(summary.importances, summary.level, bool(data["axes"]), report.fewest)
    complete = summary.counts.get("complete", 0)
    sections = [
        Section("result", "found", "Result", head.result(report)),
        Section("average", "average", "Average of nets", averages.section(report)),
        Section("calibration", "calibration", "Calibration", shapes.marks(report.calibration)),
        Section("history", "history", "Best so far", complete),
        Section("curves", "curves-of-trials", "Curves" if report.curves else "Trials", curves),
        Section("matters", "matters", "Importance", matters if complete else None),
        Section("time", "time", "Time", trials.time(report)),
        Section("pruning", "pruning", "Pruning", trials.pruning(report)),
        Section(
            "why",
            "why",
            "Why it flattens",
            [findings.section(found, report.sign) for found in report.findings],
        ),
        Section(
            "again", "again", "Reproduce it", report.commands or report.config or report.versions
        ),
    ]
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            summary=summary,
            headline=head.headline(report),
            lead=head.lead(report),
            counts=trials.counts(summary.counts),
            sections=[section for section in sections if section.view],
            data=embedded(data),
            live=live,
        )
    )


def breakable(name: str) -> Markup:
    """Return a name, escaped, that may be broken after its underscores."""
    import markupsafe

    return markupsafe.escape(name).replace("_", markupsafe.Markup("_<wbr>"))


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    def load(name: str) -> str:
        return (files("sweeps.report") / "templates" / name).read_text(encoding="utf-8")

    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(load),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": words.number, "duration": words.duration, "breakable": breakable}
    made.globals |= {"own": load, "shapes": shapes}
    return made
