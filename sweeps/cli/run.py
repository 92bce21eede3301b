"""Run a sweep, or resume it; and show its summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweeps.cli.found import plain, reading
from sweeps.cli.layout import columns
from sweeps.cli.share import with_tries
from sweeps.cli.text import complete_text
from sweeps.cli.unsent import on_server, resumed, settled
from sweeps.cli.work import (
    INTERRUPTED,
    aloud,
    commands,
    lines,
    make_tracker,
    publish,
    quiet,
    run_to_total,
    unfinished,
)
from sweeps.study.session import opened
from sweeps.study.summary import summarise

if TYPE_CHECKING:
    from sweeps.cli.notify import Told
    from sweeps.study.session import MakeTrainer
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep


def run_with(
    sweep: Sweep, settings: Settings, program: str, make_trainer: MakeTrainer, told: Told
) -> tuple[int, Any]:
    """Bring a study to its total. told: takes what `--notify` tells."""
    say = quiet if settings.quiet else aloud
    settings = with_tries(sweep, settings)
    with opened(sweep, settings, make_trainer, make_tracker) as session:
        told.session = session
        for note in session.notes:
            say(note)
        code, to_do = 0, unfinished(session)
        if to_do:
            code = run_to_total(session, say, quiet=settings.quiet, verbose=settings.verbose)
        else:
            say(complete_text(session.name, len(session.store.ended()), session.sweep.n_trials))
        told.code = code
        if code == INTERRUPTED:
            return code, None
        summary = summarise(session)
        print("\n".join(lines(session, summary, columns())), flush=True)
        late = publish(session, summary, say) if to_do else resumed(session, say)
        print("\n".join(commands(session, summary, program)))
        told.plain = plain(session, summary)
        told.code = (settled(session, code) if on_server(session) else code) or late
        return told.code, told.plain


def show(sweep: Sweep, settings: Settings, program: str) -> tuple[int, Any]:
    """Print a study's summary again."""
    with reading(sweep, settings) as session:
        summary = summarise(session)
        print("\n".join([*session.notes, *lines(session, summary, columns())]))
        print("\n".join(commands(session, summary, program)))
        return 0, plain(session, summary)
