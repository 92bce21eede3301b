"""Run a sweep, or go on with it; and show its summary."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sweeps.cli.share import tries, write_json
from sweeps.cli.trainers import trainers
from sweeps.cli.work import (
    INTERRUPTED,
    bring,
    commands,
    hand_over,
    left,
    lines,
    make_tracker,
    no_tracker,
    quiet,
)
from sweeps.study.confirm import confirmed
from sweeps.study.session import Session, opened
from sweeps.study.settings import Settings
from sweeps.study.summary import Summary, summarise

if TYPE_CHECKING:
    import argparse

    from sweeps.study.sweep import Sweep


def run(sweep: Sweep, settings: Settings, options: argparse.Namespace, program: str) -> int:
    """Bring a study to its total; return the exit code."""
    settings = dataclasses.replace(settings, tries=tries(sweep, options.tries))
    with (
        trainers(sweep, settings, early=True) as make_trainer,
        opened(sweep, settings, make_trainer, make_tracker) as session,
    ):
        say = quiet if options.quiet else print
        for note in session.notes:
            say(note)
        code, unfinished = 0, left(session)
        if unfinished:
            code = bring(session, say, quiet=options.quiet, verbose=options.verbose)
        if code != INTERRUPTED:
            summary = summarise(session)
            print("\n".join(lines(session, summary)), flush=True)
            if unfinished:
                hand_over(session, summary, say)
            _end(session, summary, options, program)
        return code


def show(sweep: Sweep, settings: Settings, options: argparse.Namespace, program: str) -> int:
    """Print a study's summary again."""
    with (
        trainers(sweep, settings) as make_trainer,
        opened(sweep, settings, make_trainer, no_tracker, reading=True) as session,
    ):
        summary = summarise(session)
        print("\n".join([*session.notes, *lines(session, summary)]))
        _end(session, summary, options, program)
        return 0


def _end(session: Session, summary: Summary, options: argparse.Namespace, program: str) -> None:
    print("\n".join(commands(session, summary, program)))
    if options.json is not None:
        found = confirmed(session)
        plain = summary.to_json() | {
            "confirm": None if found is None else dataclasses.asdict(found),
            "address": session.store.study.user_attrs.get("address"),
        }
        write_json(options.json, plain)
