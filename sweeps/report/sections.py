"""The trials on the page: their curves, where the time went, what pruning saved, how to repeat."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeps.report.draw import Piece, columns, dots, stacked
from sweeps.report.html import Markup, duration, fill, join, number
from sweeps.report.payload import RATE, metrics_shown

if TYPE_CHECKING:
    from sweeps.report.page import Report

OUTCOMES = ("complete", "pruned", "diverged", "failed", "interrupted")
FIXED = ("role", "outcome", "value", "best_epoch", "epochs", "seconds", "label")
PARAMS = "params_"  # begins the columns of parameters
MOST_COLUMNS = 50  # of the picture of pruned epochs


def rows(report: Report) -> list[dict[str, Any]]:
    """Return the trials as plain data, their parameters apart; missing cells are None."""
    found = []
    for index, raw in zip(report.trials.index, report.trials.to_dict("records"), strict=True):
        cells = {str(name): _plain(value) for name, value in raw.items()}
        row: dict[str, Any] = {"number": int(index)} | {k: cells.get(k) for k in FIXED}
        row["epochs"], row["seconds"] = int(row["epochs"] or 0), float(row["seconds"] or 0.0)
        row["params"] = {
            name.removeprefix(PARAMS): value
            for name, value in cells.items()
            if name.startswith(PARAMS) and value is not None
        }
        found.append(row)
    return found


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value


def curves(report: Report, trials: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the chart of all trials with its controls."""
    metrics = metrics_shown(report.curves, report.summary["monitor"])
    if not metrics:
        return Markup("")
    if any(RATE in frame.columns for frame in report.curves.values()):
        metrics = [*metrics, RATE]
    looks = [outcome for outcome in OUTCOMES if any(t["outcome"] == outcome for t in trials)]
    if report.summary.get("baseline") is not None:
        looks.append("baseline")
    if report.summary.get("best") is not None:
        looks.append("best")
    options = join(fill('<option value="{m}">{m}</option>', m=m) for m in metrics)
    boxes = join(
        fill(
            '<label style="color:var(--{look})"><input type="checkbox" data-look="{look}" '
            "checked> {look}</label>",
            look=look,
        )
        for look in looks
    )
    return fill(
        '<h2>Curves</h2><p class="note">Every trial; a triangle marks a drop of its learning '
        'rate, a cross the end of one that diverged or failed.</p><div class="card">'
        '<div class="tools"><select id="metric" aria-label="metric">{options}</select>'
        '<label><input type="checkbox" id="log"> logarithmic</label>{boxes}</div>'
        '<div class="chart" id="curves"><canvas role="img" aria-label="curves of all trials">'
        "</canvas></div></div>{table}",
        options=options,
        boxes=boxes,
        table=_table(trials, report.summary["monitor"]),
    )


def _table(trials: Sequence[Mapping[str, Any]], monitor: str) -> Markup:
    names = list(dict.fromkeys(name for t in trials for name in t["params"]))
    head = (
        "trial",
        "outcome",
        monitor,
        "best epoch",
        "epochs",
        *(f"{PARAMS}{name}" for name in names),
    )
    lines = join(
        fill(
            "<tr>{cells}</tr>",
            cells=join(
                fill("<td>{value}</td>", value=value)
                for value in (
                    f"#{t['number']}" + (" baseline" if t["role"] == "baseline" else ""),
                    t["outcome"],
                    number(t["value"]),
                    number(t["best_epoch"]),
                    t["epochs"],
                    *(number(t["params"].get(name), 3) for name in names),
                )
            ),
        )
        for t in trials
    )
    return fill(
        '<details><summary>All {n} trials as a table</summary><div class="card scroll"><table>'
        "<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div></details>",
        n=len(trials),
        head=join(fill("<th>{name}</th>", name=name) for name in head),
        lines=lines,
    )


