"""What a running sweep shows: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from objectives.training import Logs, Outcome, TrialResult, TrialSpec
from sweeps.cli.text import time_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

EVERY = 15.0  # seconds between plain lines while no trial ends


class Watcher:
    """Counts trials, keeps the best so far, and guesses the time left.

    total: ended trials that the study goes to. done: those it had before.
    """

    def __init__(self, total: int, done: int, mode: str, quiet: bool = False) -> None:
        self.total = total
        self.done = done
        self.sign = 1.0 if mode == "min" else -1.0
        self.quiet = quiet
        self.counts = dict.fromkeys(Outcome, 0)
        self.best: tuple[float, int] | None = None
        self.labels: dict[int, str] = {}
        self.now = ""
        self.address: Callable[[], str | None] = lambda: None
        self._addressed = False
        self.started_at = self.spoke_at = time.monotonic()
        self._bar: Bar | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show a live display while the block runs, where there is a terminal."""
        from rich.console import Console

        console = Console()
        if self.quiet or not console.is_terminal:
            yield
            return
        with self._display(console) as bar:
            self._bar = bar
            self._task = bar.add_task("", total=self.total, completed=self.done)
            try:
                yield
            finally:
                self._bar = None

    def _display(self, console: Console) -> Bar:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bar

        return Bar(
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            console=console,
            refresh_per_second=5,
        )

    def started(self, spec: TrialSpec, label: str) -> None:
        """Take a trial that was asked for."""
        self.labels[spec.number] = label

    def epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> None:
        """Take an epoch's logs."""
        self.now = (
            f"#{spec.number} {self.labels.get(spec.number, '')} epoch {epoch}/{spec.max_epochs} "
            f"{spec.monitor} {logs[spec.monitor]:.4g} rate {logs['learning_rate']:.2g}"
        )
        if self._bar is not None:
            self._bar.update(self._task, description=f"{self.state()} | {self.now}")
        elif time.monotonic() - self.spoke_at > EVERY:
            self._say(f"{self.state()} | {self.now}")

    def ended(self, result: TrialResult) -> None:
        """Take the end of a trial, or its interruption."""
        spec, label = result.spec, self.labels.pop(result.spec.number, "")
        self.counts[result.outcome] += 1
        if result.outcome is Outcome.INTERRUPTED:
            return
        self.done += 1
        if result.outcome is Outcome.COMPLETE and result.value is not None:
            better = self.best is None or self.sign * result.value < self.sign * self.best[0]
            if better:
                self.best = result.value, spec.number
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, description=self.state())
        value = "" if result.value is None else f" {spec.monitor} {result.value:.4g}"
        kept = result.extra.get("resumed_epoch")
        again = f" (on from epoch {kept})" if kept else ""
        line = (
            f"[{self.done}/{self.total}] #{spec.number} {label}: {result.outcome.value}{value} "
            f"after {result.epochs} epochs{again}, {time_text(result.seconds)}{self._left()}"
        )
        self._say(line)
        self._tell_address()
        if "checkpoint" in result.extra:
            self._say(f"#{spec.number}: {result.extra['checkpoint']}")
        if result.fallback and result.outcome is not Outcome.FAILED:
            self._say(f"#{spec.number} trained by plain fit: {result.fallback}")
        if result.outcome is Outcome.FAILED and result.error:
            self._say(f"#{spec.number} failed: {result.error.strip().splitlines()[-1]}")

    def _tell_address(self) -> None:
        """Say once, as soon as it is known, where the curves can be watched."""
        if not self._addressed and (address := self.address()) is not None:
            self._addressed = True
            self._say(f"curves   mlflow ui      then open {address}")

    def state(self) -> str:
        """Return the counts, the best so far and the time left."""
        parts = [f"{self.done}/{self.total} trials"] + [
            f"{self.counts[outcome]} {outcome.value}"
            for outcome in (Outcome.PRUNED, Outcome.DIVERGED, Outcome.FAILED)
            if self.counts[outcome]
        ]
        if self.best is not None:
            parts.append(f"best #{self.best[1]} {self.best[0]:.4g}")
        return ", ".join(parts) + self._left()

    def _left(self) -> str:
        ran = sum(n for outcome, n in self.counts.items() if outcome is not Outcome.INTERRUPTED)
        if not ran or self.done >= self.total:
            return ""
        left = (time.monotonic() - self.started_at) / ran * (self.total - self.done)
        return f", about {time_text(left)} left"

    def _say(self, line: str) -> None:
        self.spoke_at = time.monotonic()
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        elif not self.quiet:
            print(line, flush=True)
