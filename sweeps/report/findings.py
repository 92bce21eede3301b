"""The section of an explanation: its curve, what limits it, what delays it, and what to do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeps.report.found import Advice, Finding, Forecast, Hypothesis, Judged, Waited
from sweeps.report.shapes import Intervals, Key, Row, intervals
from sweeps.report.words import arrows, number, upper

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


@dataclass(frozen=True)
class Change:
    """What to do, and the parameters that do it."""

    text: str
    code: str


@dataclass(frozen=True)
class Effects:
    """What changes the final value. undecided: what is not known, a line each."""

    rows: Intervals
    key: Sequence[Key]
    better: str
    worth: str
    undecided: Sequence[str]


@dataclass(frozen=True)
class Claim:
    """What people say of plateaus, whether it holds, and why."""

    outcome: str
    claim: str
    text: str


@dataclass(frozen=True)
class Lengths:
    """What sets the length of the initial plateau, and what people say of it."""

    rows: Intervals
    key: Sequence[Key]
    claims: Sequence[Claim]


@dataclass(frozen=True)
class Section:
    """One explanation. phases, ahead: sentences. key: the chart's lines."""

    name: str
    label: str
    monitor: str
    limit: str
    changes: Sequence[Change]
    phases: str
    runs: int
    complete: bool
    ahead: str
    key: Sequence[Key]
    effects: Effects | None
    lengths: Lengths | None


def section(found: Finding, sign: float) -> Section:
    """Return one explanation. sign: of its monitor."""
    reference = found.reference
    return Section(
        name=reference.name,
        label=reference.label,
        monitor=reference.monitor,
        limit=LIMITS.get(found.limit, found.limit),
        changes=list(_changes(found)),
        phases=_phases(found),
        runs=len(found.runs),
        complete=found.complete,
        ahead="" if found.forecast is None else _ahead(found.forecast),
        key=list(_key(found)),
        effects=_effects(found, sign),
        lengths=_lengths(found),
    )


def advised(found: Finding) -> str | None:
    """Return the probe that an explanation advises, the plateau's where nothing else is."""
    for advice in (found.advice, found.plateau_advice):
        if advice is not None and advice.probe:
            return advice.probe
    return None


def _changes(found: Finding) -> Iterator[Change]:
    advices: list[Advice | None] = [found.advice, found.plateau_advice]
    if found.limit == "nothing" and advices[1]:
        advices = advices[1:]
    for advice in advices:
        if advice is not None:
            change = (advice.change or {}).items()
            code = ", ".join(f"{name} = {number(value)}" for name, value in change)
            yield Change(arrows(advice.text), code)


def _phases(found: Finding) -> str:
    spans = ", ".join(f"{p.name} {p.first}–{p.last}" for p in found.curve.phases)
    best = f"best {found.reference.monitor} {number(found.curve.best)}"
    return f"Epochs: {spans}; {best} at epoch {found.curve.best_epoch}"


def _ahead(ahead: Forecast) -> str:
    return (
        f"If it went on: {number(ahead.value, 3)} [{number(ahead.low, 3)}, "
        f"{number(ahead.high, 3)}] at epoch {ahead.epoch}, an 80% interval from "
        f"{ahead.curves} other trials."
    )


def _key(found: Finding) -> Iterator[Key]:
    yield Key(found.reference.name, "--baseline")
    probe = advised(found)
    text = next((run.text for run in found.runs if run.probe == probe), None)
    if text:
        yield Key(arrows(text), "--complete")


def _effects(found: Finding, sign: float) -> Effects | None:
    final = found.final_value
    judged = [one for verdict in final.verdicts for one in verdict.evidence]
    judged += [final.data] if final.data is not None else []
    judged = [one for one in judged if one.sure]
    if not judged:
        return None
    rows = [_row(one) for one in sorted(judged, key=lambda one: sign * one.difference)]
    outcomes = {one.outcome for one in judged}
    return Effects(
        rows=intervals(rows, 0.0, final.worth),
        key=[Key(name, STYLES[name], name == OPEN) for name in STYLES if name in outcomes],
        better="left" if sign > 0 else "right",
        worth=number(final.worth, 2),
        undecided=[arrows(one.text) for one in final.verdicts if one.outcome == OPEN],
    )


def _row(judged: Judged) -> Row:
    return Row(
        arrows(judged.text),
        judged.difference,
        judged.low,
        judged.high,
        f"{judged.difference:+.3g}   p {judged.p:.1g}   n {judged.n}",
        STYLES.get(judged.outcome, "--pruned"),
        hollow=judged.outcome == OPEN,
    )


def _lengths(found: Finding) -> Lengths | None:
    if found.initial_plateau is None:
        return None
    verdicts = sorted(found.initial_plateau.verdicts, key=lambda verdict: verdict.ratio)
    outcomes = {verdict.outcome for verdict in verdicts}
    return Lengths(
        rows=intervals([_waited(verdict) for verdict in verdicts], 0.0, math.log(1.25)),
        key=[Key(*WAITS[outcome], outcome == OPEN) for outcome in WAITS if outcome in outcomes],
        claims=[_claim(hypothesis) for hypothesis in found.hypotheses],
    )


def _waited(verdict: Waited) -> Row:
    return Row(
        arrows(verdict.text.partition(":")[0]),
        math.log(verdict.ratio),
        None if not verdict.low else math.log(verdict.low),
        None if not verdict.high else math.log(verdict.high),
        f"× {number(verdict.ratio, 2)}{' or more' if verdict.bound else ''}",
        WAITS[verdict.outcome][1],
        hollow=verdict.outcome == OPEN,
    )


def _claim(hypothesis: Hypothesis) -> Claim:
    claim = HYPOTHESES.get(hypothesis.name, hypothesis.name.replace("_", " "))
    return Claim(hypothesis.outcome, claim, f"{upper(hypothesis.text)}.")
