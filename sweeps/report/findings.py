"""The section of an explanation: its curve, what limits it, what delays it, and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sweeps.report.draw import Row, dots, intervals
from sweeps.report.html import Markup, fill, join, number

LIMITS = {
    "capacity": "Too little capacity limits it",
    "rate_too_low": "The learning rate is too low",
    "rate_too_high": "The learning rate is too high",
    "schedule_too_early": "The schedule drops the rate too early",
    "schedule_too_late": "The learning rate should drop, or drop sooner",
    "too_little_time": "It needs more time",
    "overfitting": "It overfits",
    "optimizer": "Another optimizer does better",
    "noise_or_data": "What is left is noise, or more data",
    "nothing": "Nothing limits it: little is left to gain",
    "undecided": "What limits it is undecided",
}
HYPOTHESES = {
    "effective_rate_sweet_spot": "It ends when Adam’s effective rate reaches a sweet spot",
    "rate_too_low": "The learning rate is simply too low",
    "sgd_with_lower_rate": "SGD with a lower rate would help",
}
OPEN = "undecided"
STYLES = {"helps": "--good", "hurts": "--bad", "no help": "--pruned", OPEN: "--open"}
WAITS = {
    "supported": ("moves its end", "--complete"),
    "refuted": ("does not", "--pruned"),
    OPEN: (OPEN, "--open"),
}


def section(found: Mapping[str, Any], index: int, sign: float) -> Markup:
    """Return one explanation; `index` names its chart for the script. sign: of its monitor."""
    reference = found["reference"]
    return fill(
        '<div class="card"><h3 style="margin-top:0">{name} · {label}</h3>'
        '<p class="lead">{limit}.</p>{do}'
        '<p class="note">{phases}. {runs} runs on paired seeds{unfinished}.{ahead}</p>'
        '<div class="tools"><label><input type="checkbox" data-log> logarithmic</label>{key}</div>'
        '<div class="chart" data-finding="{index}"><canvas role="img" '
        'aria-label="{monitor} of {name} over the epochs"></canvas></div>'
        "{final}{plateau}</div>",
        name=reference["name"],
        label=reference["label"],
        limit=LIMITS.get(found["limit"], found["limit"]),
        do=_do(found),
        phases=_phases(found["curve"], reference["monitor"]),
        runs=len(found["runs"]),
        unfinished="" if found["complete"] else "; the budget ended before all were trained",
        ahead=_ahead(found),
        index=index,
        monitor=reference["monitor"],
        key=_key(found),
        final=_final(found, sign),
        plateau=_plateau(found),
    )


def _do(found: Mapping[str, Any]) -> Markup:
    advices = [found["advice"], found.get("plateau_advice")]
    if found["limit"] == "nothing" and advices[1]:
        advices = advices[1:]
    return fill('<div class="do">{lines}</div>', lines=join(_advice(a) for a in advices if a))


def _advice(advice: Mapping[str, Any]) -> Markup:
    change = advice.get("change") or {}
    text = ", ".join(f"{name} = {number(value)}" for name, value in change.items())
    code = fill(" <code>{text}</code>", text=text) if text else ""
    return fill("<p>{text}{code}</p>", text=arrows(advice["text"]), code=code)


def arrows(text: str) -> str:
    """Return a change with a proper arrow."""
    return text.replace(" -> ", " → ")


def _phases(curve: Mapping[str, Any], monitor: str) -> str:
    spans = ", ".join(f"{p['name']} {p['first']}–{p['last']}" for p in curve["phases"])
    return (
        f"Epochs: {spans}; best {monitor} {number(curve['best'])} at epoch {curve['best_epoch']}"
    )


def _ahead(found: Mapping[str, Any]) -> str:
    ahead = found.get("forecast")
    if not ahead:
        return ""
    return (
        f" If it went on: {number(ahead['value'], 3)} [{number(ahead['low'], 3)}, "
        f"{number(ahead['high'], 3)}] at epoch {ahead['epoch']}, an 80% interval from "
        f"{ahead['curves']} other trials."
    )


def _key(found: Mapping[str, Any]) -> Markup:
    probe = found["advice"].get("probe") or (found.get("plateau_advice") or {}).get("probe")
    text = next((run["text"] for run in found["runs"] if run["probe"] == probe), None)
    items = [("--baseline", found["reference"]["name"])]
    items += [("--complete", text)] if text else []
    return join(
        fill(
            '<span><i style="display:inline-block;width:1.3rem;border-top:3px solid var({style});'
            'vertical-align:.25rem;margin-right:.35rem"></i>{text}</span>',
            style=style,
            text=arrows(text),
        )
        for style, text in items
    )


def _final(found: Mapping[str, Any], sign: float) -> Markup:
    final, monitor = found["final_value"], found["reference"]["monitor"]
    judged = [j for v in final["verdicts"] for j in v["evidence"] if _has_interval(j)]
    judged += [final["data"]] if final["data"] and _has_interval(final["data"]) else []
    if not judged:
        return Markup("")
    rows = [_row(j) for j in sorted(judged, key=lambda j: sign * j["difference"])]
    better = "left of the line is better" if sign > 0 else "right of the line is better"
    return fill(
        '<h3>What changes its best {monitor}</h3><p class="note">Difference to {name} with 95% '
        "interval, on the same seeds; {better}. The band is too small to count (±{worth})."
        "{key}</p>{rows}{undecided}",
        monitor=monitor,
        name=found["reference"]["name"],
        better=better,
        worth=number(final["worth"], 2),
        key=dots({k: v for k, v in STYLES.items() if k in {j["outcome"] for j in judged}}, OPEN),
        rows=intervals(rows, 0.0, float(final["worth"])),
        undecided=_undecided(final["verdicts"]),
    )


def _has_interval(judged: Mapping[str, Any]) -> bool:
    return judged["low"] is not None and judged["high"] is not None


def _row(judged: Mapping[str, Any]) -> Row:
    return Row(
        arrows(judged["text"]),
        judged["difference"],
        judged["low"],
        judged["high"],
        f"{judged['difference']:+.3g}   p {judged['p']:.1g}   n {judged['n']}",
        STYLES.get(judged["outcome"], "--pruned"),
        hollow=judged["outcome"] == OPEN,
    )


def _undecided(verdicts: Sequence[Mapping[str, Any]]) -> Markup:
    lines = [
        fill(
            '<p class="note"><span class="chip undecided">undecided</span> {text}</p>',
            text=arrows(verdict["text"]),
        )
        for verdict in verdicts
        if verdict["outcome"] == OPEN
    ]
    return join(lines)


def _plateau(found: Mapping[str, Any]) -> Markup:
    plateau = found.get("initial_plateau")
    if not plateau:
        return Markup("")
    rows = [
        Row(
            arrows(verdict["text"].partition(":")[0]),
            math.log(verdict["ratio"]),
            None if not verdict["low"] else math.log(verdict["low"]),
            None if not verdict["high"] else math.log(verdict["high"]),
            f"× {number(verdict['ratio'], 2)}{' or more' if verdict['bound'] else ''}",
            WAITS[verdict["outcome"]][1],
            hollow=verdict["outcome"] == OPEN,
        )
        for verdict in sorted(plateau["verdicts"], key=lambda v: v["ratio"])
    ]
    outcomes = {verdict["outcome"] for verdict in plateau["verdicts"]}
    return fill(
        '<h3>What sets the length of the initial plateau</h3><p class="note">Steps until it is '
        "left, as a ratio to {name}’s with 95% interval; left of the line is shorter. The band "
        "is within a factor of 1.25.{key}</p>{rows}<h3>What people say of it</h3>{hypotheses}",
        name=found["reference"]["name"],
        key=dots(dict(WAITS[o] for o in WAITS if o in outcomes), OPEN),
        rows=intervals(rows, 0.0, math.log(1.25)),
        hypotheses=join(_hypothesis(h) for h in found["hypotheses"]),
    )


def _hypothesis(hypothesis: Mapping[str, Any]) -> Markup:
    name, outcome = hypothesis["name"], hypothesis["outcome"]
    return fill(
        '<div class="hypothesis"><span class="chip {outcome}">{outcome}</span><p>{claim}</p>'
        '<p class="note">{text}</p></div>',
        outcome=outcome,
        claim=HYPOTHESES.get(name, name.replace("_", " ")),
        text=hypothesis["text"][:1].upper() + hypothesis["text"][1:] + ".",
    )