def time(report: Report, trials: Sequence[Mapping[str, Any]]) -> Markup:
    """Return where the training time went, by outcome, and the dearest trials."""
    seconds = {o: sum(t["seconds"] for t in trials if t["outcome"] == o) for o in OUTCOMES}
    if not any(seconds.values()):
        return Markup("")
    bar = stacked([Piece(o, s, duration(s), f"--{o}") for o, s in seconds.items()])
    dear = sorted(trials, key=lambda t: -t["seconds"])[:5]
    lines = join(
        fill(
            "<tr><td>{name}</td><td>{outcome}</td><td>{time}</td><td>{pace}</td></tr>",
            name=f"#{t['number']} {t['label'] or ''}",
            outcome=t["outcome"],
            time=duration(t["seconds"]),
            pace=number(1000.0 * t["seconds"] / t["epochs"], 3) if t["epochs"] else "–",
        )
        for t in dear
    )
    return fill(
        '<h2>Where the time went</h2><div class="card">{bar}</div><details><summary>The five '
        'trials that took longest</summary><div class="card scroll"><table><thead><tr><th>trial'
        "</th><th>outcome</th><th>training</th><th>ms an epoch</th></tr></thead><tbody>{lines}"
        "</tbody></table></div></details>",
        bar=bar,
        lines=lines,
    )


def pruning(report: Report, trials: Sequence[Mapping[str, Any]]) -> Markup:
    """Return what ending trials early saved, and at which epochs they ended."""
    pruned = [t for t in trials if t["outcome"] == "pruned"]
    early = [t for t in trials if t["outcome"] == "complete" and t["epochs"] < report.max_epochs]
    if not pruned and not early:
        return Markup("")
    ran = sum(t["epochs"] for t in trials)
    saved = sum(report.max_epochs - t["epochs"] for t in pruned + early)
    width = -(-report.max_epochs // MOST_COLUMNS)
    counts = [0] * -(-report.max_epochs // width)
    for t in pruned + early:
        counts[min(max(t["epochs"] - 1, 0) // width, len(counts) - 1)] += 1
    rungs = [min((rung - 1) // width, len(counts) - 1) for rung in report.rungs]
    return fill(
        '<h2>Pruning</h2><p class="note">{n} of {total} trials were stopped as hopeless{early}; '
        'trained to their last epoch they would have taken {saved} more.</p><div class="card">'
        '{bar}<h3>Epochs at which trials ended early</h3>{columns}<p class="note">{rungs}</p>'
        "</div>",
        n=len(pruned),
        early=f", and {len(early)} ended early since nothing better came" if early else "",
        total=len(trials),
        saved=f"{saved:,}",
        bar=stacked(
            [
                Piece("epochs trained", ran, f"{ran:,}", "--complete"),
                Piece("epochs saved", saved, f"{saved:,}", "--line", saved=True),
            ]
        ),
        columns=columns(counts, rungs, "epoch 1", f"epoch {report.max_epochs}"),
        rungs=fill(
            "Judged after epochs {rungs}.{key}",
            rungs=", ".join(map(str, report.rungs)),
            key=dots({"judged then": "--complete", "any other epoch": "--pruned"}, ""),
        )
        if report.rungs
        else "",
    )


def again(report: Report) -> Markup:
    """Return how to do it again: commands, config and versions."""
    commands = join(
        fill("<h3>{what}</h3><pre>{command}</pre>", what=what, command=command)
        for what, command in report.commands
    )
    config = (
        fill("<h3>Config of the best trial</h3><pre>{text}</pre>", text=report.config)
        if report.config
        else ""
    )
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    if not (commands or config or versions):
        return Markup("")
    return fill(
        '<h2>Do it again</h2>{commands}{config}<p class="note">{versions}</p>',
        commands=commands,
        config=config,
        versions=f"Made with {versions}." if versions else "",
    )


def footer(report: Report) -> Markup:
    """Return what this file is."""
    failures = join(
        fill("<p>Failed: {line}</p>", line=line) for line in report.summary.get("failures", ())
    )
    address = (
        fill("<p>In MLflow: <code>{a}</code></p>", a=report.address) if report.address else ""
    )
    return fill(
        "{failures}{address}<p>One file, made by keras-sweeps: it fetches nothing.</p>",
        failures=failures,
        address=address,
    )
