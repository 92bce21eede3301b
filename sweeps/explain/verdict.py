"""What limits the final value: each probe is compared with the reference in pairs, cause by cause.

A probe helps if the paired t test says so after Holm's correction for the number of probes, and
the gain is large enough to count. It does not help if the whole interval is below that. Otherwise
it is undecided, and the result says how many more repeats would settle it if mean and spread stay
the same. Fewer than three repeats decide nothing, and no limit is named until all wanted probes
ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweeps.explain.changes import FINAL_VALUE, Probe, Reference
from sweeps.explain.curves import OVERFITTING, Shape
from sweeps.explain.levels import fitted, remaining, shape_of, start_of
from sweeps.explain.runs import FIRST, LEAST, Run
from sweeps.study.statistics import REAL, Difference, holm, margin, paired, repeats_to_settle

SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
HELPS, NO_HELP, HURTS = "helps", "no help", "hurts"

WORTH = 0.02  # share of the progress from start to best: smaller gains do not count
FLOOR = 0.5  # share of the start: the least progress assumed for WORTH
LITTLE = 0.05  # share of the start: if less remains, there is nothing left to gain
SIGNIFICANT = 0.05
TIE = 0.8  # share of the largest gain: a cause with this much may explain the others
NEAR = 0.5  # share of the largest gain: so may one with this much, unless clearly less

# If several causes gain about the same, the first of these is named: a higher rate also makes up
# for an early drop, a drop for too high a rate, and more time or units for too low a rate.
FIRST_CAUSES = (
    "schedule_too_early",
    "rate_too_high",
    "rate_too_low",
    "schedule_too_late",
    "overfitting",
    "too_little_time",
    "capacity",
    "optimizer",
)
NOTHING, NOISE_OR_DATA = "nothing", "noise_or_data"
CURVE = "end_against_best"  # evidence that the reference's own runs give


@dataclass(frozen=True)
class ProbeResult:
    """A probe compared with the reference.

    difference: probe minus reference, in the monitor's unit. gain: positive if better. p: after
    Holm's correction. outcome: helps, no help (the whole interval is below what counts), hurts
    (only for less data) or undecided. more: repeats that would settle it; None if more than a
    thousand. values: of its runs.
    """

    probe: Probe
    difference: Difference
    gain: float
    p: float
    outcome: str
    runs: tuple[Run, ...]
    more: int | None = 0
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether one cause limits the final value.

    effect: the gain of its best probe, in the monitor's unit. more: repeats that would settle it.
    untried: how many of its probes were not run, or too rarely to decide anything.
    """

    cause: str
    outcome: str
    effect: float
    evidence: tuple[ProbeResult, ...]
    more: int | None = 0
    untried: int = 0

    @property
    def best(self) -> ProbeResult | None:
        """The probe with the largest gain, among those that help if there are any."""
        helping = [judged for judged in self.evidence if judged.outcome == HELPS]
        return max(helping or self.evidence, key=lambda judged: judged.gain, default=None)

    @property
    def idle(self) -> bool:
        """Whether no probe changed any run, as with a schedule that never drops the rate."""
        differences = [judged.difference for judged in self.evidence]
        return bool(differences) and all(d.mean == 0.0 and d.spread == 0.0 for d in differences)


@dataclass(frozen=True)
class FinalValueResult:
    """What limits the final value.

    limit: a cause, "nothing", "noise_or_data" or "undecided". worth: the smallest gain that
    counts.
    remaining: what is left of the first level at the best epoch, None if no floor is known. data:
    the probe with half the rows, None if it was not run. unfinished: probes whose further repeats
    could settle something.
    """

    limit: str
    verdicts: tuple[Verdict, ...]
    worth: float
    remaining: float | None
    data: ProbeResult | None
    unfinished: tuple[Probe, ...]

    @property
    def main(self) -> Verdict | None:
        """The verdict on the limit, None if no cause was found."""
        return next((v for v in self.verdicts if v.cause == self.limit), None)


