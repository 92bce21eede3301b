"""`explain`: why a trial's curve flattens, or waits, from controlled probes."""

from __future__ import annotations

import dataclasses
import logging
import uuid
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from objectives.structures import is_array
from sweeps.cli.files import chosen
from sweeps.cli.found import reading
from sweeps.cli.front import first_alone
from sweeps.cli.layout import columns, fit
from sweeps.cli.readable import require_writable
from sweeps.cli.source import data_lines, data_text
from sweeps.cli.trainers import trainers
from sweeps.cli.unsent import tracked
from sweeps.cli.work import INTERRUPTED, make_tracker, quiet
from sweeps.explain.changes import Reference
from sweeps.explain.experiment import explain as experiment
from sweeps.explain.forecast import LEAST, Recorded
from sweeps.explain.levels import chance
from sweeps.study.parent import parent_run
from sweeps.study.readers import time_text
from sweeps.study.samplers import seed_of
from sweeps.study.session import Session
from sweeps.study.sole_driver import lock
from sweeps.study.specs import Specs
from sweeps.workers.versions import versions

if TYPE_CHECKING:
    from pathlib import Path

    from objectives import Data
    from sweeps.cli.work import Say
    from sweeps.explain.explanation import Explanation
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep
    from sweeps.tracking import Tracker


def explain(
    sweep: Sweep, settings: Settings, program: str | None, data: Data | None = None
) -> tuple[int, Any]:
    """Probe one trial and print what its curve shows; the same command resumes.

    data: of the study, where it is at hand.
    """
    require_writable(settings.folder)
    say = quiet if settings.quiet else print
    with (
        trainers(sweep, settings, early=True) as make_trainer,
        reading(sweep, settings, make_trainer, data, absent=True) as session,
    ):
        reference = reference_of(session, settings.trial or "baseline")
        say(f"explaining {reference.name} of {session.name}, {time_text(settings.budget)} at most")
        for line in first_alone(session.sweep.objective, "explained"):
            say(line)
        say(f"data: {data_text(session.data)}")
        for line in fit(data_lines(session.data), columns()):
            say(line)
        folder = session.folder / "explain" / reference.name.replace(" ", "-")
        with lock(folder, f"{session.name} explain {reference.name}"):
            tracker = make_tracker(settings.mlflow_uri(), folder)
            try:
                found = _explained(session, reference, folder, tracker, say)
            finally:
                code = tracked(tracker, settings.mlflow_uri(), folder, say)
        if found is None:
            return INTERRUPTED, None
    print("\n".join(fit(found.summary_lines(), columns())))
    return code, found.to_json()


def _explained(
    session: Session, reference: Reference, folder: Path, tracker: Tracker, say: Say
) -> Explanation | None:
    """Run the probes; return what they found, None where they were interrupted."""
    settings = session.settings
    parent = dataclasses.replace(
        parent_run(session, versions()),
        name=f"{session.name} explain {reference.name}",
        instance=uuid.uuid5(uuid.NAMESPACE_OID, f"{folder}").hex,
    )
    try:
        return experiment(
            session.sweep.objective,
            reference,
            session.trainer,
            tracker,
            folder,
            parent=parent,
            specs=Specs.of(session),
            budget=settings.budget,
            all_probes=settings.all,
            recorded=_recorded(session),
            say=say,
        )
    except KeyboardInterrupt:
        say("interrupted: what was trained is kept; run the same command to resume")
        return None


def _recorded(session: Session) -> list[Recorded]:
    """Return the curves of the study's trials that came to their end, none where they are few."""
    whole = {t.number for t in session.store.ended() if t.outcome == "complete"}
    if len(whole) < LEAST:
        return []
    from sweeps.tracking.history import all_curves

    try:
        frames = all_curves(session.settings.mlflow_uri(), session.name)
    except Exception as error:  # a store that is away: the probes do without a forecast
        logging.getLogger("sweeps").warning("no recorded curves: %s", error)
        return []
    monitor = session.sweep.objective.monitor
    return [
        Recorded(frame[monitor].tolist(), frame.get("learning_rate", frame[monitor][:0]).tolist())
        for number, frame in sorted(frames.items())
        if number in whole and monitor in frame.columns
    ]


def reference_of(session: Session, name: str) -> Reference:
    """Return the trial to explain: "baseline" (which needs no sweep), "best", or a number."""
    space, objective = session.store.space, session.sweep.objective
    if objective.function is not None:
        raise BadInput(
            "explain changes how a model is trained, and this sweep's function trains by itself: "
            "give Objective(load=..., build=...) for it"
        )
    if name == "baseline":
        known = session.store.first() if space.by_building else None
        config = space.first() if known is None else space.config(known)
        seed = seed_of(session.settings.seed or 0, 0)
    else:
        trial = chosen(session, name)
        config, seed = session.store.config(trial.params), trial.seed
        name = f"trial {trial.number}"
    return Reference(
        name=name,
        config=config,
        seed=seed,
        max_epochs=objective.epochs(config, objective.max_epochs),
        rows=session.data.trained_on,
        batch=objective.batch(config),
        monitor=session.monitor,
        data=session.data.digest,
        chance=None
        if session.data.stream or not is_array(session.data.train.y)
        else chance(session.data.train.y),
    )
