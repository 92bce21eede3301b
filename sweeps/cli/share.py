"""What is shared: two studies compared, a model registered, a config tried, runs delivered."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from objectives.reading import counted
from sweeps.cli.found import reading
from sweeps.cli.front import first_alone
from sweeps.cli.layout import columns, fit
from sweeps.cli.unsent import UNSENT
from sweeps.study import compare as comparing
from sweeps.study.naming import check_name
from sweeps.study.session import Session
from sweeps.study.sole_driver import lock
from sweeps.study.winner import confirmed_trials
from sweeps.tracking.stores import moved

if TYPE_CHECKING:
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep


def compare(sweep: Sweep, settings: Settings, program: str) -> tuple[int, Any]:
    """Print whether one study's best is better than another's."""
    if len(settings.names) != 2:
        raise BadInput(f"compare needs two studies, not {len(settings.names)}: compare A B")
    one, other = (dataclasses.replace(settings, study=name) for name in settings.names)
    with reading(sweep, one) as first, reading(sweep, other) as second:
        found = comparing.compare(first, second)
        said = list(first_alone(first.sweep.objective, "compared"))
    print("\n".join(fit([*said, *comparing.lines(found)], columns())))
    return 0, dataclasses.asdict(found)


def with_tries(sweep: Sweep, settings: Settings) -> Settings:
    """Return settings with the parameters of the configs to try. Raises BadInput."""
    from sweeps.export.config import read

    space = sweep.objective.space
    kind = dict if space.baseline is None else type(space.baseline)
    found = (space.params(read(file, kind, sweep.name).config) for file in settings.tries)
    return dataclasses.replace(settings, queue=tuple(found))


def register(
    session: Session, number: int | None, model: Path, scores: Mapping[str, float]
) -> str:
    """Put a model into MLflow's registry; return the line that says what became of it.

    number: of the trial, None for a model of several trials.
    """
    from sweeps.tracking.history import NoSuchRun
    from sweeps.tracking.registry import register as put

    try:
        found = put(
            session.settings.mlflow_uri(),
            session.name,
            model,
            scores,
            session.data.digest,
            monitor=session.monitor.name,
            better=session.monitor.better,
            number=number,
            code=scoring_code(),
            means={one.trial.number: one.mean for one in confirmed_trials(session)},
        )
    except NoSuchRun as error:
        raise BadInput(f"--register: {error}") from None
    role = "as champion" if found.champion else "but not as champion"
    return f"registered version {found.version} {role} ({found.uri}): {found.reason}"


def scoring_code() -> list[Path]:
    """Return the packages that a registered model's scorer imports."""
    import objectives
    import search_spaces

    return [Path(str(package.__file__)).parent for package in (objectives, search_spaces)]


def sync(sweep: Sweep, settings: Settings, program: str) -> tuple[int, Any]:
    """Send MLflow what it still lacks of this folder's studies, and of what explains them."""
    from sweeps.study.settings import STATE
    from sweeps.tracking.sync import sync as send

    if (said := moved(settings.mlflow_uri())) is not None:
        print(said)
    root = settings.folder / STATE
    names = [settings.study] if settings.study else sorted(p.name for p in root.glob("*"))
    folders = [folder for name in names for folder in _tracked(root / check_name(name))]
    complete = True
    for folder in folders:
        name = " ".join(folder.relative_to(root).parts)
        with lock(folder, name):
            sent, left, answered = send(settings.mlflow_uri(), folder)
        said = f"{counted(sent, 'item')} uploaded, " if sent else ""
        if left:
            said += f"{counted(left, 'item')} not yet uploaded"
        else:
            said += "up to date" if answered else "none left, but MLflow could not be asked"
        print(f"{name}: {said}")
        complete = complete and answered and not left
    return (0 if complete else UNSENT), None


def _tracked(folder: Path) -> list[Path]:
    """Return the folders of a study that have a journal for MLflow: its own, and of probes."""
    found = [folder, *sorted(folder.glob("explain/*"))]
    return [one for one in found if (one / "tracking").is_dir()]