def judge(
    reference: Reference, base: Sequence[Run], probed: Sequence[tuple[Probe, Sequence[Run]]]
) -> FinalValueResult:
    """Judge all probes of the final value, and each cause by its probes.

    base: the reference's runs, each with a finite epoch. probed: all wanted probes with their runs
    so far. Runs are in the order of the repeats.
    """
    shapes = [shape_of(run, reference) for run in base]
    starts = [start_of(run, s, reference) for run, s in zip(base, shapes, strict=True)]
    start = mean(starts)
    progress = mean([abs(a - s.best) for a, s in zip(starts, shapes, strict=True)])
    worth = WORTH * max(progress, FLOOR * abs(start))

    def levels(runs: Sequence[Run]) -> list[float]:
        return [
            start if run.outcome != "complete" else shape_of(run, reference).best for run in runs
        ]

    asked = [(p, its) for p, its in probed if FINAL_VALUE in p.asks and not _failed(its)]
    tried = [(p, its, levels(its)) for p, its in asked if its]
    judged = _judged(reference, levels(base), tried, worth)
    curve = _end_against_best(reference, base, shapes, worth)
    verdicts = []
    for cause in sorted({p.cause for p, _ in asked} & {*FIRST_CAUSES} | {"overfitting"}):
        its = [j for j in judged if j.probe.cause == cause]
        if cause == "overfitting":
            its = [curve, *(j for j in its if not _fits_better(j, base))]
        untried = sum(len(runs) < LEAST for p, runs in asked if p.cause == cause)
        verdicts.append(_verdict(cause, its, untried))
    verdicts.sort(key=lambda v: (v.cause == "overfitting", FIRST_CAUSES.index(v.cause)))
    shares = [remaining(run, s, reference) for run, s in zip(base, shapes, strict=True)]
    left = [share for share in shares if share is not None]
    data = next((j for j in judged if j.probe.cause == "data"), None)
    found = mean(left) if left else None
    limit = UNDECIDED if len(base) < LEAST else _limit(verdicts, found)
    return FinalValueResult(
        limit, tuple(verdicts), worth, found, data, _unfinished(verdicts, data)
    )


def _failed(runs: Sequence[Run]) -> bool:
    return any(run.outcome == "failed" for run in runs)


def _judged(
    reference: Reference,
    base: Sequence[float],
    probed: Sequence[tuple[Probe, Sequence[Run], list[float]]],
    worth: float,
) -> list[ProbeResult]:
    found = []
    for probe, runs, values in probed:
        n = min(len(base), len(values))
        difference = paired(values[:n], base[:n], metric=reference.monitor.name)
        found.append(
            ProbeResult(
                probe,
                difference,
                -reference.monitor.sign * difference.mean,
                difference.p,
                "",
                tuple(runs[:n]),
                values=tuple(values[:n]),
            )
        )
    corrected = holm([judged.p for judged in found])
    return [
        _with_outcome(replace(judged, p=p), worth)
        for judged, p in zip(found, corrected, strict=True)
    ]


def _with_outcome(judged: ProbeResult, worth: float) -> ProbeResult:
    difference, gain = judged.difference, judged.gain
    if difference.n < LEAST:
        return replace(judged, outcome=UNDECIDED, more=FIRST - difference.n)
    half = margin(difference.spread, difference.n)
    real = judged.p < SIGNIFICANT and difference.word == REAL
    if judged.probe.cause == "data":
        decided = HURTS if real and gain <= -worth else NO_HELP if gain - half > -worth else ""
        distance = max(-gain, gain + worth)
    else:
        decided = HELPS if real and gain >= worth else NO_HELP if gain + half < worth else ""
        distance = gain if gain >= worth else worth - gain
    if decided:
        return replace(judged, outcome=decided)
    # To help, it must also pass Holm's correction, which is stricter than its interval.
    strict = max(1.0, judged.p / difference.p) if distance == abs(gain) and difference.p else 1.0
    level = 1.0 - SIGNIFICANT / strict
    more = repeats_to_settle(distance, difference.spread, difference.n, level)
    return replace(judged, outcome=UNDECIDED, more=None if more is None else max(1, more))


