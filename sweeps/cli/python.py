"""The same from Python and from a notebook: `sweeps.run` and `sweeps.load`."""

from __future__ import annotations

import dataclasses
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Data
from sweeps.cli import explain as explaining
from sweeps.cli import files, print_anything, report, starting
from sweeps.cli.ensemble import HasEnsemble
from sweeps.cli.found import plain, reading
from sweeps.cli.frames import trials_frame
from sweeps.cli.front import WithFront
from sweeps.cli.given import describe, given_settings, sweep_named
from sweeps.cli.layout import columns
from sweeps.cli.logs import all_to, log_file
from sweeps.cli.notebook import InNotebook, show
from sweeps.cli.readable import readable, require_writable
from sweeps.cli.spoken import in_python, spoken
from sweeps.cli.text import complete_text
from sweeps.cli.trainers import trainers
from sweeps.cli.unsent import on_server, resumed, settled
from sweeps.cli.work import (
    INTERRUPTED,
    Say,
    aloud,
    commands,
    lines,
    make_tracker,
    publish,
    quiet,
    run_to_total,
    unfinished,
)
from sweeps.study.ended import Ended
from sweeps.study.final import with_weights
from sweeps.study.session import Session, opened, stored_study
from sweeps.study.settings import Settings
from sweeps.study.summary import summarise
from sweeps.study.sweep import Sweep
from sweeps.study.winner import confirmed_trials, winner

if TYPE_CHECKING:
    import keras
    import optuna
    import pandas as pd
    import plotly.graph_objects as go

    from objectives.scorer import Scorer

# A command's function: sweep, settings, how commands begin, data -> exit code, plain data.
Command = Callable[[Sweep, Settings, str | None, Data | None], tuple[int, Any]]


