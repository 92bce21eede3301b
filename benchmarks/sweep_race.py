"""A race: the same space, data, seeds and processes for this project and its peers.

From the start of the process to the printed best config: imports, data and compilation included.
This project runs with its own rule of stopping and with Ray Tune's, each with cold caches (an
empty cache folder) and again with the warm ones; peers as their own documentation recommends
(benchmarks/peers/). All build the same Keras models, and all trial processes have one thread.

    python benchmarks/sweep_race.py --trials 20 --max-epochs 30 --picture race.png
    python benchmarks/sweep_race.py --widths 8 16 32
    python benchmarks/sweep_race.py --before ../older --trials 200 --only "keras-sweeps, warm"

With `--before`, the version in another checkout runs too, and a level is what it had reached
after `--after` seconds.

It needs the extra `bench`. Losses come from the log of every epoch, of pruned trials too. Levels
are what the baseline net reaches in the epochs of a trial and in 456, trained beforehand, and
what the peer that was done first ended with.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from race_report import PEERS, Run, draw, table

ROOT = Path(__file__).resolve().parents[1]
BASELINE_EPOCHS = 456
SETTINGS = {
    "keras-sweeps, cold": "defaults (TPE, halving from epoch 8, patience), --confirm 0",
    "keras-sweeps, warm": "the same again: new study, the cache folder of the run before",
    "keras-sweeps, Ray's rule, cold": "Ray Tune's ASHA (rays_rule.py): the machinery alone",
    "keras-sweeps, Ray's rule, warm": "the same again, likewise",
    "keras-sweeps before, cold": "the version in --before, likewise",
    "keras-sweeps before, warm": "the same again, likewise",
    "keras-sweeps, fit": "the default rule with --trainer fit: what compiled epochs are worth",
    "Optuna": "TPE, HyperbandPruner(1, max epochs, 3), KerasPruningCallback, journal file",
    "KerasTuner": "Hyperband, factor 3, one iteration (its own number of configs), and a chief",
    "Ray Tune": "OptunaSearch, ASHAScheduler (grace 1, factor 4), reuse_actors, no checkpoints",
}
BEFORE = "keras-sweeps before"
DEFAULT = [n for n in SETTINGS if n != "keras-sweeps, fit" and not n.startswith(BEFORE)]


Point = tuple[float, int | str, float]  # time of day in seconds, trial, validation loss


def from_log(folder: Path) -> list[Point]:
    """Read the epochs that a peer's callback has written down."""
    lines = (folder / "log").read_text(encoding="utf-8").splitlines()
    return [(when, trial, loss) for when, trial, loss in map(json.loads, lines)]


def from_mlflow(folder: Path) -> list[Point]:
    """Read the epochs that this project has given to MLflow, with their time stamps."""
    asked = "SELECT timestamp / 1000.0, run_uuid, value FROM metrics WHERE key = 'val_loss'"
    database = sqlite3.connect(f"file:{folder / 'mlflow.db'}?mode=ro", uri=True)
    try:
        return list(database.execute(f"{asked} AND NOT is_nan ORDER BY timestamp, step"))
    finally:
        database.close()


def environment(cache: Path, root: Path) -> dict[str, str]:
    """Return what all competitors get: one thread a process, no GPU, their own cache folder."""
    one = dict.fromkeys(
        ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1"
    )
    return (
        os.environ
        | one
        | {
            "PYTHONPATH": str(root),
            "PYTHONUNBUFFERED": "1",
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "CUDA_VISIBLE_DEVICES": "-1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "XDG_CACHE_HOME": str(cache),
        }
    )


