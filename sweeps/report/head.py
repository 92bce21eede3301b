"""The head of a page: what was found against the baseline, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sweeps.report.draw import Row, intervals
from sweeps.report.html import Markup, duration, fill, join, number

if TYPE_CHECKING:
    from sweeps.report.page import Report

LINEAR = {"logistic": "logistic regression", "ridge": "ridge regression"}
UNCONFIRMED = (
    "Unconfirmed: the best of several values on one seed each is partly luck; --confirm 5 trains "
    "the best trials on fresh seeds."
)
ONE_SEED = "Each was trained on one fresh seed, which does not tell luck from skill."


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
    against = (
        f"{metric} {number(means['best'][metric])} against {number(means['baseline'][metric])}"
    )
    if report.confirmed is None:
        return f"Trial {best['number']} leads the baseline on one seed: {against}"
    gap = report.confirmed.get("difference")
    verb = "may or may not beat"
    if gap is not None and gap["word"] == "real":
        verb = "beats" if _better(report, metric, gap["mean"]) else "does not beat"
    return f"Trial {best['number']} {verb} the baseline: {against}"


def _lead(report: Report) -> str:
    gap = (report.confirmed or {}).get("difference")
    if report.confirmed is None:
        return "" if report.summary.get("best") is None else UNCONFIRMED
    if gap is None:
        return ONE_SEED
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


def _better(report: Report, metric: str, difference: float) -> bool:
    """Return whether a difference is one for the better; of what nobody knows, never."""
    return report.signs.get(metric, 0.0) * difference < 0.0


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
        "<h2>Result</h2>{table}{gap}{standing}{notes}",
        table=table,
        standing=_standing(report),
        gap=_gap(report),
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
        wins = mine is not None and theirs is not None and _better(report, name, mine - theirs)
        win = Markup(' class="win"') if wins else ""
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


def _gap(report: Report) -> Markup:
    confirmed = report.confirmed
    gap = (confirmed or {}).get("difference")
    if confirmed is None or gap is None:
        return Markup("")
    better = _better(report, confirmed["metric"], gap["mean"])
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


def _standing(report: Report) -> Markup:
    """Return every confirmed trial's mean and spread beside the value on its own seed."""
    if report.confirmed is None:
        return Markup("")
    label = dict(zip(report.trials.index, report.trials.get("label", ()), strict=False))
    head = ("confirmed trial", "mean", "std", "own seed", "fresh seeds", "failed", "weights")
    lines = join(
        fill(
            "<tr>{cells}</tr>",
            cells=join(
                fill("<td>{value}</td>", value=value)
                for value in (
                    f"#{one['number']} {label.get(one['number'], '')}"
                    + (" baseline" if one["role"] == "baseline" else ""),
                    number(one["mean"]),
                    number(one["spread"], 2),
                    number(one["value"]),
                    one["seeds"],
                    one["failed"] or "",
                    number(one["parameters"]),
                )
            ),
        )
        for one in report.confirmed["trials"]
    )
    return fill(
        '<h3>Confirmed on fresh seeds, {monitor}</h3><div class="card scroll"><table><thead><tr>'
        "{head}</tr></thead><tbody>{lines}</tbody></table></div>",
        monitor=report.summary["monitor"],
        head=join(fill("<th>{name}</th>", name=name) for name in head),
        lines=lines,
    )


def _ties(report: Report) -> Iterator[str]:
    found = report.confirmed or {}
    if len(ties := found.get("ties") or ()) > 1:
        line = f"No clear difference between {', '.join(f'#{n}' for n in ties)}"
        smallest = found.get("smallest")
        yield line + (f"; the smallest of them is #{smallest}." if smallest is not None else ".")
    if (lead := found.get("lead")) is not None:
        yield f"#{lead} has a better value on its one seed, and is not confirmed."
