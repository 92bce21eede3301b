"""A study in Python: what it found, read from its stores whenever it is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Data
from sweeps.cli import explain as explaining
from sweeps.cli import files, report
from sweeps.cli.found import plain, reading
from sweeps.cli.frames import trials_frame
from sweeps.cli.handles import Ensemble, TrialHandle
from sweeps.cli.layout import columns
from sweeps.cli.logs import all_to, log_file
from sweeps.cli.notebook import study_html
from sweeps.cli.readable import readable
from sweeps.cli.spoken import in_python, spoken
from sweeps.cli.trainers import trainers
from sweeps.cli.work import commands, lines
from sweeps.study.average import averaged
from sweeps.study.session import Session, stored_study
from sweeps.study.settings import Settings
from sweeps.study.several import front
from sweeps.study.summary import summarise
from sweeps.study.sweep import Sweep
from sweeps.study.winner import winner

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    import plotly.graph_objects as go

# A command's function: sweep, settings, how commands begin, data -> exit code, plain data.
Command = Callable[[Sweep, Settings, str | None, Data | None], tuple[int, Any]]


class Study:
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

    def _repr_html_(self) -> str:
        with self._open() as session:
            return study_html(session, summarise(session), repr(self).splitlines())

    @property
    def trials(self) -> pd.DataFrame:
        """One row an ended trial: number (index), role, label, outcome, value, parameters."""
        with self._open() as session:
            return trials_frame(session)

    def curves(self, number: int) -> pd.DataFrame:
        """Return a trial's curves: one row per epoch, one column per metric. Raises BadInput."""
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

    @property
    def best_trials(self) -> list[TrialHandle]:
        """The trials that none beats in every monitor, the best by the first one first.

        With one monitor, the best trial.
        """
        with self._open() as session:
            monitors = session.sweep.objective.monitors
            found = front(session.store.ended(), monitors)
            if len(monitors) == 1:  # on fresh seeds another may be the best than by value
                found = [best] if (best := winner(session)) is not None else []
            return [TrialHandle(self, trial, session) for trial in found]

    @property
    def ensemble(self) -> Ensemble:
        """The average of nets that the sweep has trained anyway. Raises BadInput without one."""
        with self._open() as session:
            found = averaged(session)
            if found is None or len(found.members) < 2:
                reason = found.reason if found is not None else None
                raise BadInput(
                    f"no average of nets in study {session.name!r}: "
                    + (reason or "none is kept, or none is better than its best net")
                )
            return Ensemble(self, found)

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

    @contextmanager
    def _opened_to_train(self) -> Iterator[Session]:
        with (
            all_to(log_file(self._settings.folder)),
            trainers(self.sweep, self._settings, workers=0) as make_trainer,
            reading(self.sweep, self._settings, make_trainer, self.data) as session,
        ):
            yield session
