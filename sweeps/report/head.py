"""The head of a page: what was found against the baseline, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeps.report.given import Report
from sweeps.report.shapes import Intervals, Row, intervals
from sweeps.report.words import number, upper

UNCONFIRMED = (
    "Unconfirmed: the best of several values on one seed each is partly luck; --confirm 5 trains "
    "the best trials on fresh seeds."
)
ONE_SEED = "Each was trained on one fresh seed, which does not tell luck from skill."
ROLES = ("baseline", "best")

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Cell:
    """A score, and whether it is better than the other net's."""

    text: str
    wins: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a table."""

    name: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Result:
    """The scores of the best trial, the baseline and plain models, and how sure the gap is.

    of: what the scores are of. standing: every confirmed trial's mean and spread beside the value
    on its own seed.
    """

    of: str
    names: Sequence[str]
    lines: Sequence[Line]
    gap: Intervals | None
    standing: Sequence[Sequence[str]]
    notes: Sequence[str]


def headline(report: Report) -> str:
    """Return what was found, in one sentence that says no more than the evidence."""
    best, baseline = report.summary.best, report.summary.baseline
    if best is None:
        return "No trial is complete yet"
    if baseline is not None and baseline.number == best.number:
        return "No trial beat the baseline"
    metric, means = _compared(report)
    if "baseline" not in means or metric not in means["baseline"]:
        return f"Trial {best.number} is the best: {metric} {number(means['best'][metric])}"
    values = (number(means[role][metric]) for role in ("best", "baseline"))
    against = f"{metric} {' against '.join(values)}"
    if report.confirmed is None:
        return f"Trial {best.number} leads the baseline on one seed: {against}"
    gap = report.confirmed.difference
    verb = "may or may not beat"
    if gap is not None and gap.word == "real":
        verb = "beats" if _better(report, metric, gap.mean) else "does not beat"
    return f"Trial {best.number} {verb} the baseline: {against}"


def lead(report: Report) -> str:
    """Return how sure that is."""
    if report.confirmed is None:
        return "" if report.summary.best is None else UNCONFIRMED
    gap = report.confirmed.difference
    if gap is None:
        return ONE_SEED
    real = "real, not luck" if gap.word == "real" else "undecided, it may be luck"
    return f"Difference in {report.confirmed.metric} {gap} on {gap.n} fresh seeds: {real}."


def result(report: Report) -> Result | None:
    """Return the table below it; None where no trial is complete."""
    if report.summary.best is None:
        return None
    _, means = _compared(report)
    names = list(dict.fromkeys(name for scores in means.values() for name in scores))
    names = [n for n in names if n != "threshold" and not n.endswith("_at_threshold")]
    confirmed = report.confirmed
    return Result(
        of=f"mean of {confirmed.repeats} seeds" if confirmed else "one seed",
        names=names,
        lines=[*_nets(report, names, means), *_plain(report, names)],
        gap=_gap(report),
        standing=list(_standing(report)),
        notes=[upper(n) for n in (*report.notes, *_ties(report), *report.summary.hints)],
    )


def _compared(report: Report) -> tuple[str, Mapping[str, Scores]]:
    """Return the metric that decides and the scores by "best" and "baseline"."""
    summary = report.summary
    if report.confirmed is not None:
        return report.confirmed.metric, report.confirmed.means
    trials = {"best": summary.best, "baseline": summary.baseline}
    return summary.monitor, {
        role: ({} if trial.value is None else {summary.monitor: trial.value})
        | dict((summary.final or {}).get(role) or {})
        for role, trial in trials.items()
        if trial is not None
    }


def _better(report: Report, metric: str, difference: float) -> bool:
    """Return whether a difference is one for the better; of what nobody knows, never."""
    return report.signs.get(metric, 0.0) * difference < 0.0


def _nets(report: Report, names: Sequence[str], means: Mapping[str, Scores]) -> Iterator[Line]:
    trials = (report.summary.baseline, report.summary.best)
    for role, other, trial in zip(ROLES, reversed(ROLES), trials, strict=True):
        if trial is None or role not in means:
            continue
        mine, theirs = means[role], means.get(other, {})
        yield Line(
            f"{role} {report.named(trial.number)}",
            [
                Cell(
                    number(mine.get(name)),
                    name in mine
                    and name in theirs
                    and _better(report, name, mine[name] - theirs[name]),
                )
                for name in names
            ],
        )
    found = report.summary.average
    if found is not None and len(found.members) > 1:
        cells = [Cell(number(found.scores.get(name))) for name in names]
        yield Line(f"average of {len(found.members)} nets, own seeds", cells)


def _plain(report: Report, names: Sequence[str]) -> Iterator[Line]:
    """Return a line a plain model, with its scores on the test part."""
    for model in report.plain:
        if any(name in model.scores for name in names):
            yield Line(model.title, [Cell(number(model.scores.get(name))) for name in names])


def _gap(report: Report) -> Intervals | None:
    confirmed = report.confirmed
    if confirmed is None or confirmed.difference is None:
        return None
    gap = confirmed.difference
    better = _better(report, confirmed.metric, gap.mean)
    style = "--open" if gap.word != "real" else "--good" if better else "--bad"
    name = f"best − baseline, {confirmed.metric}"
    row = Row(name, gap.mean, gap.low, gap.high, str(gap), style, hollow=gap.word != "real")
    return intervals([row])


def _standing(report: Report) -> Iterator[Sequence[str]]:
    for one in report.confirmed.trials if report.confirmed is not None else ():
        yield (
            report.named(one.number) + (" baseline" if one.role == "baseline" else ""),
            number(one.mean),
            number(one.spread, 2),
            number(one.value),
            str(one.seeds) + (", left out" if one.out else ""),
            str(one.failed or ""),
            number(one.parameters),
        )


def _ties(report: Report) -> Iterator[str]:
    found = report.confirmed
    if found is None:
        return
    if found.share:
        yield f"Confirmed with {found.runs} runs, {found.share:.0%} of the trials' epochs."
    if len(found.ties) > 1:
        line = f"No clear difference between {', '.join(f'#{n}' for n in found.ties)}"
        out = any(one.out for one in found.trials if one.number in found.ties)
        which = "that was not left out" if out else "of them"
        known = found.smallest is not None
        yield line + (f"; the smallest {which} is #{found.smallest}." if known else ".")
    if found.lead is not None:
        yield f"#{found.lead} has a better value on its one seed, and is not confirmed."
