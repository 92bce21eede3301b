"""The section of the average of nets: who is in it, with which weight, and what each adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeps.report.given import Report
from sweeps.report.shapes import Intervals, Row, intervals
from sweeps.report.words import number

FEWEST = 2


@dataclass(frozen=True)
class Nets:
    """rows: trial, weight, own value, what it adds. says: what that comes to, a line each."""

    monitor: str
    rows: Sequence[Sequence[str]]
    gaps: Intervals | None
    says: Sequence[str]


def section(report: Report) -> Nets | None:
    """Return what is shown of the average; None where there never can be one."""
    found = report.summary.average
    if found is None:
        return None
    if found.reason is not None or len(found.members) < FEWEST:
        reason = found.reason or f"none is better than #{found.number} alone"
        return Nets(report.summary.monitor, [], None, [f"No average of nets: {reason}."])
    values = {trial.number: trial.value for trial in report.trials}
    rows = [
        (
            report.named(of),
            number(weight),
            number(values.get(of)),
            number(found.adds.get(str(of))),
        )
        for of, weight in found.members
    ]
    return Nets(report.summary.monitor, rows, _gaps(report), list(_says(report)))


def _says(report: Report) -> Iterator[str]:
    found = report.summary.average
    if found is None:
        return
    gap = found.held_out
    if found.won and gap is not None and gap.mean >= 0.0:
        rows, single = f"{gap.n:,} validation rows", f"#{found.number} alone"
        yield f"{rows} cannot tell the average from {single}: export takes the average."
    elif found.won:
        yield f"The average leads #{found.number} alone, and export takes it."
    else:
        yield f"No gain: export takes #{found.number} alone (export --ensemble: the average)."
    yield "That is decided on validation rows that did not choose its nets, not on the test part."
    yield f"Choosing and scoring it took {found.seconds:.1f} s; no net was trained for it."


def _gaps(report: Report) -> Intervals:
    found = report.summary.average
    rows = []
    for name, gap in (
        ("validation rows apart", found and found.held_out),
        ("test part", found and found.on_test),
    ):
        if gap:
            real = gap.word == "real"
            style = "--open" if not real else "--good" if gap.mean < 0.0 else "--bad"
            title = f"average − #{found.number if found else ''}, loss, {name}"
            rows.append(Row(title, gap.mean, gap.low, gap.high, str(gap), style, hollow=not real))
    return intervals(rows)
