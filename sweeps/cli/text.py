"""What a summary looks like on a terminal. Nothing here decides or reads anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from objectives import Data
from sweeps.study.storage import Ended
from sweeps.study.summary import Summary

SCORES = ("loss", "accuracy", "auc")


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
    parts = " / ".join(
        f"{name} {len(getattr(data, name)):,}" for name in ("train", "validation", "test")
    )
    return f"{data.source}, {shape}; {parts}"


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


def summary_lines(summary: Summary, data: Data, program: str, address: str | None) -> list[str]:
    """Return the end of a sweep, line by line."""
    total = sum(summary.counts.values())
    lines = [
        f"{summary.study}: {total} trials, {time_text(summary.seconds)} of training "
        f"({counts_text(summary.counts)}; {summary.saved:.0%} of epochs saved)",
        f"data: {data_text(data)}",
    ]
    if summary.best is None:
        lines.append("no trial was trained to its end: nothing to compare yet")
    else:
        lines += _table(summary)
        lines.append(f"best: {params_text(summary.best.params)}")
        top = "  ".join(f"#{t.number} {t.value:.4g}" for t in summary.top)
        lines.append(f"top {len(summary.top)}: {top}")
    if summary.importances:
        shares = ", ".join(f"{n} {s:.0%}" for n, s in list(summary.importances.items())[:4])
        lines.append(f"matters: {shares} (of the complete trials)")
    lines += [f"next: {hint}" for hint in summary.hints]
    if not summary.hints and summary.best is not None:
        lines.append("next: every best value is inside its range; more trials may still help")
    lines += [f"failed: {failure} (see sweep.log)" for failure in summary.failures[:3]]
    lines += [
        f"curves   mlflow ui      then open {address or 'http://127.0.0.1:5000'}",
        f"export   {program} export --to best/",
        f"more     {program} --trials {2 * total}",
    ]
    return lines


def _table(summary: Summary) -> Iterator[str]:
    final = summary.final or {}
    names = [f"test_{name}" for name in SCORES if f"test_{name}" in final.get("best", {})]
    head = "".join(f"{name:>15}" for name in [summary.monitor, *names])
    yield f"{'':<22}{head}"
    rows: list[tuple[str, Ended | None]] = [("baseline", summary.baseline), ("best", summary.best)]
    for role, trial in rows:
        if trial is None:
            continue
        scores = [trial.value, *(final.get(role, {}).get(name) for name in names)]
        cells = "".join(f"{'-' if s is None else format(s, '.4g'):>15}" for s in scores)
        title = f"  {role:<9} trial {trial.number}"
        yield f"{title:<22}{cells}"
