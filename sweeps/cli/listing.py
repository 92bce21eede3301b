"""The sweeps that ship with the package, and the studies in a folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from objectives import Monitor
from sweeps.study.settings import Settings
from sweeps.study.sweep import Sweep


def built_in() -> Iterator[Sweep]:
    """Yield every sweep of the package: its public modules, found on the disk."""
    import sweeps

    for module in pkgutil.iter_modules(sweeps.__path__):
        if not module.ispkg and not module.name.startswith("_"):
            yield import_module(f"sweeps.{module.name}").SWEEP


def listing(folder: Path | None = None) -> list[str]:
    """Return what `python -m sweeps` prints. Raises BadInput for a store that cannot be read."""
    settings = Settings(folder=folder or Path.cwd())
    lines = ["sweeps (run one with python -m sweeps.NAME, see its --help):"]
    lines += [f"  {sweep.name:<18} {sweep.help}" for sweep in built_in()]
    store = settings.folder / "optuna.db"
    if not store.exists():
        return [*lines, "no study in this folder yet"]
    lines.append("studies in this folder:")
    return lines + (_studies(settings) or ["  none"])


def _studies(settings: Settings) -> list[str]:
    from sweeps.study.ended import ended_trial, ranked
    from sweeps.study.identity import data_words, identity_of
    from sweeps.study.storage import connect
    from sweeps.study.winner import ATTR, standings

    found = []
    storage = connect(settings.storage_url(), create=False)
    studies = storage.get_all_studies()
    width = max((len(study.study_name) for study in studies), default=0)
    for study in studies:
        known = identity_of(study)
        trials = storage.get_all_trials(study._study_id, deepcopy=False)
        ended = [ended_trial(t) for t in trials if t.state.is_finished()]
        monitor = Monitor.directed(known.get("monitor", "value"), study.direction.name)
        wanted = study.user_attrs.get("settings", {}).get("confirm") or 0
        stood = standings(ended, study.user_attrs.get(ATTR, {}), monitor, wanted)
        first = [one.trial for one in stood] or ranked(ended, monitor)
        best = f", best {monitor.name} {first[0].value:.4g}" if first else ""
        data = data_words(known) if known else "unknown data"
        origin = f"{known.get('sweep', 'another tool')} on {data}"
        found.append(f"  {study.study_name:<{width}}  {len(ended)} trials{best}; {origin}")
    return found
