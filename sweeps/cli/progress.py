"""What a running sweep shows: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from objectives.reading import counted
from objectives.training import Logs, Outcome, TrialResult, TrialSpec
from objectives.training.errors import error_line
from sweeps.cli.layout import columns
from sweeps.cli.pace import Pace
from sweeps.cli.text import curves_text
from sweeps.study.ended import STANDARD_ERROR, ranked, value_text
from sweeps.study.readers import time_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from objectives import Monitor
    from sweeps.study.ended import Ended

EVERY = 15.0  # seconds between plain lines while no trial ends
LOOKS = 50  # at how many runs will follow, over a sweep
MEASURED = 20.0  # seconds of epochs after which a long trial's length can be told


class Watcher:
    """Counts trials, keeps the best so far, and tells the time left.

    total: ended trials that the study goes to. done: those it had before. quiet: says nothing.
    verbose: says every epoch. each: says every trial's end. noun: of what is counted. places: of
    trials at once. known: seconds of each earlier trial. after: runs that follow the trials, and
    `share` what they take at most, of the trials' seconds.
    """

    def __init__(
        self,
        total: int,
        done: int,
        quiet: bool = False,
        *,
        verbose: bool = False,
        each: bool = True,
        noun: str = "trials",
        places: int = 1,
        known: tuple[float, ...] = (),
        after: int = 0,
        share: float = math.inf,
    ) -> None:
        self.total = total
        self.done = done
        self.quiet, self.verbose, self.each, self.noun = quiet, verbose, each, noun
        self.counts = dict.fromkeys(Outcome, 0)
        self.best: tuple[float, int] | None = None
        self.labels: dict[int, str] = {}
        self.now = ""
        self.address: Callable[[], str | None] = lambda: None
        self.following: Callable[[], int] | None = None  # how many runs are expected to follow
        self.uri: str | None = None  # of MLflow's store, where it is not this folder's
        self.pace = Pace(total - done, places, known, after, share=share)
        self._after = after
        self._expected = self.pace.seconds_left() is not None or not each
        self._addressed = False
        self._reasons: set[str] = set()
        self._first: dict[int, tuple[int, float]] = {}  # a trial's first epoch here, and when
        self.spoke_at = time.monotonic()
        self._bar: Bar | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show a live display while the block runs, where there is a terminal."""
        from rich.console import Console

        console = Console()
        if self.quiet or self.verbose or not console.is_terminal:
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
        from rich.table import Column

        text = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        return Bar(
            MofNCompleteColumn(),
            BarColumn(bar_width=6),
            TextColumn("{task.description}", markup=False, table_column=text),
            console=console,
            refresh_per_second=5,
            expand=True,
        )

    def resume(self, ended: list[Ended], monitor: Monitor) -> None:
        """Take the trials of earlier sittings: counts and best are the study's."""
        for trial in ended:
            self.counts[Outcome(trial.outcome)] += 1
        for trial in ranked(ended, monitor)[:1]:
            self.best = trial.reached, trial.number
        self.pace.before(
            (
                t.seconds,
                t.outcome == "complete",
                None if t.value is None else monitor.sign * t.value,
            )
            for t in ended
        )

    def expect(self, runs: int) -> None:
        """Take how many runs are still to come."""
        self.total = self.done + runs
        self.pace.expect(runs)
        if self._bar is not None:
            self._bar.update(self._task, total=self.total)

    def expected(self) -> str:
        """Return the expected time in words, or when it will be told."""
        left = self.pace.seconds_left()
        if left is None:
            return "shown after the first trial"
        return f"about {time_text(left)}, based on earlier trials"

    def started(self, spec: TrialSpec, label: str) -> None:
        """Take a trial that was asked for."""
        self.labels[spec.number] = label

    def epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> None:
        """Take an epoch's logs."""
        self.pace.epoch(spec.number)
        label = self.labels.get(spec.number, "")
        named = f"#{spec.number} {label}".rstrip() if self.each else label
        value = _value(logs[spec.monitor.name], f"{spec.monitor.name} ")
        self.now = f"{named} epoch {epoch}/{spec.max_epochs} {value}".rstrip()
        self._tell_address()
        self._expect_by_epochs(spec, epoch)
        if self.verbose:
            rest = (f"{n} {v:.4g}" for n, v in logs.items() if n != spec.monitor.name)
            self._say(f"{self.now}  {'  '.join(rest)}")
        elif self._bar is not None:
            self._bar.update(self._task, description=self._brief(spec, epoch, logs, label))
        elif time.monotonic() - self.spoke_at > EVERY:
            counted = f"{self.done}/{self.total} {self.noun}"
            state = f", {self.state()}" if self.state() else ""
            self._say(f"{counted}{state} | {self.now}")

    def _brief(self, spec: TrialSpec, epoch: int, logs: Logs, label: str) -> str:
        """Return the state and the newest epoch so that both fit in 80 columns."""
        named = f"#{spec.number}" if self.each else label
        state = self.state("{} left")
        value = _value(logs[spec.monitor.name])
        now = f"{named} epoch {epoch}/{spec.max_epochs} {value}".rstrip()
        return f"{state} | {now}".lstrip(" |")

    def ended(self, result: TrialResult) -> None:
        """Take the end of a trial, or its interruption."""
        spec, label = result.spec, self.labels.pop(result.spec.number, "")
        self.counts[result.outcome] += 1
        if result.outcome is Outcome.INTERRUPTED:
            self.pace.dropped(spec.number)
            return
        self.done += 1
        complete = result.outcome is Outcome.COMPLETE
        value = None if result.value is None else spec.monitor.sign * result.value
        self.pace.ended(spec.number, result.seconds, complete, value)
        if self.following is not None and self.done % max(1, self.total // LOOKS) == 0:
            self.pace.follow(self.following())
        if complete and result.value is not None and self._better(spec.monitor, result.value):
            self.best = result.value, spec.number
        if self.each:
            self._tell(result, label)
        if complete:
            self._expect(result.seconds, f"#{spec.number}")
        self._tell_address()
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, description=self.state())

    def _better(self, monitor: Monitor, value: float) -> bool:
        return self.best is None or monitor.better(value, self.best[0])

    def _tell(self, result: TrialResult, label: str) -> None:
        number, monitor = result.spec.number, result.spec.monitor.name
        value, error = "", result.extra.get(STANDARD_ERROR)
        if result.value is not None:
            value = f" {monitor} {value_text(result.value, error)}"
        kept = result.extra.get("resumed_epoch")
        again = f" (resumed from epoch {kept})" if kept else ""
        named = f"#{number} {label}".rstrip()
        line = f"[{self.done}/{self.total}] {named}: {result.outcome.value}{value}"
        if over := result.extra.get("over"):
            line += f" ({over})"
        # The least important last: a narrow terminal shows as many as fit in one line.
        for part in (
            *([] if over else [f" after {counted(result.epochs, 'epoch')}{again}"]),
            *([] if over else [f", {time_text(result.seconds)}"]),
            *(f", {left}" for left in self._left()),
        ):
            if len(line + part) > (columns() or sys.maxsize):
                break
            line += part
        self._say(line)
        if "checkpoint" in result.extra:
            self._say(f"#{number}: {result.extra['checkpoint']}")
        for note in result.extra.get("notes", ()):
            if note not in self._reasons:
                self._reasons.add(note)
                self._say(f"#{number}: {note}")
        if result.outcome is Outcome.FAILED:
            if result.error:
                self._say(f"#{number} failed: {error_line(result.error)}")
        elif result.fallback and result.fallback not in self._reasons:
            self._reasons.add(result.fallback)
            self._say(
                f"#{number} and trials like it are trained by model.fit, which is slower: "
                f"{result.fallback}"
            )

    def _expect_by_epochs(self, spec: TrialSpec, epoch: int) -> None:
        """Tell the expected time by a long trial's epochs, before its end."""
        if self._expected:
            return
        now = time.monotonic()
        first, begun = self._first.setdefault(spec.number, (epoch, now))
        if now - begun >= MEASURED and epoch > first:
            one = (now - begun) / (epoch - first)
            self._expect(one * spec.max_epochs, f"{spec.max_epochs} epochs of {one:.2g}s")

    def _expect(self, seconds: float, measured: str) -> None:
        """Tell once how long all trials would take at the first one's pace."""
        if self._expected or (self.done >= self.total and not self._after):
            return
        self._expected = True
        whole = self.pace.if_all_last(seconds)
        then = f" and up to {self._after} confirmation runs" if self._after else ""
        line = f"ETA: about {time_text(whole)} if all {self.noun}{then} take as long as "
        line += f"{measured} ({time_text(seconds)})"
        less = "; pruned trials take less"
        self._say(line + less * (len(line + less) <= (columns() or sys.maxsize)))

    def _tell_address(self) -> None:
        """Say once, as soon as it is known, where the curves can be watched."""
        if not self._addressed and (address := self.address()) is not None:
            self._addressed = True
            self._say(curves_text(address, self.uri))

    def state(self, left: str = "about {} left") -> str:
        """Return the counts, the best so far and the time left, which is worded so."""
        parts = [
            f"{self.counts[outcome]} {outcome.value}"
            for outcome in (Outcome.PRUNED, Outcome.INFEASIBLE, Outcome.DIVERGED, Outcome.FAILED)
            if self.counts[outcome]
        ]
        if self.best is not None and self.each:
            parts.append(f"best #{self.best[1]} {self.best[0]:.4g}")
        return ", ".join([*parts, *self._left(left)])

    def _left(self, words: str = "about {} left") -> list[str]:
        seconds = self.pace.seconds_left()
        return [] if seconds is None else [words.format(time_text(seconds))]

    def _say(self, line: str) -> None:
        self.spoke_at = time.monotonic()
        if self._bar is not None:  # soft_wrap: an address must stay whole
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        elif not self.quiet:
            print(line, flush=True)


def _value(value: float, name: str = "") -> str:
    """Return a value with its name; nothing for an epoch that has none."""
    return "" if math.isnan(value) else f"{name}{value:.4g}"
