"""An average of nets that the sweep has trained anyway: who is in it, and whether it wins.

The best complete trials keep their weights until the end. There the engine chooses among them on
the validation part (`objectives.judging.choosing`). Whether the average takes the place of the
single best net is decided on validation rows that had no part in the choice of their members; the
test part, which no decision looks at, says what it gains.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.training import Outcome, TrialResult
from objectives.training.averages import MOST, Averages
from sweeps.study.ended import Ended, ranked
from sweeps.study.specs import Specs
from sweeps.study.statistics import REAL, Difference, of_moments
from sweeps.study.winner import winner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives import Monitor
    from sweeps.study.session import Session

ATTR = "average"  # of a study: what the engine found, and of which trials
CANDIDATES = 20  # complete trials whose weights and predictions are kept
FOLDER = "predictions"  # in a study's own: those of the candidates
LOG = logging.getLogger("sweeps")


@dataclass(frozen=True)
class Average:
    """An average of nets beside the single best one.

    members: number and weight, the heaviest first. number: the single net's. scores, single: the
    monitored value and the scores on the test part. chosen_apart: the average's monitored value
    and the single net's on validation rows that did not choose. held_out: the difference in
    loss on such rows, of the average minus the single net, over the rows; on_test: on the test
    part. adds: by number, how much worse the validation loss is without the net. won: whether the
    average is the result of the sweep. reason: why there is none; then all else is empty.
    files: bytes and seconds of a prediction, where it was written. seconds: that all this took.
    """

    members: tuple[tuple[int, float], ...] = ()
    number: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    single: Mapping[str, float] = field(default_factory=dict)
    chosen_apart: tuple[float, ...] = ()
    held_out: Difference | None = None
    on_test: Difference | None = None
    adds: Mapping[str, float] = field(default_factory=dict)
    won: bool = False
    reason: str | None = None
    files: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def of(cls, found: Mapping[str, Any], monitor: Monitor) -> Average:
        """Return what an engine found."""
        if "reason" in found:
            return cls(reason=found["reason"])
        held_out = _difference(found["held_out"])
        mine, theirs = found["chosen_apart"]
        several = len(found["members"]) > 1
        # The single net was chosen on these rows, and seems better than it is: they have to tell
        # that the average is worse (benchmarks/averages).
        worse = held_out.mean > 0.0 and held_out.word == REAL
        # Of another metric nobody knows how sure its difference is.
        metric = monitor.name != "val_loss" and monitor.better(theirs, mine)
        return cls(
            members=tuple((int(number), float(weight)) for number, weight in found["members"]),
            number=int(found["number"]),
            scores=found["average"],
            single=found["single"],
            chosen_apart=(mine, theirs),
            held_out=held_out,
            on_test=_difference(found["on_test"]),
            adds=found["adds"],
            won=several and not worse and not metric,
            files=found.get("files", {}),
            seconds=found["seconds"],
        )


def _difference(rows: Mapping[str, Any]) -> Difference:
    """Return the mean of the rows' differences in loss."""
    return of_moments(rows["mean"], rows["spread"], rows["rows"])


def candidates(session: Session) -> list[Ended]:
    """Return the trials that may be in the average, the single best net first."""
    best = winner(session)
    if best is None:
        return []
    order = ranked(session.store.ended(), session.monitor)[:CANDIDATES]
    return [best, *(trial for trial in order if trial.number != best.number)]


def nets(session: Session, trials: list[Ended]) -> list[TrialResult]:
    """Return those of the trials whose weights are there, as an engine takes them."""
    specs = Specs.of(session)
    found = []
    for trial in trials:
        config = session.store.config(trial.params)
        spec = specs.make(trial.number, config, trial.seed, trial.role)
        if spec.weights is not None and spec.weights.exists():
            found.append(TrialResult(spec, Outcome.COMPLETE, trial.reached))
    return found


def chosen(
    session: Session,
    *,
    most: int = MOST,
    weights: Mapping[int, float] | None = None,
    model: Path | None = None,
) -> dict[str, Any]:
    """Return what the engine finds; empty where an average can never be."""
    trials = candidates(session)
    if len(trials) < 2 or not isinstance(session.trainer, Averages):
        return {}
    if session.sweep.limits or session.sweep.objective.others:
        return {"reason": "it would cost as much as its nets, and costs count in this study"}
    given = nets(session, trials)
    if len(given) < 2 or given[0].spec.number != trials[0].number:
        return {"reason": "the weights of the best trials are not kept"}
    try:
        return session.trainer.average(
            given, session.folder / FOLDER, most=most, weights=weights, model=model
        )
    except Exception as fault:
        # The sweep is done, and its best net stands: this is an addition to it.
        LOG.warning("no average of nets", exc_info=fault)
        return {"reason": f"{type(fault).__name__}: {fault} (see sweep.log)"}


def average(session: Session) -> None:
    """Choose and score the average of a sweep that has ended; keep it in the store."""
    of = [trial.number for trial in candidates(session)]
    known = session.store.study.user_attrs.get(ATTR, {})
    if known.get("of") == of:
        return
    found = chosen(session)
    for file in (session.folder / FOLDER).glob("*.npz"):
        if int(file.stem) not in of:
            file.unlink()
    session.store.study.set_user_attr(ATTR, {**found, "of": of})


def stale(session: Session) -> bool:
    """Return whether the kept average is of other trials than those that lead now."""
    known = session.store.study.user_attrs.get(ATTR)
    return known is not None and known["of"] != [trial.number for trial in candidates(session)]


def averaged(session: Session) -> Average | None:
    """Return the average of a study, None where there never can be one, or none is kept yet."""
    known = session.store.study.user_attrs.get(ATTR, {})
    if not known.keys() & {"members", "reason"} or stale(session):
        return None
    return Average.of(known, session.monitor)


def members_of(found: Average | None) -> list[int]:
    """Return the numbers of an average's nets, none where there is no average."""
    return [] if found is None else [number for number, _ in found.members]


def predicted(session: Session, found: Average, part: str) -> NDArray[Any] | None:
    """Return what an average predicts, None where the predictions are no longer kept.

    part: "validation" or "test".
    """
    import numpy as np

    files = {n: session.folder / FOLDER / f"{n:05d}.npz" for n, _ in found.members}
    if not found.members or not all(file.exists() for file in files.values()):
        return None
    total: Any = 0.0
    for number, weight in found.members:
        with np.load(files[number], allow_pickle=False) as kept:
            total = total + weight * kept[part]
    return np.asarray(total, np.float32)
