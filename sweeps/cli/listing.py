"""The sweeps that ship with the package, and the studies in a folder."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from objectives import BadInput, Monitor
from objectives.nearest import nearest
from sweeps.study.settings import Settings
from sweeps.study.sweep import Sweep
from sweeps.tracking.redact import redact


def built_in() -> Iterator[Sweep]:
    """Yield every sweep of the package: its public modules, found on the disk."""
    import sweeps

    for module in pkgutil.iter_modules(sweeps.__path__):
        if not module.ispkg and not module.name.startswith("_"):
            yield import_module(f"sweeps.{module.name}").SWEEP


def no_sweep(word: str, known: Iterable[str]) -> str:
    """Return that there is no such sweep or command."""
    known = [*known, "list"]
    near = nearest(word, known, cutoff=0.7)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"no sweep or command {word!r}{hint}; there are: {', '.join(known)}"


def help_lines(program: str) -> list[str]:
    """Return the help page of the program itself."""
    return [
        f"usage: {program} [list | --version | SWEEP [COMMAND] [options]]",
        "Sweep the hyperparameters of Keras models.",
        "",
        "  list       print the sweeps, and the studies in this folder",
        "  --version  print the version",
        "  --print-completion bash|zsh|tcsh  print a script for completion in a shell",
        "",
        *_sweeps(program),
        "",
        "A sweep of your own is a Python file: python my_sweep.py [COMMAND] [options]",
    ]


def _sweeps(program: str) -> list[str]:
    lines = [f"sweeps (run one with {program} SWEEP; {program} SWEEP --help shows its options)"]
    found = list(built_in())
    width = max(len(sweep.name) for sweep in found)
    return lines + [f"  {sweep.name:<{width}}  {sweep.help}" for sweep in found]


def listing(
    folder: Path | None = None, program: str = "keras-sweeps", asked: Sequence[str] = ()
) -> list[str]:
    """Return the sweeps and studies there are.

    Args:
        folder: Where the studies are, None: this one.
        program: As users call it.
        asked: Options, of which there is one: the storage, in place of the folder's.

    Raises:
        BadInput: Another option, or an unreadable store.
    """
    url = _storage(asked)
    settings = Settings(folder=folder or Path.cwd(), storage=url)
    lines = _sweeps(program)
    if url is None and not (settings.folder / "optuna.db").exists():
        return [*lines, "no study in this folder yet"]
    lines.append(f"studies in {redact(url)}:" if url else "studies in this folder:")
    return lines + (_studies(settings) or ["  none"])


def _storage(asked: Sequence[str]) -> str | None:
    """Return the storage of `--storage URL`. Raises BadInput for anything else."""
    if not asked:
        return None
    option, equals, url = asked[0].partition("=")
    rest = [url] if equals else list(asked[1:])
    if option != "--storage":
        raise BadInput(f"list has no {asked[0]}: it takes --storage URL, or nothing")
    if len(rest) != 1 or not rest[0]:
        raise BadInput("--storage needs the URL of one database: list --storage URL")
    return rest[0]


def _studies(settings: Settings) -> list[str]:
    from sweeps.study.connecting import connect
    from sweeps.study.ended import ended_trial, ranked
    from sweeps.study.identity import data_words, identity_of
    from sweeps.study.winner import ATTR, CONTENDERS, standings

    found = []
    storage = connect(settings.storage_url(), create=False)
    studies = storage.get_all_studies()
    width = max((len(study.study_name) for study in studies), default=0)
    for study in studies:
        known = identity_of(study)
        trials = storage.get_all_trials(study._study_id, deepcopy=False)
        ended = [ended_trial(t) for t in trials if t.state.is_finished()]
        monitor = Monitor.directed(known.get("monitor", "value"), study.directions[0].name)
        attrs = study.user_attrs
        wanted = Settings(confirm=attrs.get("settings", {}).get("confirm")).seeds
        stood = standings(ended, attrs.get(ATTR, {}), monitor, wanted, attrs.get(CONTENDERS, ()))
        best = ""
        if stood:  # on its own seed, another may have a better value than the winner
            best = f", best {monitor.name} {stood[0].mean:.4g} on fresh seeds"
        elif first := ranked(ended, monitor):
            best = f", best {monitor.name} {first[0].reached:.4g}"
        data = data_words(known) if known else "unknown data"
        origin = f"{known.get('sweep', 'another tool')} on {data}"
        found.append(f"  {study.study_name:<{width}}  {len(ended)} trials{best}; {origin}")
    return found
