"""What a summary looks like on a terminal. Nothing here decides or reads anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from objectives import Data, direction
from objectives.judging import threshold
from sweeps.cli import typed
from sweeps.explain.confirm import Confirmed
from sweeps.study.figures import FEWEST_FOR_IMPORTANCE
from sweeps.study.summary import FEWEST, Summary

SCORES = (
    "test_loss", "test_accuracy", "test_balanced_accuracy", "test_auc", "test_brier",
    "test_calibration_error",
)  # fmt: skip


def curves_text(page: str) -> str:
    """Return how the curves are seen. page: its address."""
    return f"curves   {typed('mlflow')} ui      then open {page}"


def time_text(seconds: float) -> str:
    """Return `42s`, `6m12s` or `1h05m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def data_text(data: Data) -> str:
    """Return `embedded, 60,000 x 64; train 40,000 / validation 10,000 / test 10,000`."""
    shape = " x ".join(f"{n:,}" for n in data.shape)
    if data.preprocessing is not None and len(data.shape) == 2:
        shape += " columns as the net sees them"
    parts = " / ".join(
        f"{name} {len(getattr(data, name)):,}" for name in ("train", "validation", "test")
    )
    return f"{data.source}, {shape}; {parts}"


def split_text(data: Data) -> str:
    """Return `stratified, validation 0.2, test 0.2, seed 0`; nothing where it came in parts."""
    split = dict(data.details.get("split", {}))
    kind = split.pop("kind", "")
    known = [f"{name} {value}" for name, value in split.items() if value is not None]
    return ", ".join([kind, *known]) if kind else ""


def counts_text(counts: Mapping[str, int]) -> str:
    """Return `17 complete, 41 pruned`."""
    known = ("complete", "pruned", "diverged", "failed")
    return ", ".join(f"{counts[name]} {name}" for name in known if counts.get(name))


def params_text(params: Mapping[str, Any]) -> str:
    """Return a config's parameters in one line, numbers to three digits."""
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in params.items()
    )


def summary_lines(
    summary: Summary,
    confirmed: Confirmed | None,
    labels: Mapping[int, str],
    data: Data,
) -> list[str]:
    """Return the end of a sweep, line by line. labels: of the trials that are shown."""
    total = sum(summary.counts.values())
    trials = "1 trial" if total == 1 else f"{total} trials"
    lines = [
        f"{summary.study}: {trials}, {time_text(summary.seconds)} of training "
        f"({counts_text(summary.counts)}; {summary.saved:.0%} of epochs saved)",
        f"data: {data_text(data)}",
    ]
    if summary.best is None:
        lines.append("no trial was trained to its end: nothing to compare yet")
    else:
        lines += _table(summary, confirmed, labels)
        lines += ((summary.final or {}).get("plain") or {}).get("lines", [])
        final = (summary.final or {}).get("best", {})
        says = threshold.words(final, data.details.get("threshold_for", ""))
        lines += [says] if says else []
        lines.append(f"best: {params_text(summary.best.params)}")
        lines.append(_top(summary, confirmed))
        lines += _next(summary)
    lines += [f"failed: {failure} (see sweep.log)" for failure in summary.failures[:3]]
    return lines


def _table(
    summary: Summary, confirmed: Confirmed | None, labels: Mapping[int, str]
) -> Iterator[str]:
    shown = dict(confirmed.means) if confirmed is not None else _single(summary)
    names = [n for n in shown["best"] if n != summary.monitor and not threshold.of_one(n)]
    second = summary.top[1] if len(summary.top) > 1 else None
    rows = [("baseline", summary.baseline, "baseline"), ("best", summary.best, "best")]
    if summary.best == summary.baseline:
        rows = [("baseline", summary.best, "best"), ("next", second, "next")]
    names.sort(key=lambda n: (SCORES.index(n) if n in SCORES else len(SCORES), n))
    note = "(one seed)"
    if confirmed is not None:
        one = confirmed.repeats == 1
        note = "(one fresh seed)" if one else f"(mean of {confirmed.repeats} fresh seeds)"
    head = "".join(f"{n:>{max(11, len(n) + 2)}}" for n in [summary.monitor, *names])
    yield f"{'':<34}{head}   {note}"
    for role, trial, key in rows:
        if trial is None or key not in shown:
            continue
        scores = shown[key]
        cells = "".join(
            f"{scores[n]:>{max(11, len(n) + 2)}.4g}" if n in scores else f"{'-':>11}"
            for n in [summary.monitor, *names]
        )
        yield f"  {role:<9}#{trial.number:<4}{labels.get(trial.number, ''):<18}{cells}"
    yield from _verdict(summary, confirmed)


def _verdict(summary: Summary, confirmed: Confirmed | None) -> Iterator[str]:
    if summary.best == summary.baseline and len(summary.top) == 1:
        yield "  the baseline alone was trained to its end: nothing to compare yet"
    elif summary.best == summary.baseline:
        yield "  no trial beat the baseline: keep it, or try more trials or a wider range"
    elif confirmed is None:
        return
    elif confirmed.difference is None:
        yield "  one fresh seed does not tell luck from skill: --confirm 5 does"
    else:
        gap = confirmed.difference
        word = "undecided, it may be luck"
        if gap.word == "real":
            better = (gap.mean < 0) == (direction(confirmed.metric) == "min")
            word = "real, not luck" if better else "real, and for the worse: take the baseline"
        yield f"  difference in {confirmed.metric} {gap}: {word}"


def _single(summary: Summary) -> dict[str, dict[str, float]]:
    found = {}
    second = summary.top[1] if len(summary.top) > 1 else None
    shown = (("baseline", summary.baseline), ("best", summary.best), ("next", second))
    for role, trial in shown:
        if trial is not None and trial.value is not None:
            found[role] = {summary.monitor: trial.value} | dict(
                (summary.final or {}).get(role, {})
            )
    return found


def _top(summary: Summary, confirmed: Confirmed | None) -> str:
    top = "  ".join(f"#{t.number} {t.value:.4g}" for t in summary.top)
    ties = confirmed.ties if confirmed is not None else ()
    tied = f"  ({', '.join(f'#{n}' for n in ties)} tie)" if len(ties) > 1 else ""
    return f"top {len(summary.top)}: {top}{tied}"


def _next(summary: Summary) -> Iterator[str]:
    if summary.importances:
        shares = list(summary.importances.items())
        listed = ", ".join(f"{name} {share:.0%}" for name, share in shares[:4])
        rest = sum(share for _, share in shares[4:])
        other = f", other {rest:.0%}" if rest >= 0.005 else ""
        yield f"matters: {listed}{other} (of {summary.counts['complete']} complete trials)"
    else:
        yield f"matters: too few complete trials to say ({FEWEST_FOR_IMPORTANCE} are needed)"
    yield from (f"next: {hint} --study NAME" for hint in summary.hints)
    if summary.counts.get("complete", 0) < FEWEST:
        yield "next: more trials; these are too few to say which range to widen"
    elif not summary.hints:
        yield "next: every best value is inside its range; more trials may still help"
