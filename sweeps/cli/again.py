"""Command lines for a study that exist already or could: they work as printed, when pasted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sweeps.cli.places import free_place
from sweeps.cli.source import options_of
from sweeps.study.options import OPTIONS
from sweeps.study.sweep import PRUNERS, SAMPLERS, named
from sweeps.tracking.redact import redact

if TYPE_CHECKING:
    from sweeps.study.session import Session
    from sweeps.study.summary import Summary

Option = tuple[str, Any]  # None leaves it out, True stands alone


def written(options: Iterable[Option]) -> str:
    """Return options as a shell takes them, each with a space before it."""
    return "".join(
        f" --{name}" if value is True else f" --{name} {shlex.quote(str(value))}"
        for name, value in options
        if value is not None
    )


def stores(session: Session) -> list[Option]:
    """Return the options that name other stores than this folder's, `***` for a password."""
    settings = session.settings
    found = (("storage", settings.storage), ("tracking-uri", settings.tracking_uri))
    return [(name, None if uri is None else redact(uri)) for name, uri in found]


def hidden(commands: Iterable[str]) -> list[str]:
    """Return the line that says what `***` in commands stands for, none where they have none."""
    if not any("***" in command for command in commands):
        return []
    return [
        "*** stands for a password, which is never shown: fill it in, or keep it out of addresses "
        "(~/.pgpass, MLFLOW_TRACKING_PASSWORD), and the commands work unchanged"
    ]


def place(session: Session) -> str:
    """Return the options by which another command finds this study."""
    name = None if session.name == session.sweep.name else session.name
    return written([("study", name), *stores(session)])


def same(session: Session, study: str | None = None, wider: Iterable[str] = ()) -> str:
    """Return the options that a fresh folder needs for the same sweep.

    study: another name. wider: ranges in place of the study's own.
    """
    settings, ranges = session.settings, list(wider)
    names = {text.partition("=")[0] for text in ranges}
    kept = [text for text in settings.ranges or () if text.partition("=")[0] not in names]
    own = None if session.name == session.sweep.name else session.name
    found = vars(settings) | options_of(settings.source) | {"ranges": ranges + kept}
    found["sampler"] = named(settings.sampler, SAMPLERS)
    found["pruner"] = named(settings.pruner, PRUNERS)
    found["trials"] = len(session.store.ended()) if study is None else session.sweep.n_trials
    given: list[Option] = [("study", study or own), *stores(session)]
    for name, one in OPTIONS.items():
        if one.kept and found[name] != one.default:
            values = found[name] if one.many else [found[name]]
            given += [(one.flag.removeprefix("--"), value) for value in values]
    return written(given)


def wider_name(name: str) -> str:
    """Return a name for a study with wider ranges than this one."""
    found = re.fullmatch(r"(.*-wider)(\d*)", name)
    return f"{found[1]}{int(found[2] or 1) + 1}" if found else f"{name[:72]}-wider"


def further(session: Session, summary: Summary, program: str) -> list[str]:
    """Return what to do next with a study, a command a line."""
    where = place(session)
    found = [
        f"export   {program} export{where} --to {shlex.quote(free_place(session, summary))}",
        f"explain  {program} explain{where}       (at most 5 min)",
        f"more     {program}{where} --trials {2 * sum(summary.counts.values())}",
    ]
    if session.sweep.objective.function is not None:
        del found[1]
    if summary.wider:
        found.append(f"wider    {program}{same(session, wider_name(session.name), summary.wider)}")
    return found