def _verdict(cause: str, judged: Sequence[ProbeResult], untried: int) -> Verdict:
    """Return a verdict: supported if a probe helps, refuted if none does, else undecided."""
    helping = [j for j in judged if j.outcome == HELPS]
    open_ = [j for j in judged if j.outcome == UNDECIDED]
    effect = max((j.gain for j in helping or judged), default=0.0)
    if helping:
        return Verdict(cause, SUPPORTED, effect, tuple(judged), untried=untried)
    if open_ or untried:
        needed = [j.more for j in open_ if j.more is not None] + [FIRST] * (not open_)
        more = min(needed, default=None)
        return Verdict(cause, UNDECIDED, effect, tuple(judged), more, untried)
    return Verdict(cause, REFUTED, effect, tuple(judged))


def _end_against_best(
    reference: Reference, base: Sequence[Run], shapes: Sequence[Shape], worth: float
) -> ProbeResult:
    """Return how much worse the reference's runs end than they were at their best."""
    probe = replace(
        reference.as_probe(),
        name=CURVE,
        cause="overfitting",
        text="the last epochs against the best ones",
    )
    whole = [s for s, run in zip(shapes, base, strict=True) if run.outcome == "complete"]
    if len(whole) < LEAST:
        nothing, few = paired([0.0], [0.0]), len(base) < LEAST
        outcome, needed = (UNDECIDED, FIRST - len(base)) if few else (NO_HELP, 0)
        return ProbeResult(probe, nothing, 0.0, 1.0, outcome, tuple(base), needed)
    ends, bests = [s.end for s in whole], [s.best for s in whole]
    difference = paired(ends, bests, metric=reference.monitor.name)
    lost = abs(difference.mean)
    rises = sum(any(p.name == OVERFITTING for p in s.phases) for s in whole) > len(whole) / 2
    judged = ProbeResult(
        probe, difference, lost if rises else 0.0, difference.p, NO_HELP, tuple(base)
    )
    if not rises or lost + margin(difference.spread, difference.n) < worth:
        return judged
    if difference.word == REAL and lost >= worth:
        return replace(judged, outcome=HELPS)
    distance = lost if lost >= worth else worth - lost
    more = repeats_to_settle(distance, difference.spread, difference.n)
    return replace(judged, outcome=UNDECIDED, more=more)


def _fits_better(judged: ProbeResult, base: Sequence[Run]) -> bool:
    """Return whether the training loss clearly improves too: then it cures no overfitting."""
    both = [(fitted(a), fitted(b)) for a, b in zip(judged.runs, base, strict=False)]
    pairs = [(a, b) for a, b in both if a is not None and b is not None]
    if len(pairs) < LEAST:
        return False
    difference = paired([a for a, _ in pairs], [b for _, b in pairs])
    return difference.mean < 0.0 and difference.word == REAL


def _limit(verdicts: Sequence[Verdict], left: float | None) -> str:
    supported = [v for v in verdicts if v.outcome == SUPPORTED]
    if left is not None and left <= WORTH and not supported:
        return NOTHING  # no probe could gain enough to count
    if any(v.untried for v in verdicts):
        return UNDECIDED  # an untried cause may gain more
    if supported:
        most = max(supported, key=lambda v: v.effect)
        tied = [v.cause for v in supported if _ties(v, most)]
        return min(tied, key=FIRST_CAUSES.index)
    if any(v.outcome == UNDECIDED for v in verdicts) or len(verdicts) < 2:
        return UNDECIDED
    return NOTHING if left is not None and left <= LITTLE else NOISE_OR_DATA


def _ties(one: Verdict, most: Verdict) -> bool:
    """Return whether a cause may gain as much as the one that gains most."""
    values, others = ((v.best.values if v.best else ()) for v in (one, most))
    n = min(len(values), len(others))
    if one.effect >= TIE * most.effect or one.effect < NEAR * most.effect or n < LEAST:
        return one.effect >= TIE * most.effect
    return paired(values[:n], others[:n]).word != REAL


def _unfinished(verdicts: Sequence[Verdict], data: ProbeResult | None) -> tuple[Probe, ...]:
    judged = [j for v in verdicts for j in v.evidence if v.outcome == UNDECIDED]
    judged += [data] if data is not None else []
    return tuple(j.probe for j in judged if j.outcome == UNDECIDED)


def mean(values: Sequence[float]) -> float:
    """Return the mean; statistics.fmean rounds differently, and recorded digits would change."""
    return sum(values) / len(values)
