"""Puts findings into words: what limits the value, what to do about it, and which change."""

from __future__ import annotations

from collections.abc import Mapping

from objectives.reading import counted
from sweeps.explain.changes import FINAL_VALUE
from sweeps.explain.curves import Shape
from sweeps.explain.plateau import PlateauProbeResult, PlateauResult
from sweeps.explain.runs import LEAST
from sweeps.explain.verdict import (
    CURVE,
    HELPS,
    HURTS,
    NOISE_OR_DATA,
    NOTHING,
    SUPPORTED,
    UNDECIDED,
    FinalValueResult,
    ProbeResult,
    Verdict,
)

CAUSES = {
    "capacity": "too little capacity",
    "rate_too_low": "a learning rate too low",
    "rate_too_high": "a learning rate too high",
    "schedule_too_early": "a schedule that drops the rate too early",
    "schedule_too_late": "a learning rate that does not drop, or drops too late",
    "too_little_time": "too little time",
    "overfitting": "overfitting",
    "optimizer": "the optimizer",
    NOISE_OR_DATA: "noise, or too little data",
    NOTHING: "nothing: little is left to gain",
    UNDECIDED: "undecided",
}
ADVICE: Mapping[str, str] = {
    "capacity": "Give the net more capacity: {text}.",
    "rate_too_low": "Raise the learning rate: {text}.",
    "rate_too_high": "Lower the learning rate: {text}.",
    "schedule_too_early": "Let the rate drop later, or not at all: {text}.",
    "schedule_too_late": "Let the rate drop once progress stalls: {text}.",
    "too_little_time": "Train longer: {text}.",
    "overfitting": "Hold it back: {text}.",
    "optimizer": "Take another optimizer: {text}.",
    NOTHING: "Leave it unchanged.",
}
LEVERS = {
    "learning_rate": "the learning rate",
    "effective_rate": "Adam's bias correction",
    "initial_scale": "the initial scale of the last layer",
    "width": "the width",
    "depth": "the depth",
    "optimizer": "the optimizer",
    "data": "the number of rows",
    NOTHING: "nothing that was tried",
    UNDECIDED: "undecided",
}


def phases(shape: Shape) -> str:
    """Return a curve's phases with their epochs."""
    return ", ".join(f"{p.name} {p.first}-{p.last}" for p in shape.phases)


def evidence(judged: ProbeResult, monitor: str) -> str:
    """Return a probe's difference, interval, significance and number of repeats."""
    d = judged.difference
    if d.n < 2:
        return f"{judged.probe.text}: {monitor} {d.mean:+.3g}, one repeat"
    return f"{judged.probe.text}: {monitor} {d}, p {judged.p:.2g}, {d.n} repeats"


def finding(verdict: Verdict, monitor: str) -> str:
    """Return what was found about one cause."""
    shown = verdict.best
    text = f"{CAUSES[verdict.cause]}: {verdict.outcome}"
    if shown is None:
        return f"{text}; not tried within the budget"
    text = f"{text}; {evidence(shown, monitor)}"
    return f"{text}; {needed(verdict.more)}" if verdict.outcome == UNDECIDED else text


def open_cause(verdict: Verdict) -> str:
    """Return an undecided cause and what would settle it."""
    if verdict.untried:
        return f"{CAUSES[verdict.cause]} ({counted(verdict.untried, 'probe')} to go)"
    return f"{CAUSES[verdict.cause]} ({needed(verdict.more)})"


def ahead(forecast: Mapping[str, float], monitor: str) -> str:
    """Return what more epochs would bring."""
    return (
        f"with more epochs: {monitor} {forecast['value']:.3g} "
        f"[{forecast['low']:.3g}, {forecast['high']:.3g}] at epoch {forecast['epoch']}, "
        f"from {forecast['curves']} other curves"
    )


def limit(final: FinalValueResult) -> str:
    """Return what limits the final value, or how far that is from being decided."""
    text = CAUSES[final.limit]
    if final.limit != UNDECIDED:
        return text
    untried = sum(v.untried for v in final.verdicts)
    if untried:
        return f"{text}; {counted(untried, 'probe')} still to run"
    open_ = [v for v in final.verdicts if v.outcome == UNDECIDED]
    # None of them can be ruled out until all are settled.
    known = [v.more for v in open_ if v.more is not None]
    if not open_:
        return text
    return f"{text}; {needed(max(known) if len(known) == len(open_) else None)}"


