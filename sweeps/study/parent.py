"""What the tracker is told of a study as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from objectives import PARTS
from sweeps.study.limits import texts_of
from sweeps.study.options import OPTIONS
from sweeps.study.several import monitors_text
from sweeps.study.shown import run_name
from sweeps.tracking import EndedTrial, StudyRun, TrialRun

if TYPE_CHECKING:
    from sweeps.study.session import Session


AT_ONCE = 0.5  # seconds
MOST = 6  # parameters that get a column and an axis


def parent_run(session: Session, versions: Mapping[str, str]) -> StudyRun:
    """Return what the tracker's parent run holds of a study."""
    sweep, data, ranges = session.sweep, session.data, session.space
    varied = [name for name, dimension in ranges.items() if len(dimension.ends) > 1]
    axes = tuple(name for name in varied if ranges[name].always)
    return StudyRun(
        experiment=sweep.name,
        name=session.name,
        params={"sweep": sweep.name}
        | {
            name: one.of(sweep) if one.of else getattr(session.settings, name)
            for name, one in OPTIONS.items()
            if one.param
        }
        | ({"monitor.also": monitors_text(others)} if (others := sweep.objective.others) else {})
        | ({"limit": texts_of(sweep.limits)} if sweep.limits else {})
        | {f"space.{name}": str(dimension) for name, dimension in ranges.items()}
        | {f"version.{name}": version for name, version in versions.items()},
        data={
            "source": data.source.name,
            "digest": data.digest,
            "shape": list(data.shape),
            "rows": data.stream or {part: len(getattr(data, part)) for part in PARTS},
        },
        monitor=session.monitor.name,
        lowest=session.monitor.sign > 0,
        instance=session.store.study.user_attrs["instance"],
        columns=tuple(dict.fromkeys((*axes, *varied)))[:MOST],
        axes=axes[:MOST],
    )


def repair(session: Session) -> list[str]:
    """Make the tracker agree with the store; return what was mended at once.

    The trials do not wait for the rest, which is said when it is done.
    """
    label = session.store.space.label
    ended = (
        EndedTrial(
            TrialRun(
                number=t.number,
                name=run_name(t.number, t.role, label(session.store.config(t.params))),
                params=t.params,
                seed=t.seed,
                role=t.role,
            ),
            t.outcome,
            t.epochs,
            t.metrics,
        )
        for t in session.store.ended()
    )
    return session.tracker.repair(ended, AT_ONCE)
