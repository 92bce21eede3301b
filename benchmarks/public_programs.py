"""Keras programs of every kind that people bring, by `fit` and by the default trainer.

    python benchmarks/public_programs.py [--only NAME ...] [--quick] [--no-timing] [--table]

With `--trainer xla` or `graph`, that trainer takes the place of the default one, without timing.

Three trials a program, which differ in everything that may differ for its kind: in both orders in
one process, and on two worker processes. Every curve has to be `fit`'s, whose tolerance stands in
`benchmarks/programs/judging.py`; where random layers forbid that, the distribution over ten seeds.
Then an epoch's seconds, one thread, after the first trial of a structure. A row that differs,
fails, aborts, or takes more than 1.05 of `fit`'s epoch makes the exit code 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from benchmarks.programs.judging import Row

MARK = "ROW "
LIMIT = 600.0  # seconds of one program


def child(names: Sequence[str], task: str, trainer: str) -> None:
    """Print a line of JSON for each program."""
    from objectives.training.environment import prepare_environment

    prepare_environment(threads=1, device="cpu")
    from benchmarks.programs import entries
    from benchmarks.programs.judging import Row, compared
    from benchmarks.programs.timing import timed

    known = entries()
    for name in names:
        if task == "time":
            try:
                ratio, way = timed(known[name]) or (None, "-")
                found = Row(name, "", way=way, ratio=ratio)
            except RuntimeError as fault:
                found = Row(name, f"not timed: {fault}")
        else:
            found = compared(known[name], trainer, quick=task == "quick")
        print(f"{MARK}{json.dumps(dataclasses.asdict(found))}", flush=True)


def answers(names: Sequence[str], task: str, folder: Path, trainer: str = "auto") -> Iterator[Row]:
    """Have a process answer for programs, one after another; go on where it dies."""
    from benchmarks.programs.judging import Row

    left = list(names)
    while left:
        log = folder / f"{left[0]}-{task}.log"
        late = Event()
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, __file__, "--child", task, "--trainer", trainer, "--only", *left],
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                start_new_session=True,
            )

            def stop(one: subprocess.Popen[str] = process, late: Event = late) -> None:
                late.set()
                os.killpg(one.pid, signal.SIGKILL)

            timer = Timer(LIMIT * len(left), stop)
            timer.start()
            for told in process.stdout or ():
                if told.startswith(MARK):
                    del left[0]
                    yield Row(**json.loads(told.removeprefix(MARK)))
            code = process.wait()
            timer.cancel()
        if left:
            yield Row(left.pop(0), death(code, late.is_set(), log), good=False)


def death(code: int, late: bool, log: Path) -> str:
    """Return how a process ended that gave no answer."""
    if late:
        return f"hangs: more than {LIMIT:.0f} s"
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    fatal = [line for line in lines if line.startswith("F") or "Check failed" in line]
    return f"aborts: {how}, {(fatal or lines or ['nothing said'])[-1][:200]}"


def run(
    groups: Sequence[Sequence[str]],
    task: str,
    at_once: int,
    tell: Callable[[Row], None],
    trainer: str = "auto",
) -> dict[str, Row]:
    """Answer for every group, some at a time; tell each row as it is there."""
    found: dict[str, Row] = {}

    def one(names: Sequence[str]) -> None:
        for each in answers(names, task, Path(folder), trainer):
            found[each.name] = each
            tell(each)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, groups))
    return found


def line(row: Row) -> str:
    """Return a row for the terminal."""
    ratio = "" if row.ratio is None else f"{row.ratio:6.2f}"
    return f"{row.name:22}{row.way:12}{ratio:8}{row.says}"


def markdown(rows: Sequence[Row]) -> str:
    """Return the table for the documentation."""
    body = [
        f"| {row.name.replace('_', ' ')} | {row.says} | {row.way} | "
        f"{'' if row.ratio is None else format(row.ratio, '.2f')} |"
        for row in rows
    ]
    return "\n".join(
        ["| program | curves | way | epoch, in `fit`'s |", "|---|---|---|---|", *body]
    )


def wanted(options: argparse.Namespace) -> list[str]:
    """Return the names of the programs that were asked for."""
    from benchmarks.programs import Program, entries

    known = entries()
    if unknown := sorted(set(options.only or ()) - set(known)):
        sys.exit(f"no program is called {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [name for name in known if name in (options.only or known)]
    if options.quick and not options.only:
        programs = {name: known[name].program for name in chosen}
        chosen = [n for n, each in programs.items() if isinstance(each, Program) and each.quick]
    return chosen


def main() -> None:
    """Print a row for every program, and what is wrong; exit with 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument(
        "--quick", action="store_true", help="a few programs, in one order, without workers"
    )
    parser.add_argument("--trainer", default="auto", choices=("auto", "xla", "graph"))
    parser.add_argument("--no-timing", action="store_true", help="two programs at a time")
    parser.add_argument("--table", action="store_true", help="Markdown for the documentation")
    parser.add_argument("--verbose", action="store_true", help="all that is wrong, not the first")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.only, options.child, options.trainer)
        return
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    names = wanted(options)
    from benchmarks.programs.timing import SLOWEST

    with tempfile.TemporaryDirectory() as cache:  # what an earlier run kept would hide faults
        os.environ["XDG_CACHE_HOME"] = cache
        print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        # The quick programs share processes, as trials of one sweep might.
        groups = [names[0::2], names[1::2]] if options.quick else [[name] for name in names]
        groups = [group for group in groups if group]
        say: Callable[[Row], None] = lambda row: print(line(row), flush=True)  # noqa: E731
        found = run(groups, "quick" if options.quick else "compare", 2, say, options.trainer)
        if not (options.quick or options.no_timing or options.trainer != "auto"):
            print("\nseconds per epoch, the default trainer's over fit's")
            timed = run([[name] for name in names if found[name].good], "time", 1, say)
            for name, row in timed.items():
                slow = row.ratio is not None and row.ratio > SLOWEST
                good = not slow and not row.says
                says = row.says or f"{'slow: ' * slow}{found[name].says}"
                ways = " / ".join(dict.fromkeys((found[name].way, row.way)))
                found[name] = dataclasses.replace(
                    found[name], way=ways, ratio=row.ratio, says=says, good=good
                )
    rows = [found[name] for name in names]
    if options.table:
        print(f"\n{markdown(rows)}")
    wrong = [row for row in rows if not row.good]
    print(f"\n{len(rows)} programs, {len(wrong)} of them wrong or slow")
    for row in wrong:
        print("\n    ".join([line(row), *(row.wrong if options.verbose else ())]))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