def lever(plateau: PlateauResult) -> str:
    """Return what sets the plateau's length, or how far that is from being decided."""
    text = LEVERS[plateau.lever]
    open_ = [r.more for r in plateau.probes if r.outcome == UNDECIDED]
    if plateau.lever != UNDECIDED or not open_:
        return text
    known = [more for more in open_ if more is not None]
    return f"{text}; {needed(min(known, default=None))}"


def needed(more: int | None) -> str:
    """Return how many more repeats would settle it."""
    if more is None:
        return "more repeats are unlikely to settle it"
    return f"about {more} more repeat{'s' * (more != 1)} would settle it"


def advice(final: FinalValueResult, complete: bool = True) -> tuple[str, ProbeResult | None]:
    """Return what to do in one or two sentences, and the probe whose change does it."""
    main = final.main
    if main is not None:
        helping = [j for j in main.evidence if j.outcome == HELPS and j.probe.name != CURVE]
        best = max(helping, key=lambda j: j.gain, default=None)
        if best is not None:
            return ADVICE[main.cause].format(text=best.probe.text), best
        return _against_overfitting(final.data), None
    if final.limit == NOISE_OR_DATA:
        return _about_data(final.data), None
    if final.limit == NOTHING:
        return ADVICE[NOTHING], None
    if not complete:
        return "Give explain more time (--budget): it continues where it stopped.", None
    return _about_undecided(final), None


def _about_undecided(final: FinalValueResult) -> str:
    tried = [
        j for v in final.verdicts for j in v.evidence if j.outcome == UNDECIDED and j.gain > 0
    ]
    best = max(tried, key=lambda j: j.gain, default=None)
    if best is None or best.probe.name == CURVE:
        return "Leave it unchanged: no change that was tried is clearly better."
    return (
        f"No change is clearly better; {best.probe.text} looks best after {best.difference.n} "
        f"repeats; {needed(best.more)}."
    )


def _against_overfitting(data: ProbeResult | None) -> str:
    text = "Stop at the best epoch, whose weights the sweep keeps; no other change does better."
    if data is not None and data.outcome == HURTS:
        text += " Get more rows: with half of them it is worse."
    return text


def _about_data(data: ProbeResult | None) -> str:
    if data is not None and data.outcome == HURTS:
        return (
            "Get more rows: nothing else that was tried helps, and with half of them it is worse."
        )
    if data is not None and data.outcome != UNDECIDED:
        return (
            "Look at the labels and at what the inputs leave out: nothing tried helps, and half "
            "of the rows do as well, so more of the same will not."
        )
    return "Get more rows or cleaner labels: nothing else that was tried helps."


def plateau_finding(result: PlateauProbeResult) -> str:
    """Return how a change moves the end of the plateau."""
    bound = " (some never left it: a bound)" if result.bounded else ""
    text = f"{result.probe.text}: {_times(result)}{bound}"
    return f"{text}; {needed(result.more)}" if result.outcome == UNDECIDED else text


def shortest(final: FinalValueResult, plateau: PlateauResult) -> PlateauProbeResult | None:
    """Return the change that shortens the plateau most, without a worse final value."""
    worse = {
        judged.probe.name
        for verdict in final.verdicts
        for judged in verdict.evidence
        if judged.gain < -final.worth
    }
    found = [
        r
        for r in plateau.probes
        if r.outcome == SUPPORTED and r.difference.mean < 0.0 and r.probe.name not in worse
    ]
    return min(found, key=lambda r: r.difference.mean, default=None)


def plateau_advice(
    final: FinalValueResult, plateau: PlateauResult
) -> tuple[str, PlateauProbeResult | None]:
    """Return what to do about the plateau, and the probe whose change does it."""
    best = shortest(final, plateau)
    if (
        best is None and any(r.difference.n < LEAST for r in plateau.probes)
    ) or not plateau.probes:
        return "What shortens the plateau was not tried within the budget.", None
    if best is None:
        return "Nothing that was tried clearly shortens the plateau.", None
    no_worse = " and ends no worse" if FINAL_VALUE in best.probe.asks else ""
    text = f"To shorten the plateau: {best.probe.text}, which makes it {_times(best)}{no_worse}."
    return text, best


def _times(result: PlateauProbeResult) -> str:
    ratio, low, high = result.ratio
    return f"{ratio:.2g} times as long [{low:.2g}, {high:.2g}]"
