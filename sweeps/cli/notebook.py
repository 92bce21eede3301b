"""What a running sweep and its study look like in a notebook: a bar and a short table.

Lines are for terminals. In a notebook a cell shows one picture that is renewed, and below it only
what is no routine: a trial that failed, or that is trained by `model.fit`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from sweeps.cli.progress import Watcher
from sweeps.study.confirm import confirmed

if TYPE_CHECKING:
    from objectives.training import Logs, TrialResult, TrialSpec
    from sweeps.cli.studies import Study
    from sweeps.study.session import Session
    from sweeps.study.summary import Summary

RENEWED = 0.5  # seconds between two pictures
ROWS = 5
KEPT = ("difference in ", "best:", "no clear difference", "suggestion:", "curves ")


def active() -> bool:
    """Return whether this process is a notebook's kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


def watcher(*args: Any, **more: Any) -> Watcher:
    """Return who shows how far a sweep is, here."""
    return (NotebookWatcher if active() else Watcher)(*args, **more)


class NotebookWatcher(Watcher):
    """Draws a bar and the best trials in place of a line a trial."""

    _handle: Any = None
    _drawn = 0.0
    _routine = "\0"  # how a line begins that is not said

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._rows: list[tuple[float, Sequence[str]]] = []

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the picture while the block runs, and as it is in the end."""
        if self.quiet or self.verbose:
            yield
            return
        from IPython.display import HTML, display

        self._handle = display(HTML(self._html()), display_id=True)
        try:
            yield
        finally:
            self._draw(at_once=True)
            self._handle = None

    def epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> None:
        """Take an epoch's logs."""
        if self._handle is not None:
            self.spoke_at = time.monotonic()  # no line is due: the picture says it
        super().epoch(spec, epoch, logs)
        self._draw()

    def ended(self, result: TrialResult) -> None:
        """Take the end of a trial, or its interruption."""
        super().ended(result)
        self._draw(at_once=self.done == self.total)

    def _tell(self, result: TrialResult, label: str) -> None:
        spec = result.spec
        if result.value is not None:
            cells = (f"#{spec.number}", label, f"{result.value:.4g}", result.outcome.value)
            self._rows.append((spec.monitor.sign * result.value, (*cells, str(result.epochs))))
            self._rows = sorted(self._rows)[:ROWS]
            self._head = ("trial", "", spec.monitor.name, "outcome", "epochs")
        if self._handle is not None:
            self._routine = f"[{self.done}/{self.total}] "
        super()._tell(result, label)

    def _say(self, line: str) -> None:
        if not line.startswith(self._routine):
            super()._say(line)

    def _draw(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._handle is None or not (at_once or now - self._drawn >= RENEWED):
            return
        from IPython.display import HTML

        self._drawn = now
        self._handle.update(HTML(self._html()))

    def _html(self) -> str:
        bar = f'<progress value="{self.done}" max="{max(self.total, 1)}"></progress>'
        state = ", ".join(filter(None, [f"{self.done} of {self.total} {self.noun}", self.state()]))
        found = f"<div>{bar} {escape(state)}</div><div><small>{escape(self.now)}</small></div>"
        rows = [cells for _, cells in self._rows]
        return found + (table(self._head, rows) if rows else "")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, escaped."""
    heads = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def show(study: Study) -> None:
    """Print a study, or show it where that is possible."""
    if not active():
        print(study)
        return
    from IPython.display import HTML, display

    display(HTML(study._repr_html_()))


def study_html(session: Session, summary: Summary, lines: Sequence[str]) -> str:
    """Return a study in short: its best trials, what they gain, what to try next.

    lines: the whole summary, in the words of Python; it is there to be opened.
    """
    label = session.store.space.label
    trials = {trial.number: trial for trial in session.store.ended()}
    found, monitor = confirmed(session), summary.monitor

    def named(number: int) -> tuple[str, str]:
        trial = trials[number]
        role = " baseline" if trial.role == "baseline" else ""
        return f"#{number}{role}", label(session.store.config(trial.params))

    head: Sequence[str]
    rows: list[Sequence[str]]
    if found is not None:
        head = ("trial", "", f"{monitor}, mean of {found.repeats} fresh seeds", "own seed")
        rows = [
            (*named(one.number), f"{one.mean:.4g}", f"{one.value:.4g}") for one in found.trials
        ]
    else:
        head = ("trial", "", monitor)
        rows = [(*named(one.number), f"{one.reached:.4g}") for one in summary.top]
    said = [line.strip() for line in lines if line.strip().startswith(KEPT)]
    whole = escape("\n".join(lines))
    return "".join(
        [
            f"<div><b>{escape(lines[0])}</b></div>",
            table(head, rows[: ROWS + 1]),
            *(f"<div>{escape(line)}</div>" for line in said),
            f"<details><summary>all that was found</summary><pre>{whole}</pre></details>",
        ]
    )
