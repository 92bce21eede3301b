"""`report`: one HTML file of a study, also as an artifact of its parent run."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from objectives.judging import threshold
from objectives.monitor import signs
from sweeps.cli.again import hidden, place, same
from sweeps.cli.found import reading
from sweeps.cli.frames import trials_frame
from sweeps.cli.text import data_text
from sweeps.cli.work import make_tracker, versions
from sweeps.explain.experiment import FILE
from sweeps.study.confirm import Confirmed, confirmed
from sweeps.study.figures import figure
from sweeps.study.parent import parent_run
from sweeps.study.session import Session, lock
from sweeps.study.summary import Summary, summarise
from sweeps.study.sweep import PRUNERS, named, rungs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep

DRAWN = ("importances", "slice", "parallel")


def report(sweep: Sweep, settings: Settings, program: str) -> tuple[int, Any]:
    """Write the page of a study."""
    from sweeps.report.page import write

    with reading(sweep, settings) as session:
        if not session.store.ended():
            raise BadInput(f"study {session.name!r} has no ended trial yet: run it first")
        path = settings.to or Path(f"report-{session.name}.html")
        if path.suffix != ".html":
            path = path / f"report-{session.name}.html"
        try:
            write(gathered(session, program), path)
        except OSError as error:
            raise BadInput(f"cannot write --to {path}: {error.strerror}") from None
        print("\n".join([*session.notes, f"wrote {path}"]))
        _attach(session, path)
    return 0, None


def gathered(session: Session, program: str) -> Any:
    """Return everything that the page shows."""
    from sweeps.report.page import Report

    summary, found = summarise(session), confirmed(session)
    store, objective, pruner = session.store, session.sweep.objective, session.sweep.pruner
    final = summary.final or {}
    config = ""
    if summary.best is not None:
        from sweeps.cli.files import exported
        from sweeps.export.config import text_of

        config = text_of(exported(session, summary.best))
    return Report(
        summary=summary.to_json(),
        trials=trials_frame(session),
        curves=_curves(session),
        max_epochs=objective.max_epochs,
        signs=_signs(session, summary, found),
        data=data_text(session.data),
        confirmed=None if found is None else dataclasses.asdict(found),
        rungs=rungs(pruner, objective.max_epochs) if named(pruner, PRUNERS) else (),
        figures=_figures(session, summary),
        findings=_findings(session),
        commands=_commands(session, program),
        config=config,
        versions=versions(),
        notes=[*_notes(final, session), *_ways(session)],
        calibration=_reliability(session, summary),
        address=store.study.user_attrs.get("address"),
    )


def _signs(session: Session, summary: Summary, found: Confirmed | None) -> dict[str, float]:
    """Return which of the scores are to be minimised (1) and which maximised (-1)."""
    monitor = session.monitor
    shown = found.means if found is not None else summary.final or {}
    known = signs(
        dict.fromkeys(name for of in shown.values() if isinstance(of, dict) for name in of)
    )
    return known | dict.fromkeys((monitor.name, monitor.test_name), monitor.sign)


def _commands(session: Session, program: str) -> list[tuple[str, str]]:
    found = [
        ("the same sweep", f"{program}{same(session)}"),
        ("config and model", f"{program} export{place(session)} --to best/"),
        ("train it again", f"{program} train --config best/config.yaml"),
    ]
    note = "".join(f" ({line})" for line in hidden(command for _, command in found))
    return [(what + note * ("***" in command), command) for what, command in found]


def _notes(final: Mapping[str, Any], session: Session) -> list[str]:
    """Return what the comparison with plain models comes to, and the threshold's line."""
    lines = (final.get("plain") or {}).get("lines", [])
    found = [line for line in lines[1:] if not line.startswith(" ")]
    says = threshold.words(
        final.get("best", {}), session.data.details.get("threshold_for", threshold.CHOICES[0])
    )
    return found + ([says] if says else [])


def _ways(session: Session) -> list[str]:
    """Return the line that says how the trials' epochs ran."""
    ways = Counter(trial.way for trial in session.store.ended() if trial.way)
    named = {"xla": "as one XLA program", "graph": "as a TensorFlow graph", "fit": "by model.fit"}
    found = [f"{count} {named[way]}" for way, count in ways.most_common()]
    return [f"Epochs ran: {', '.join(found)} (trials)."] if found else []


def _reliability(session: Session, summary: Summary) -> list[dict[str, float]]:
    """Return the reliability curve of the best trial on the test part, of classes alone."""
    from objectives.judging import plain, reliability

    if summary.best is None or plain.task_of(session.data) == "regression":
        return []
    predictions = session.folder / "weights" / f"{summary.best.number:05d}.npy"
    if not predictions.exists():
        return []
    import numpy as np

    chances = np.load(predictions, allow_pickle=False)
    if chances.ndim > 2 or np.any((chances < 0.0) | (chances > 1.0)):  # a model of the user's own
        return []
    return reliability(session.data.test.y, chances)


def _curves(session: Session) -> dict[int, pd.DataFrame]:
    from sweeps.tracking.history import NoSuchRun, all_curves

    try:
        return all_curves(session.settings.mlflow_uri(), session.name)
    except NoSuchRun:
        return {}


def _figures(session: Session, summary: Summary) -> dict[str, dict[str, Any]]:
    found = {}
    for name in DRAWN:
        if name == "importances" and not summary.importances:
            continue  # a few complete trials say nothing, and a bar would say it loudly
        try:
            drawn = figure(session.store.study, name, session.sweep.objective.monitor)
        except (ValueError, RuntimeError) as error:  # too few trials for it
            logging.getLogger("sweeps").info("no figure %s: %s", name, error)
            continue
        found[name] = json.loads(drawn.to_json())
    return found


def _findings(session: Session) -> list[dict[str, Any]]:
    files = sorted((session.folder / "explain").glob(f"*/{FILE}"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def _attach(session: Session, path: Path) -> None:
    """Put the page on the parent run, unless the study is being run right now."""
    try:
        with lock(session.folder, session.name):
            tracker = make_tracker(session.settings.mlflow_uri(), session.folder)
            tracker.start_study(parent_run(session, versions()))
            tracker.end_study({}, files={"report.html": path})
            tracker.close()
    except BadInput as error:
        logging.getLogger("sweeps").info("the page is no artifact: %s", error)
