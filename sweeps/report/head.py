"""The head of a page: what was found against the baseline, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeps.report.draw import Row, intervals
from sweeps.report.html import Markup, duration, fill, join, number

if TYPE_CHECKING:
    from sweeps.report.page import Report

LINEAR = {"logistic": "logistic regression", "ridge": "ridge regression"}
FALLING = ("loss", "error", "brier", "mse", "mae", "crossentropy")


def header(report: Report, links: Sequence[tuple[str, str]]) -> Markup:
    """Return the head of the page: what was found, in one sentence."""
    summary = report.summary
    total = sum(summary["counts"].values())
    counts = ", ".join(f"{n} {k}" for k, n in summary["counts"].items() if n)
    return fill(
        '<header><p class="eyebrow">{names}</p><h1>{headline}</h1>'
        '<p class="lead">{lead}</p><p class="note">{total} trials, {time} of training: {counts}; '
        "{saved} of the epochs saved. {data}</p><nav>{links}</nav></header>",
        names=" · ".join(dict.fromkeys((summary["sweep"], summary["study"]))),
        headline=_headline(report),
        lead=_lead(report),
        total=total,
        time=duration(summary["seconds"]),
        counts=counts,
        saved=f"{summary['saved']:.0%}",
        data=f"Data: {report.data}." if report.data else "",
        links=join(
            (fill('<a href="#{key}">{title}</a>', key=key, title=title) for key, title in links),
            "\n",
        ),
    )


def _headline(report: Report) -> str:
    best, baseline = report.summary.get("best"), report.summary.get("baseline")
    if best is None:
        return "No trial was trained to its end yet"
    if baseline is not None and baseline["number"] == best["number"]:
        return "No trial beat the baseline"
    metric, means = _compared(report)
    if "baseline" not in means or metric not in means["baseline"]:
        return f"Trial {best['number']} is the best: {metric} {number(means['best'][metric])}"
    confirmed = report.confirmed or {}
    word = (confirmed.get("difference") or {}).get("word")
    verb = "may or may not beat" if word == "undecided" else "beats"
    if word == "real" and not _better(metric, confirmed["difference"]["mean"]):
        verb = "does not beat"
    return (
        f"Trial {best['number']} {verb} the baseline: {metric} "
        f"{number(means['best'][metric])} against {number(means['baseline'][metric])}"
    )


def _lead(report: Report) -> str:
    gap = (report.confirmed or {}).get("difference")
    if report.confirmed is None or gap is None:
        best = report.summary.get("best")
        return "" if best is None else "One seed each: --confirm tells luck from skill."
    real = "real, not luck" if gap["word"] == "real" else "undecided, it may be luck"
    return (
        f"Difference in {report.confirmed['metric']} {gap['mean']:+.3g} "
        f"[{gap['low']:+.3g}, {gap['high']:+.3g}] on {gap['n']} fresh seeds: {real}."
    )


def _compared(report: Report) -> tuple[str, Mapping[str, Mapping[str, float]]]:
    """Return the metric that decides and the scores by "best" and "baseline"."""
    summary, monitor = report.summary, report.summary["monitor"]
    if report.confirmed is not None:
        return report.confirmed["metric"], report.confirmed["means"]
    found = {}
    for role in ("best", "baseline"):
        if summary.get(role) is not None:
            final = (summary.get("final") or {}).get(role) or {}
            found[role] = {monitor: summary[role]["value"]} | dict(final)
    return monitor, found


def _better(metric: str, difference: float) -> bool:
    return (difference < 0.0) == any(word in metric for word in FALLING)


def result(report: Report) -> Markup:
    """Return the scores of the best trial and the baseline, and the confirmed difference."""
    if report.summary.get("best") is None:
        return Markup("")
    _, means = _compared(report)
    names = list(dict.fromkeys(n for scores in means.values() for n in scores))
    names = [n for n in names if n != "threshold" and not n.endswith("_at_threshold")]
    scored = [_scores(report, role, names, means) for role in ("baseline", "best")]
    table = fill(
        '<div class="card scroll"><table><thead><tr><th>{of}</th>{names}</tr></thead>'
        "<tbody>{body}</tbody></table></div>",
        of=f"mean of {report.confirmed['repeats']} seeds" if report.confirmed else "one seed",
        names=join(fill("<th>{name}</th>", name=n) for n in names),
        body=join([*scored, *_plain(report, names)]),
    )
    return fill(
        "<h2>Result</h2>{table}{gap}{notes}",
        table=table,
        gap=_gap(report.confirmed),
        notes=_notes([*report.notes, *_ties(report), *report.summary.get("hints", ())]),
    )


def _notes(lines: Sequence[str]) -> Markup:
    if not lines:
        return Markup("")
    items = join(fill("<li>{line}</li>", line=line[:1].upper() + line[1:]) for line in lines)
    return fill('<ul class="note">{items}</ul>', items=items)


def _scores(
    report: Report,
    role: str,
    names: Sequence[str],
    means: Mapping[str, Mapping[str, float]],
) -> Markup:
    trial = report.summary.get(role)
    if trial is None or role not in means:
        return Markup("")
    other = means.get("baseline" if role == "best" else "best", {})

    def cell(name: str) -> Markup:
        mine, theirs = means[role].get(name), other.get(name)
        wins = mine is not None and theirs is not None and _better(name, mine - theirs)
        win = Markup(' class="win"') if wins and mine != theirs else ""
        return fill("<td{win}>{value}</td>", win=win, value=number(mine))

    label = dict(zip(report.trials.index, report.trials.get("label", ()), strict=False))
    name = f"{role} #{trial['number']} {label.get(trial['number'], '')}"
    return fill("<tr><td>{name}</td>{cells}</tr>", name=name, cells=join(map(cell, names)))


def _plain(report: Report, names: Sequence[str]) -> Iterator[Markup]:
    """Return a line a plain model, with its scores on the test part."""
    found = ((report.summary.get("final") or {}).get("plain") or {}).get("metrics", {})
    numbers = any(name.startswith("ridge_") for name in found)
    titles = {"majority": "mean" if numbers else "majority vote"} | LINEAR
    for model, title in titles.items():
        scores = [found.get(f"{model}_{name.removeprefix('test_')}") for name in names]
        if any(score is not None for score in scores):
            cells = join(fill("<td>{value}</td>", value=number(score)) for score in scores)
            yield fill("<tr><td>{title}</td>{cells}</tr>", title=title, cells=cells)


def _gap(confirmed: Mapping[str, Any] | None) -> Markup:
    gap = (confirmed or {}).get("difference")
    if confirmed is None or gap is None:
        return Markup("")
    better = _better(confirmed["metric"], gap["mean"])
    style = "--open" if gap["word"] != "real" else "--good" if better else "--bad"
    row = Row(
        f"best − baseline, {confirmed['metric']}",
        gap["mean"],
        gap["low"],
        gap["high"],
        f"{gap['mean']:+.3g} [{gap['low']:+.3g}, {gap['high']:+.3g}]",
        style,
        hollow=gap["word"] != "real",
    )
    return fill('<div class="card">{row}</div>', row=intervals([row], 0.0))


def _ties(report: Report) -> Iterator[str]:
    ties = (report.confirmed or {}).get("ties") or ()
    if len(ties) > 1:
        yield f"Trials {', '.join(f'#{n}' for n in ties)} tie: their difference is undecided."
