"""The average of nets in words: in the summary's table, below it, and after an export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from objectives import Monitor
from objectives.judging import threshold
from objectives.reading import counted

if TYPE_CHECKING:
    from sweeps.study.average import Average
    from sweeps.study.summary import Summary

ROW = "average"
APART = "on validation rows that did not choose its nets"


def head(summary: Summary) -> str | None:
    """Return how the average's line of the table begins, None where there is no average."""
    found = summary.average
    if found is None or len(found.members) < 2:
        return None
    return f"  average of {len(found.members)} nets, own seeds"


def verdict(summary: Summary) -> Iterator[str]:
    """Say whether the average is better than the single best net, and what export takes."""
    found = summary.average
    if found is None:
        return
    if found.reason is not None:
        yield f"  no average of nets: {found.reason}"
        return
    if len(found.members) < 2 or found.held_out is None or found.on_test is None:
        yield f"  no average of nets is better than #{found.number} alone on the validation part"
        return
    rows = f"{found.on_test.n:,} test rows"
    yield f"  average minus #{found.number} with its own seed: loss {found.on_test} on {rows}"
    judged = f"{found.held_out} {APART}"
    word = standing(found, Monitor(summary.monitor, summary.mode))
    takes = f"it (--single: #{found.number})"
    if not found.won:
        takes = f"#{found.number} (--ensemble: the average)"
    yield f"  {word}: {judged}; export takes {takes}"


def standing(found: Average, monitor: Monitor) -> str:
    """Return how the average stands beside the single net, and how sure that is."""
    gap = found.held_out
    real = gap is not None and gap.word == "real"
    if found.won:
        if gap is not None and gap.mean >= 0.0:
            rows = counted(gap.n, "validation row")
            return f"the average is level, {rows} cannot tell it from #{found.number} alone"
        return "the average is better" if real else "the average leads, undecided"
    if gap is None or (real and gap.mean > 0.0):
        return "the average is worse"
    mine, theirs = found.chosen_apart
    loss = "better" if gap.mean < 0.0 else "no worse"
    return f"the average's loss is {loss}, but {monitor.name} {mine:.4g} against {theirs:.4g}"


def threshold_lines(summary: Summary, goal: str) -> list[str]:
    """Return the line of the threshold between two classes: of what export takes."""
    found = summary.average
    taken = found is not None and found.won
    scores = found.scores if found is not None and taken else (summary.final or {}).get("best", {})
    says = threshold.words(scores, goal)
    return [f"average: {says}" if taken else says] if says else []


def weights_text(members: Any) -> str:
    """Return `#4 0.35, #7 0.25`."""
    return ", ".join(f"#{number} {weight:.3g}" for number, weight in members)


def cost_lines(files: Any) -> Iterator[str]:
    """Say how large the file is and how long it predicts, beside the single net's."""
    if not files:
        return
    mine, theirs = files["average"], files["single"]
    rows = counted(files["rows"], "row")
    yield (
        f"size {_bytes(mine['bytes'])}, {mine['seconds']:.3f} s for {rows}; the single net "
        f"{_bytes(theirs['bytes'])}, {theirs['seconds']:.3f} s"
    )


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