def kill(process: subprocess.Popen[str]) -> None:
    """End a process and what it has started, as far as that is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def race(
    name: str,
    seed: int,
    command: list[str],
    read: Callable[[Path], list[Point]],
    cache: Path,
    limit: float,
    root: Path = ROOT,
) -> Run:
    """Run one competitor in a folder of its own and read its epochs."""
    run = Run(name, seed)
    with tempfile.TemporaryDirectory(prefix="race-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        with (folder / "stderr").open("w", encoding="utf-8") as errors:
            start = time.time()
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(cache, root),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
            timer = threading.Timer(limit, kill, [process])
            timer.start()
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("best:") and run.printed == math.inf:
                    run.printed = time.time() - start
            code = process.wait()
            timer.cancel()
            run.ended = time.time() - start
            kill(process)
        if code or run.printed == math.inf:
            tail = (folder / "stderr").read_text(encoding="utf-8").strip()[-1500:]
            run.error = f"exit code {code} after {run.ended:.0f} s\n{tail}"
            run.printed = math.inf
            return run
        points = read(folder)
    best = math.inf
    for when, _, loss in sorted(points):
        if loss < best:
            best = loss
            run.series.append((when - start, loss))
    run.trials, run.epochs = len({trial for _, trial, _ in points}), len(points)
    return run


def command(name: str, options: argparse.Namespace, seed: int) -> list[str]:
    """Return the command line of a competitor."""
    counts = ["--trials", str(options.trials), "--max-epochs", str(options.max_epochs)]
    if name in PEERS:
        rest = ["--processes", str(options.processes), "--seed", str(seed), "--log", "log"]
        script = str(ROOT / "benchmarks" / "peers" / PEERS[name])
        return [sys.executable, script, *counts, *rest, "--widths", *map(str, options.widths)]
    widths = "width=" + ",".join(map(str, options.widths))
    rest = ["--workers", str(options.processes), "--seed", str(seed), "--range", widths]
    rest += ["--trainer", "fit"] if name.endswith("fit") else []
    sweep = ["-m", "sweeps.dense_binary"]
    if "Ray's rule" in name:
        sweep = [str(ROOT / "benchmarks" / "rays_rule.py")]
    return [sys.executable, *sweep, "--confirm", "0", *counts, *rest]


def compete(options: argparse.Namespace, seed: int, levels: dict[str, list[float]]) -> list[Run]:
    """Run the baseline, then every competitor, one after the other; add the levels to reach."""
    with tempfile.TemporaryDirectory(prefix="race-") as place:
        alone = argparse.Namespace(**vars(options) | {"trials": 1, "max_epochs": BASELINE_EPOCHS})
        alone.processes = 1
        first: list[Point] = []

        def read(folder: Path) -> list[Point]:
            first.extend(from_mlflow(folder))
            return first

        run = race("baseline", seed, command("baseline", alone, seed), read, Path(place), 3600)
        if run.error:
            raise SystemExit(f"the baseline failed: {run.error}")
    for epochs in (options.max_epochs, BASELINE_EPOCHS):
        level = min(loss for _, _, loss in first[:epochs])
        levels.setdefault(f"baseline's {epochs} epochs", []).append(level)
    runs = []
    with tempfile.TemporaryDirectory(prefix="race-") as place:
        for name in options.only:
            ours = name.startswith("keras-sweeps")
            cache = Path(place) / name.removesuffix(", cold").removesuffix(", warm")
            how = from_mlflow if ours else from_log, cache, options.limit
            root = options.before.resolve() if name.startswith(BEFORE) else ROOT
            if name.endswith("warm") and not cache.exists():
                race(name, seed, command(name, options, seed), *how, root)
            run = race(name, seed, command(name, options, seed), *how, root)
            print(f"seed {seed}, {name}: {run.error or f'{run.printed:.1f} s'}", flush=True)
            runs.append(run)
    peers = [run for run in runs if run.name in PEERS and not run.error]
    if peers:
        first_done = min(peers, key=lambda run: run.printed)
        levels.setdefault("the first peer's best", []).append(first_done.best)
    for run in (run for run in runs if run.name.startswith(BEFORE)):
        then = min((loss for when, loss in run.series if when <= options.after), default=math.inf)
        what = f"{run.name.partition(', ')[2]}, the version before after {options.after:g} s"
        levels.setdefault(what, []).append(then)
    return runs


def main() -> None:
    """Race, and print the settings and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--max-epochs", type=int, default=30)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--widths", type=int, nargs="+", default=[8, 16, 32, 64, 128])
    parser.add_argument("--only", nargs="+", default=DEFAULT, choices=list(SETTINGS))
    parser.add_argument("--without", nargs="+", default=(), choices=list(SETTINGS))
    parser.add_argument("--seed", type=int, default=0, help="of the first repeat")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--limit", type=float, default=3600, help="seconds for one competitor")
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version")
    parser.add_argument("--after", type=float, default=60, help="seconds that it has")
    parser.add_argument("--picture", type=Path, help="a PNG file")
    options = parser.parse_args()
    if options.before is not None:
        options.only += [n for n in SETTINGS if n.startswith(BEFORE) and n not in options.only]
    options.only = [name for name in options.only if name not in options.without]
    if options.before is None and any(name.startswith(BEFORE) for name in options.only):
        parser.error("the version before needs --before")
    if 16 not in options.widths:
        parser.error("--widths needs 16: the baseline, which is trained first, has it")
    packages = ("tensorflow", "keras", "optuna", "keras-tuner", "ray")
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(", ".join(f"{package} {version(package)}" for package in packages))
    print(
        f"{options.trials} trials of at most {options.max_epochs} epochs, "
        f"{options.processes} process(es) of one thread, widths {options.widths}"
    )
    for name in options.only:
        print(f"  {name}: {SETTINGS[name]}")
    print("  Optuna and Ray Tune are given the baseline as their first trial, as we have it.")
    levels: dict[str, list[float]] = {}
    seeds = range(options.seed, options.seed + options.repeat)
    runs = [compete(options, seed, levels) for seed in seeds]
    print("\n" + table(runs, levels, options.only))
    print("\nin brackets: times as fast as the fastest peer. Columns of levels:")
    for name, found in levels.items():
        print(f"  {', '.join(f'{level:.4f}' for level in found)}: {name}")
    if options.picture is not None:
        draw(runs, levels, options.picture)


if __name__ == "__main__":
    main()
