"""Two studies side by side: whether one's best is better than the other's, or luckier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from objectives import BadInput
from sweeps.study.elimination import Noise
from sweeps.study.statistics import REAL, Difference, welch
from sweeps.study.ties import tied, verdict
from sweeps.study.winner import confirmed_trials

if TYPE_CHECKING:
    from sweeps.study.session import Session


@dataclass(frozen=True)
class Comparison:
    """difference: of `one` minus `other` in `metric`, over their repeats on fresh seeds.

    means: per study's name, scores averaged over its repeats. better: the better study's name,
    None where the difference is undecided. same_seeds: whether the repeats pair up.
    """

    one: str
    other: str
    metric: str
    means: Mapping[str, Mapping[str, float]]
    difference: Difference
    same_seeds: bool
    better: str | None


def compare(one: Session, other: Session) -> Comparison:
    """Compare the best trials of two studies on the test part of the same data.

    Raises BadInput where the data or the monitors differ, or repeats are missing.
    """
    for what, a_is, b_is in (
        ("number of folds", len(one.data.folds), len(other.data.folds)),
        ("digest of the data", one.data.digest, other.data.digest),
        ("monitor", one.monitor.name, other.monitor.name),
        ("mode", one.monitor.mode, other.monitor.mode),
    ):
        if a_is != b_is:
            raise BadInput(
                f"{one.name!r} and {other.name!r} cannot be compared: "
                f"the {what} of one is {a_is}, of the other {b_is}"
            )
    metric = one.monitor.test_name
    standings = [confirmed_trials(session) for session in (one, other)]
    found = [of[0].scores if of else {} for of in standings]
    for session, repeats in zip((one, other), found, strict=True):
        if len(repeats) < 2:
            raise BadInput(
                f"study {session.name!r} has {len(repeats)} repeats of its best trial: run it "
                "again with --confirm 5"
            )
    same = one.settings.seed == other.settings.seed
    both = sorted(set(found[0]) & set(found[1])) if same else []
    gap = None
    if len(both) > 1:
        best, rival = (of[0] for of in standings)
        noise = Noise.of(dict(enumerate(each.reached for of in standings for each in of)))
        gap = verdict(best, rival, metric, tied(best, rival, one.monitor.name, noise))
    if gap is None:
        a, b = ([scores[metric] for scores in repeats.values()] for repeats in found)
        gap = welch(a, b, metric=metric)
    better = one.name if one.monitor.better(gap.mean, 0.0) else other.name
    return Comparison(
        one=one.name,
        other=other.name,
        metric=metric,
        means={
            session.name: _means(list(repeats.values()))
            for session, repeats in zip((one, other), found, strict=True)
        },
        difference=gap,
        same_seeds=len(both) > 1,
        better=better if gap.word == REAL else None,
    )


def _means(rows: list[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def lines(found: Comparison) -> list[str]:
    """Return what is printed of a comparison."""
    studies = (found.one, found.other)
    names = found.means[found.one]
    width = max(map(len, names))
    shown = [" " * width + "".join(f"  {study:>10}" for study in studies)]
    for name in names:
        cells = (f"  {found.means[one][name]:>{max(10, len(one))}.4g}" for one in studies)
        shown.append(f"{name:<{width}}{''.join(cells)}")
    word = "undecided, it may be luck" if found.better is None else f"{found.better} is better"
    how = "same seeds" if found.same_seeds else "different seeds"
    gap = found.difference
    if gap.low == gap.high == 0.0:
        word = "none on any seed"
    return [*shown, f"difference in {found.metric} {gap} ({gap.n} repeats, {how}): {word}"]
