"""The same from Python and from a notebook: `sweeps.run` and `sweeps.load`."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

from objectives import Data
from sweeps.cli import print_anything, starting
from sweeps.cli.found import reading
from sweeps.cli.given import describe, given_settings, require_sweep, sweep_named
from sweeps.cli.logs import all_to, log_file
from sweeps.cli.notebook import show
from sweeps.cli.readable import require_writable
from sweeps.cli.spoken import in_python, spoken
from sweeps.cli.studies import Study
from sweeps.cli.text import complete_text
from sweeps.cli.trainers import trainers
from sweeps.cli.unsent import on_server, resumed, settled
from sweeps.cli.work import (
    INTERRUPTED,
    Say,
    aloud,
    make_tracker,
    publish,
    quiet,
    run_to_total,
    unfinished,
)
from sweeps.study.session import opened
from sweeps.study.settings import Settings
from sweeps.study.summary import summarise
from sweeps.study.sweep import Sweep


def run(
    sweep: Sweep,
    data: Any = None,
    *,
    folder: str | Path = ".",
    verbose: bool | int = True,
    **options: Any,
) -> Study:
    """Run a sweep, or resume it, and return its study.

    An interruption (the notebook's stop button, Ctrl-C) is not an error: the study comes back as
    far as it got, and the same call resumes it. SIGTERM ends the process, once the sweep has
    stopped as cleanly. Raises BadInput.

    Args:
        sweep: what to run.
        data: a file's path, arrays or data frames `(X, y)`, or what else of arrays `load` may
            give, a `Source` or `Data`; None takes the
            sweep's own.
        folder: where stores and files go.
        verbose: False says nothing, 2 every epoch.
        options: those of the command line, listed below. An option that is not given is the
            study's own.
    """
    require_sweep(sweep, "run")
    settings = given_settings(sweep, {"data": data, **options}, Path(folder).resolve())
    say: Say = (lambda line: aloud(spoken(line))) if verbose else quiet
    print_anything()
    require_writable(settings.folder)
    say(starting(settings.study or sweep.name))
    warnings.filterwarnings("ignore", "IProgress not found")  # tqdm's, in a notebook
    with (
        in_python(),
        all_to(log_file(settings.folder)),
        trainers(sweep, settings, early=True) as make_trainer,
        opened(
            sweep, settings, make_trainer, make_tracker, data if isinstance(data, Data) else None
        ) as session,
    ):
        for note in session.notes:
            say(note)
        if unfinished(session):
            code = run_to_total(session, say, quiet=not verbose, verbose=verbose > 1)
            if code != INTERRUPTED:
                publish(session, summarise(session), say)
                if on_server(session):
                    settled(session, code)
        else:
            say(complete_text(session.name, len(session.store.ended()), session.sweep.n_trials))
            resumed(session, say)
        found = Study(session.sweep, session.settings, session.data, session.name)
    if verbose:
        show(found)
    return found


describe(run)


def load(sweep: str | Sweep, *, study: str | None = None, folder: str | Path = ".") -> Study:
    """Return a study of this folder. Raises BadInput.

    Args:
        sweep: the study's name, or the sweep that it is of.
        study: with a sweep, the study's name, where it is not the sweep's.
        folder: where its stores are.
    """
    settings = Settings(study=study, folder=Path(folder).resolve())
    if isinstance(sweep, str):
        settings = dataclasses.replace(settings, study=sweep)
        sweep = sweep_named(settings, sweep)
    require_sweep(sweep, "load")
    with in_python(), reading(sweep, settings) as session:
        settings = dataclasses.replace(session.settings, folder=settings.folder)
        return Study(session.sweep, settings, session.data, session.name)
