"""Real sweeps beside what people would have had without them: test losses on the same splits.

    python -m benchmarks.search_quality --tables stepped roll --contestants default untuned \
        --seeds 0:3 --budgets 20t

Every run is a process of its own: a table, a seed (of the split and of the search), a contestant
and a budget, `20t` for twenty trials or `60s` for a minute from the process's start. Contestants:
this project's default; its previous default (no portfolio, no dropout, no average); an untuned
sensible net (128-128, dropout 0.3, AdamW 1e-3, batch 256, early stopping after 6 epochs) and the
average of three of it; HistGradientBoosting; Optuna's TPE with Hyperband through `fit`; Ray Tune
with ASHA. A budget is of the searches alone: the others take the time they take.

Results are kept, a line each, in `--kept` (`found.jsonl` beside this file): what is there is not
run again, and `--show` prints the tables of it alone. Printed are the mean test losses, and the
geometric means over tables of the ratio of the default's loss to each other's, with a 95%
bootstrap interval over tables and seeds: over the tables that the portfolio was not chosen on, and
over the others.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.search_quality.tables import TABLES

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("default", "previous", "untuned", "boosting", "optuna", "ray")
FREE = ("untuned", "boosting")  # of which a budget of trials says nothing


def one(asked: argparse.Namespace) -> None:
    """Be one run, and print what it found as the last line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.search_quality.contestants import Budget, contestants

    table, seed, contestant, budget = asked.one
    found = contestants()[contestant](
        TABLES[table],
        int(seed),
        Budget.of(budget, float(asked.started or time.time())),
        workers=asked.workers,
        track=asked.track,
    )
    print(json.dumps(found), flush=True)


def run(asked: argparse.Namespace, done: list[dict[str, Any]]) -> None:
    """Run what is not done, and keep it."""
    first, _, last = asked.seeds.partition(":")
    seeds = range(int(first), int(last)) if last else [int(first)]
    known = {(r["table"], r["seed"], r["run"], r["budget"]) for r in done}
    missing = {name: said for name in asked.tables if (said := TABLES[name].missing)}
    for name, package in missing.items():
        print(f"{name} is left out: {package} is not installed", flush=True)
    for seed in seeds:
        for name in asked.tables:
            for contestant in asked.contestants:
                for budget in asked.budgets:
                    key = (name, seed, contestant, budget)
                    if name not in missing and key not in known:
                        _keep(asked, *key)


def _keep(asked: argparse.Namespace, name: str, seed: int, contestant: str, budget: str) -> None:
    command = [sys.executable, "-m", "benchmarks.search_quality", "--one", name, str(seed)]
    command += [contestant, budget, "--workers", str(asked.workers)]
    command += [] if asked.track else ["--no-track"]
    started = time.time()
    done = subprocess.run(
        [*command, "--started", str(started)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.time() - started
    if done.returncode:
        print(f"{name} {seed} {contestant}: failed\n{done.stderr[-2000:]}", flush=True)
        return
    *said, last = done.stdout.strip().splitlines()
    found = json.loads(last)
    print("".join(f"{line}\n" for line in said if "left out" in line), end="")
    line = {"table": name, "seed": seed, "run": contestant, "budget": budget}
    line |= {"seconds": round(seconds, 1), "found": found}
    with asked.kept.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


def main() -> None:
    """Run, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--contestants", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--seeds", default="0:10", help="FIRST:END, or one")
    parser.add_argument("--budgets", nargs="+", default=["20t"], help="20t, 15s, 30s, 60s, 120s")
    parser.add_argument("--workers", type=int, default=2, help="processes of a sweep")
    parser.add_argument("--track", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--kept", type=Path, default=Path(__file__).with_name("found.jsonl"))
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--started", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        one(asked)
        return

    def kept() -> list[dict[str, Any]]:
        if not asked.kept.exists():
            return []
        return [json.loads(line) for line in asked.kept.read_text("utf-8").splitlines()]

    if not asked.show:
        run(asked, kept())
    from benchmarks.search_quality.ratios import show

    show(kept(), FREE)


if __name__ == "__main__":
    main()