def run(
    sweep: Sweep,
    data: Any = None,
    *,
    folder: str | Path = ".",
    verbose: bool | int = True,
    **options: Any,
) -> Study:
    """Run a sweep, or go on with it, and return its study.

    An interruption (the notebook's stop button, Ctrl-C) is not an error: the study comes back as
    far as it got, and the same call goes on. SIGTERM ends the process, once the sweep has stopped
    as cleanly. Raises BadInput.

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
    """Return a study of this folder: by its name, or a sweep's own. Raises BadInput.

    study: its name, where it is not the sweep's.
    """
    settings = Settings(study=study, folder=Path(folder).resolve())
    if isinstance(sweep, str):
        settings = dataclasses.replace(settings, study=sweep)
        sweep = sweep_named(settings, sweep)
    with in_python(), reading(sweep, settings) as session:
        settings = dataclasses.replace(session.settings, folder=settings.folder)
        return Study(session.sweep, settings, session.data, session.name)


class Study(WithFront, HasEnsemble, InNotebook):
    """What a study found, read from its stores whenever it is asked."""

    def __init__(self, sweep: Sweep, settings: Settings, data: Data, name: str) -> None:
        self.sweep = sweep
        self.data = data
        self.name = name
        self._settings = dataclasses.replace(settings, study=name)

    def __repr__(self) -> str:
        with self._open() as session:
            summary = summarise(session)
            found = spoken("\n".join(lines(session, summary, columns())))
            return "\n".join([found, *commands(session, summary, None)])

    @property
    def trials(self) -> pd.DataFrame:
        """One row an ended trial: number (index), role, label, outcome, value, parameters."""
        with self._open() as session:
            return trials_frame(session)

    def curves(self, number: int) -> pd.DataFrame:
        """Return a trial's curves: one row an epoch, one column a metric. Raises BadInput."""
        from sweeps.tracking.history import NoSuchRun, curves

        try:
            with readable(self._settings) as settings:
                return curves(settings.mlflow_uri(), self.name, number)
        except NoSuchRun as error:
            raise BadInput(str(error)) from None

    @property
    def best(self) -> TrialHandle:
        """The best trial: by its mean on fresh seeds, if any were confirmed. Raises BadInput."""
        with self._open() as session:
            best = winner(session)
            if best is None:
                raise BadInput(f"study {self.name!r} has no complete trial yet")
            return TrialHandle(self, best, session)

    def trial(self, number: int) -> TrialHandle:
        """Return an ended trial. Raises BadInput."""
        with self._open() as session:
            for ended in session.store.ended():
                if ended.number == number:
                    return TrialHandle(self, ended, session)
        raise BadInput(f"study {self.name!r} has no ended trial {number}")

    @property
    def summary(self) -> dict[str, Any]:
        """The summary as plain data, as `--json` writes it."""
        with self._open() as session:
            return plain(session, summarise(session))

    def figure(self, name: str) -> go.Figure:
        """Return a Plotly figure: history, importances, parallel, slice, curves or contour.

        curves: every trial's monitored value at every epoch, as MLflow has it. Raises BadInput.
        """
        from sweeps.study.figures import figure, learning_curves
        from sweeps.tracking.history import NoSuchRun, all_curves

        with self._open() as session:
            monitor = session.sweep.objective.monitor
            if name != "curves":
                return figure(session.store.study, name, monitor)
        try:
            with readable(self._settings) as settings:
                found = all_curves(settings.mlflow_uri(), self.name)
        except NoSuchRun as error:
            raise BadInput(str(error)) from None
        return learning_curves(found, monitor)

    @property
    def optuna(self) -> optuna.Study:
        """Optuna's own study, such as for `optuna.visualization`."""
        return stored_study(self._settings.storage_url(), self.name)

    def export(
        self,
        folder: str | Path,
        trial: int | str | None = None,
        *,
        refit: bool = False,
        force: bool = False,
    ) -> Path:
        """Write `config.yaml` and `model.keras`; return the folder. Raises BadInput.

        trial: a number, "best" or "baseline"; None: the best, or the average of nets where that
        won (`ensemble.export` writes it in any case). refit: train it again, on the validation
        rows too. force: replace another trial's export.
        """
        named = None if trial is None else str(trial)
        self._do(files.export, to=Path(folder), trial=named, refit=refit, force=force)
        return Path(folder)

    def report(self, path: str | Path) -> Path:
        """Write one HTML file of the study; return its path. Raises BadInput."""
        file = Path(path)
        self._do(report.report, to=file if file.suffix == ".html" else file / "report.html")
        return file if file.suffix == ".html" else file / "report.html"

    def explain(self, trial: int | str = "baseline", *, minutes: float = 5.0) -> Any:
        """Find out why a trial's curve flattens; print it, and return it as plain data.

        trial: a number, "best" or "baseline". minutes: the most that it may train. An
        interruption returns None; the same call resumes. Raises BadInput.
        """
        return self._do(explaining.explain, trial=str(trial), budget=60.0 * minutes)

    def _do(self, command: Command, **options: Any) -> Any:
        """Run a command of the command line; return what it found as plain data."""
        settings = dataclasses.replace(self._settings, **options)
        with in_python(), all_to(log_file(settings.folder)):
            return command(self.sweep, settings, None, self.data)[1]

    @contextmanager
    def _open(self) -> Iterator[Session]:
        with reading(self.sweep, self._settings, data=self.data) as session:
            yield session


class TrialHandle:
    """One ended trial: `number`, `value`, `outcome`, `params`, `config`, `model()`.

    confirmed: the mean value on fresh seeds, None where the trial was not trained on any.
    """

    def __init__(self, study: Study, ended: Ended, session: Session) -> None:
        self._study = study
        self._ended = ended
        self.number = ended.number
        self.value = ended.value
        self.outcome = ended.outcome
        self.params = dict(ended.params)
        self.config = session.store.config(ended.params)
        means = {one.trial.number: one.mean for one in confirmed_trials(session)}
        self.confirmed = means.get(ended.number)

    def __repr__(self) -> str:
        sure = "unconfirmed" if self.confirmed is None else f"confirmed {self.confirmed}"
        return f"trial {self.number}: {self.outcome} {self.value}, {sure}, {self.params}"

    @property
    def curves(self) -> pd.DataFrame:
        """The trial's curves."""
        return self._study.curves(self.number)

    def model(self) -> keras.Model:
        """Return the trained model, as it was in its best epoch, preprocessing included.

        Its `predict` also takes a data frame of raw columns. Trained again where its weights are
        no longer kept.
        """
        from objectives.scorer import takes_frames

        return takes_frames(self.scorer())

    def scorer(self) -> Scorer:
        """Return what predicts from raw rows: `predict` (chances or numbers) and `labels`."""
        from objectives.scorer import Scorer

        with (
            tempfile.TemporaryDirectory() as folder,
            self._study._opened_to_train() as session,
        ):
            path = Path(folder) / "model.keras"
            session.trainer.evaluate(with_weights(session, self._ended), model=path)
            return Scorer.open(path)
