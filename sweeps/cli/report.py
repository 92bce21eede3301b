"""`report`: one HTML file of a study, also as an artifact of its parent run."""

from __future__ import annotations

import logging
import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from objectives.judging import threshold
from objectives.monitor import signs
from objectives.reading import counted
from objectives.structures import is_array
from sweeps.cli.again import hidden, place, same
from sweeps.cli.averages import threshold_lines
from sweeps.cli.found import reading
from sweeps.cli.front import front_text
from sweeps.cli.places import free_place
from sweeps.cli.source import data_text
from sweeps.cli.work import make_tracker
from sweeps.explain.experiment import FILE
from sweeps.study.average import predicted
from sweeps.study.confirm import Confirmed, confirmed
from sweeps.study.importance import FEWEST_FOR_IMPORTANCE
from sweeps.study.parent import parent_run
from sweeps.study.session import Session
from sweeps.study.sole_driver import lock
from sweeps.study.summary import Summary, summarise
from sweeps.study.sweep import PRUNERS, named, rungs
from sweeps.workers.versions import versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from objectives import Data
    from sweeps.report.found import Finding
    from sweeps.report.given import Plain, Point, Report
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep

PEERS = {
    "logistic": "logistic regression",
    "ridge": "ridge regression",
    "trees": "HistGradientBoosting",
}
OWN = ("loss", "learning_rate")  # curves that are read, beside those of the validation part


def report(
    sweep: Sweep, settings: Settings, program: str | None, data: Data | None = None
) -> tuple[int, Any]:
    """Write the page of a study.

    program: how commands begin, None to name none. data: of the study, where it is at hand.
    """
    from sweeps.report.page import write

    with reading(sweep, settings, data=data) as session:
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
        if session.settings.folder == settings.folder:  # else it is a copy that goes away
            _attach(session, path)
    return 0, None


def gathered(session: Session, program: str | None) -> Report:
    """Return everything that the page shows."""
    from sweeps.report.given import Report

    summary, found = summarise(session), confirmed(session)
    store, objective, pruner = session.store, session.sweep.objective, session.sweep.pruner
    final = summary.final or {}
    config = ""
    if summary.best is not None:
        from sweeps.cli.files import exported
        from sweeps.export.config import text_of

        config = text_of(exported(session, summary.best))
    curves = _curves(session)
    return Report(
        summary=summary,
        trials=(trials := store.ended()),
        labels={t.number: store.space.label(store.config(t.params)) for t in trials},
        curves=curves,
        max_epochs=objective.max_epochs,
        signs=_signs(session, summary, found, curves),
        data=data_text(session.data),
        confirmed=found,
        plain=list(_plain((final.get("plain") or {}).get("metrics", {}))),
        rungs=rungs(pruner, objective.max_epochs) if named(pruner, PRUNERS) else (),
        logarithmic={name for name, one in session.space.items() if one.log},
        findings=_findings(session),
        commands=_commands(session, summary, program),
        config=config,
        versions=versions(),
        notes=[
            *_notes(summary, session),
            *_ways(session),
            *filter(None, [summary.infeasible, front_text(summary.front)]),
        ],
        calibration=_reliability(session, summary),
        fewest=FEWEST_FOR_IMPORTANCE,
        address=store.study.user_attrs.get("address"),
    )


def _signs(
    session: Session,
    summary: Summary,
    found: Confirmed | None,
    curves: Mapping[int, pd.DataFrame],
) -> dict[str, float]:
    """Return which of the scores are to be minimized (1) and which maximized (-1)."""
    monitor = session.monitor
    shown = found.means if found is not None else summary.final or {}
    scored = dict.fromkeys(name for of in shown.values() if isinstance(of, dict) for name in of)
    drawn = dict.fromkeys(name for frame in curves.values() for name in frame.columns)
    known = signs(scored) | signs(drawn)
    return known | dict.fromkeys((monitor.name, monitor.test_name), monitor.sign)


def _plain(metrics: Mapping[str, float]) -> Iterator[Plain]:
    """Yield the plain models, with the names that a net's scores have."""
    from sweeps.report.given import Plain

    numbers = "majority_mae" in metrics
    titles = {"majority": "mean" if numbers else "majority vote"} | PEERS
    for model, title in titles.items():
        start = f"{model}_"
        scores = {
            f"test_{name.removeprefix(start)}": value
            for name, value in metrics.items()
            if name.startswith(start)
        }
        yield Plain(title, scores)


def _commands(session: Session, summary: Summary, program: str | None) -> list[tuple[str, str]]:
    if program is None:
        return []
    folder = shlex.quote(free_place(session, summary))
    found = [
        ("the same sweep", f"{program}{same(session)}"),
        ("config and model", f"{program} export{place(session)} --to {folder}"),
        ("train it again", f"{program} train --config {folder}config.yaml"),
    ]
    note = "".join(f" ({line})" for line in hidden(command for _, command in found))
    return [(what + note * ("***" in command), command) for what, command in found]


def _notes(summary: Summary, session: Session) -> list[str]:
    """Return what the comparison with plain models comes to, and the threshold's line."""
    lines = ((summary.final or {}).get("plain") or {}).get("lines", [])
    found = [line for line in lines[1:] if not line.startswith(" ")]
    goal = session.data.source.options.get("threshold_for", threshold.CHOICES[0])
    return found + threshold_lines(summary, goal)


def _ways(session: Session) -> list[str]:
    """Return the line that says how the trials' epochs ran."""
    ways = Counter(trial.way for trial in session.store.ended() if trial.way)
    named = {"xla": "as one XLA program", "graph": "as a TensorFlow graph", "fit": "by model.fit"}
    found = [f"{counted(count, 'trial')} {named[way]}" for way, count in ways.most_common()]
    return [f"How epochs ran: {', '.join(found)}."] if found else []


def _reliability(session: Session, summary: Summary) -> list[Point]:
    """Return the reliability curve on the test part, of classes alone: of what export takes."""
    from objectives.judging import plain, reliability
    from sweeps.report.given import Point

    several = not is_array(session.data.test.y)
    if summary.best is None or several or plain.task_of(session.data) == "regression":
        return []
    predictions = session.folder / "weights" / f"{summary.best.number:05d}.npy"
    import numpy as np

    if summary.average is not None and summary.average.won:
        chances = predicted(session, summary.average, "test")
    else:
        chances = np.load(predictions, allow_pickle=False) if predictions.exists() else None
    if chances is None:
        return []
    if chances.ndim > 2 or np.any((chances < 0.0) | (chances > 1.0)):  # a model of the user's own
        return []
    return [Point(**point) for point in reliability(session.data.test.y, chances)]


def _curves(session: Session) -> dict[int, pd.DataFrame]:
    from sweeps.tracking.history import NoSuchRun, all_curves

    try:
        return all_curves(
            session.settings.mlflow_uri(),
            session.name,
            wanted=lambda name: name.startswith("val_") or name in (*OWN, session.monitor.name),
        )
    except NoSuchRun:
        return {}


def _findings(session: Session) -> list[Finding]:
    from sweeps.report.found import read

    files = sorted((session.folder / "explain").glob(f"*/{FILE}"))
    return [read(file.read_bytes()) for file in files]


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
