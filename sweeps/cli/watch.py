"""`watch`: the report of a study as a page on this machine, while the sweep runs.

It reads only: it makes no study, takes no lock, and a driver beside it does not notice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.cli.again import place
from sweeps.cli.found import reading
from sweeps.cli.report import gathered
from sweeps.cli.serving import Page, served
from sweeps.study.settings import STATE

if TYPE_CHECKING:
    from sweeps.study.session import Session
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep

LOG = logging.getLogger("sweeps")
LOOK = 1.0  # seconds between two looks at the sweep
SHARE = 10  # of the time: a page that took a second to make is made again after ten
SOONEST = 5.0  # seconds between two pages
VIEWED = 30.0  # seconds within which a browser that shows the page asks again
LAST = 10.0  # seconds that the last page waits to be fetched


def watch(sweep: Sweep, settings: Settings, program: str) -> tuple[int, Any]:
    """Serve a study's report until its sweep ends, or until Ctrl-C."""
    page = Page()
    try:
        lock = _make(page, sweep, settings, program, ended=False)
        with served(page, settings.port) as address:
            runs = running(lock)
            how = "it ends with the sweep, or with Ctrl-C"
            if runs is False:
                how = "no sweep is training it now, so Ctrl-C ends it"
            print(f"the report is at {address} and follows the study; {how}", flush=True)
            _follow(page, lock, lambda over: _make(page, sweep, settings, program, ended=over))
    except KeyboardInterrupt:
        print("stopped watching; the sweep is not affected")
        return 130, None
    with reading(sweep, settings) as session:
        found = place(session)
    print(f"the sweep has ended: {program} report{found} writes its page to a file")
    return 0, None


def _follow(page: Page, lock: Path, make: Callable[[bool], object]) -> None:
    """Make the page again and again while it is looked at, and once more when the sweep ends."""
    begun, due = False, time.monotonic() + SOONEST
    while True:
        runs = running(lock)
        begun = begun or bool(runs)
        over = begun and runs is False
        if over or (time.monotonic() >= due and page.watched(VIEWED)):
            started = time.monotonic()
            try:
                make(over)
            except Exception as error:  # of a store that is busy or away: there is a next time
                LOG.exception("the page was not made")
                page.says = f"Not refreshed at {time.strftime('%H:%M:%S')}: {error}"
            now = time.monotonic()
            due = now + max(SOONEST, SHARE * (now - started))
        if over:
            break
        time.sleep(LOOK)
    until = time.monotonic() + LAST
    while page.watched(VIEWED) and page.last_seen != page.version and time.monotonic() < until:
        time.sleep(LOOK / 5)


def _make(page: Page, sweep: Sweep, settings: Settings, program: str, *, ended: bool) -> Path:
    """Make the page of a study as it is now; return the file that its driver locks."""
    from sweeps.report.page import Live, render, waiting

    with reading(sweep, settings) as session:
        done, version = len(session.store.ended()), _version(session, ended=ended)
        of = f"{done} of {max(done, session.sweep.n_trials)} trials"
        said = "The sweep has ended" if ended else "Live"
        says = f"{said}: {of}, as of {time.strftime('%H:%M:%S')}"
        live = Live(version, says)
        if version != page.version:
            html = render(gathered(session, program), live) if done else waiting(live)
            page.body, page.version = html.encode(), version
        page.says = says
        return settings.folder / STATE / session.name / "lock"


def _version(session: Session, *, ended: bool) -> str:
    """Return a text that changes with what the page shows of the store."""
    trials = session.store.study.get_trials(deepcopy=False)
    reports = sum(len(trial.intermediate_values) for trial in trials)
    attrs = session.store.study.user_attrs
    confirmed = len(attrs.get("confirm", {}))
    states = "".join(str(trial.state.value) for trial in trials)
    known = (states, reports, confirmed, attrs.get("final"), attrs.get("best"), ended)
    return f"{hash(repr(known)):x}"


def running(lock: Path) -> bool | None:
    """Return whether a driver holds a study's lock, None where this system does not tell.

    Read off the kernel's list: to try the lock would refuse a driver that starts just then.
    """
    try:
        held = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    try:
        inode = lock.stat().st_ino
    except OSError:
        return False
    return any(
        fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode)
        for fields in (line.split() for line in held)
        if len(fields) >= 6 and fields[1] != "->"
    )
