"""What a caller in Python gives: options as values, hyperparameters as dicts, and studies."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from objectives import BadInput
from objectives.nearest import nearest
from search_spaces import label, plain
from sweeps.cli.options import settings
from sweeps.cli.share import with_tries
from sweeps.study.options import OPTIONS, Options
from sweeps.study.settings import Settings
from sweeps.study.sweep import Sweep

PYTHON = {name: one for name, one in OPTIONS.items() if one.python}
DICTS = {
    "fix": "{'width': 32}",
    "ranges": "{'learning_rate': (1e-3, 1e-1)}",
    "limit": "{'params': 50_000}",
}


def require_sweep(sweep: Any, call: str) -> None:
    """Raise BadInput where something else was given as a sweep."""
    if not isinstance(sweep, Sweep):
        given = repr(sweep) if isinstance(sweep, str) else type(sweep).__name__
        raise BadInput(
            f"sweeps.{call} was given {given}: it takes a Sweep, as of "
            "`from sweeps.dense_binary import SWEEP`"
        )


def given_settings(sweep: Sweep, given: Mapping[str, Any], folder: Path) -> Settings:
    """Return the settings that keyword arguments stand for. Raises BadInput."""
    for name in given:
        if name not in PYTHON:
            near = nearest(name, PYTHON)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(PYTHON)}"
            raise BadInput(f"unknown option {name}; {hint}")
    values = dict(given)
    for name in DICTS:
        if values.get(name) is not None:
            values[name] = _texts(name, values[name])
    if isinstance(values.get("tries"), str | Path):
        values["tries"] = [values["tries"]]
    found = settings(sweep, values, lambda one, value: f"{one.name}={value!r}", folder=folder)
    return with_tries(sweep, found)


def _texts(option: str, given: Any) -> list[str]:
    """Return hyperparameters as the command line has them: `width=32`, `rate=0.1:1.0`."""
    if not isinstance(given, Mapping):
        raise BadInput(f"{option}={given!r}: give a dict, such as {DICTS[option]}")
    return [f"{name}={_text(option, name, value)}" for name, value in given.items()]


def _text(option: str, name: str, value: Any) -> str:
    if option in ("fix", "limit"):
        return str(label(value))
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise BadInput(f"{option}={{{name!r}: {value!r}}}: give (low, high), or a list of choices")
    if len(value) == 2 and all(isinstance(v, Real) and not isinstance(v, bool) for v in value):
        return ":".join(str(v) for v in value)
    words = [str(label(v)) for v in value]
    if any((isinstance(v, str) and set(v) & set(',:"')) or plain(v) != label(v) for v in value):
        words = [json.dumps(plain(v)) for v in value]  # what a comma alone does not tell apart
    return ",".join(words)


def describe(run: Callable[..., Any]) -> None:
    """Give a function that takes options their names, defaults and help, as `help` shows them."""
    shown = inspect.signature(run)
    options = inspect.signature(Options).parameters
    own = [p for p in shown.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    rows = [
        options[name].replace(
            kind=inspect.Parameter.KEYWORD_ONLY,
            annotation="Mapping[str, Any] | None" if name in DICTS else options[name].annotation,
        )
        for name in PYTHON
        if name not in shown.parameters
    ]
    run.__signature__ = shown.replace(parameters=[*own, *rows])  # type: ignore[attr-defined]
    lines = (
        f"{row.name}: {OPTIONS[row.name].help}"
        + (f"; {DICTS[row.name]}." if row.name in DICTS else ".")
        for row in rows
    )
    run.__doc__ = f"{inspect.cleandoc(run.__doc__ or '')}\n\nOptions:\n" + "\n".join(
        textwrap.fill(line, 96, initial_indent="    ", subsequent_indent="        ")
        for line in lines
    )


def sweep_named(settings: Settings, name: str) -> Sweep:
    """Return the built-in sweep that a study is of. Raises BadInput for one of the user's own."""
    from sweeps.cli.listing import built_in
    from sweeps.study.connecting import connect
    from sweeps.study.identity import stored_identity

    known = {sweep.name: sweep for sweep in built_in()}
    identity = stored_identity(connect(settings.storage_url(), create=False), name)
    found = known.get(identity.get("sweep", name))
    if found is None:
        raise BadInput(
            f"study {name!r} is of a sweep of your own: give the sweep too, "
            f"sweeps.load(SWEEP, study={name!r})"
        )
    return found
