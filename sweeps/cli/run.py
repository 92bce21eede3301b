"""Run a sweep, or go on with it; and show its summary."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from objectives import BadInput
from objectives.training import UnknownMonitor
from sweeps.cli.progress import Watcher
from sweeps.cli.text import data_text, summary_lines
from sweeps.cli.trainers import trainers
from sweeps.explain.confirm import Confirm, confirmed
from sweeps.study.final import score
from sweeps.study.interrupts import Interrupts
from sweeps.study.loop import SweepFailed
from sweeps.study.parent import parent_run, repair
from sweeps.study.session import Session, opened
from sweeps.study.settings import Settings
from sweeps.study.storage import ranked
from sweeps.study.summary import Summary, summarise
from sweeps.tracking import NoTracker, Tracker

if TYPE_CHECKING:
    import argparse

    from sweeps.study.sweep import Sweep

Say = Callable[[str], None]
PACKAGES = ("keras-sweeps", "tensorflow", "keras", "optuna", "mlflow", "numpy")


def versions() -> dict[str, str]:
    """Return the versions of what sets a trial's digits."""
    import platform

    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def make_tracker(uri: str, folder: Path) -> Tracker:
    """Return the MLflow tracker of a study."""
    from sweeps.tracking.mlflow_tracker import MlflowTracker

    return MlflowTracker(uri, folder)


def no_tracker(uri: str, folder: Path) -> Tracker:
    """Return a tracker that tracks nothing."""
    return NoTracker()


def run(sweep: Sweep, settings: Settings, options: argparse.Namespace, program: str) -> int:
    """Bring a study to its total; return the exit code."""
    with (
        trainers(sweep, settings, early=True) as make_trainer,
        opened(sweep, settings, make_trainer, make_tracker) as session,
    ):
        done = len(session.store.ended())
        total = session.sweep.n_trials
        say = quiet if options.quiet else print
        if done >= total and not _left(session, options.confirm):
            return _show(session, options, program)
        say(
            f"{session.name}: {total - done} of {total} trials to go, on {session.settings.device}"
        )
        say(f"data: {data_text(session.data)}")
        code = _train(session, done, say, options.quiet)
        if code != 130:
            code = _finish(session, options.confirm, say) or code
            _show(session, options, program)
        return code


def _left(session: Session, repeats: int) -> bool:
    """Return whether a study that has its trials still lacks scores or repeats."""
    final = session.store.study.user_attrs.get("final", {})
    best = ranked(session.store.ended(), session.mode)[:1]
    scored = not best or final.get("trial") == best[0].number
    return not scored or bool(repeats and Confirm(session, repeats).missing())


def quiet(_: str) -> None:
    """Say nothing."""


def _train(session: Session, done: int, say: Say, hushed: bool) -> int:
    watcher = Watcher(session.sweep.n_trials, done, session.mode, hushed)
    loop = session.loop(watcher)

    def begin() -> None:
        session.tracker.start_study(parent_run(session, versions()))
        for line in repair(session) if done else []:
            say(f"mended: {line}")

    loop.begin = begin
    loop.interrupts = Interrupts(lambda: say("stopping: Ctrl-C again ends at once"))
    try:
        with watcher.shown():
            loop.run()
    except KeyboardInterrupt:
        say(f"interrupted: {loop.done} of {loop.total} trials are done; the same command goes on")
        return 130
    except UnknownMonitor:
        session.discard()
        raise
    except SweepFailed as error:
        print(f"stopped: {error}")
        return 1
    if loop.done < loop.total:
        say(f"time is up: {loop.done} of {loop.total} trials are done; the same command goes on")
    return 0


def _finish(session: Session, repeats: int, say: Say) -> int:
    """Score what was chosen, tell luck from skill, and write the parent run."""
    final = score(session)
    code = _confirm(session, repeats, say) if repeats else 0
    summary = summarise(session)
    metrics: dict[str, float] = {}
    if final is not None and summary.best is not None:
        metrics[f"best_{summary.monitor}"] = summary.best.value or 0.0
        metrics |= final["best"]
        metrics |= {f"baseline_{name}": value for name, value in final.get("baseline", {}).items()}
    if summary.baseline is not None and summary.baseline.value is not None:
        metrics[f"baseline_best_{summary.monitor}"] = summary.baseline.value
    address = session.tracker.address()
    if address is not None:
        session.store.study.set_user_attr("address", address)
    note = "\n".join(_lines(session, summary, session.sweep.name))
    session.tracker.end_study(metrics, summary=f"```\n{note}\n```\n")
    return code


def _confirm(session: Session, repeats: int, say: Say) -> int:
    loop = session.loop(Watcher(0, 0, session.mode, quiet=True))
    interrupts = Interrupts(lambda: say("stopping: Ctrl-C again ends at once"))
    phase = Confirm(session, repeats, lambda: loop.out_of_time, interrupts=interrupts)
    missing = len(phase.missing())
    if not missing or loop.out_of_time:
        return 0
    names = ", ".join(f"#{number}" for number in phase.trials)
    say(f"confirm: {names} on {repeats} fresh seeds each, {missing} runs (--confirm 0 skips this)")
    try:
        phase.run()
    except KeyboardInterrupt:
        say("interrupted: the trials are done, the same command goes on with confirming")
        return 130
    return 0


def show(sweep: Sweep, settings: Settings, options: argparse.Namespace, program: str) -> int:
    """Print a study's summary again."""
    with (
        trainers(sweep, settings) as make_trainer,
        opened(sweep, settings, make_trainer, no_tracker, reading=True) as session,
    ):
        return _show(session, options, program)


def _lines(session: Session, summary: Summary, program: str) -> list[str]:
    store = session.store
    shown = [t for t in (summary.best, summary.baseline) if t is not None]
    labels = {t.number: store.space.label(store.config(t.params)) for t in shown}
    address = session.tracker.address() or store.study.user_attrs.get("address")
    if session.name != session.sweep.name:
        program = f"{program} --study {session.name}"
    return summary_lines(summary, confirmed(session), labels, session.data, program, address)


def _show(session: Session, options: argparse.Namespace, program: str) -> int:
    summary = summarise(session)
    print("\n".join(_lines(session, summary, program)))
    if options.json is not None:
        found = confirmed(session)
        plain = summary.to_json() | {
            "confirm": None if found is None else dataclasses.asdict(found),
            "address": session.store.study.user_attrs.get("address"),
        }
        text = json.dumps(plain, indent=2, default=str)
        try:
            options.json.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise BadInput(
                f"cannot write --json {str(options.json)!r}: {error.strerror}"
            ) from None
    return 0
