"""What `--check on` costs in a sweep of one's own model: 30 trials of 30 epochs, with and without.

    python benchmarks/check_cost.py [--trials 30] [--epochs 30] [--rows 5000] [--pairs 3]
                                    [--own-layer]

The comparison with `fit` is made once for a structure on a machine, so it costs nothing in the
next sweep: both sweeps of a pair begin with an empty cache folder here, one after the other.
Nothing is pruned and nothing confirmed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWN = """
from objectives import Objective
from sweeps import Sweep, main

def load(source):
    from sklearn.datasets import make_classification

    return make_classification({rows}, 20, n_informative=10, random_state=0)

def build(trial):
    import keras

    class Scaled(keras.layers.Layer):
        def call(self, x):
            return 0.5 * x

    model = keras.Sequential([keras.Input((20,))])
    if {own_layer}:
        model.add(Scaled())
    for _ in range(trial.suggest_int("depth", 1, 3)):
        model.add(keras.layers.Dense(trial.suggest_int("units", 16, 64, step=16), "relu"))
    model.add(keras.layers.Dense(1, "sigmoid"))
    rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model

SWEEP = Sweep("own", Objective(load=load, build=build), n_trials=30)

if __name__ == "__main__":
    main(SWEEP)
"""
PLAIN = ("--pruner", "none", "--patience", "off", "--confirm", "0")


def sweep(options: argparse.Namespace, check: str) -> tuple[float, float]:
    """Return the seconds of a sweep, and those of processors."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "own.py").write_text(
            OWN.format(rows=options.rows, own_layer=options.own_layer)
        )
        asked = ("--trials", str(options.trials), "--max-epochs", str(options.epochs))
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [sys.executable, "own.py", *asked, *PLAIN, "--check", check],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": folder},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return wall, used


def main() -> None:
    """Print the seconds of each pair, and the median of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--own-layer", action="store_true", help="a layer that is not Keras's")
    options = parser.parse_args()
    ratios: list[tuple[float, float]] = []
    for pair in range(options.pairs):
        order = ("off", "on") if pair % 2 else ("on", "off")
        found = {check: sweep(options, check) for check in order}
        ratios.append(
            (found["on"][0] / found["off"][0], found["on"][1] / found["off"][1]),
        )
        print(
            f"with {found['on'][0]:.1f} s, without {found['off'][0]:.1f} s; of processors "
            f"{found['on'][1]:.1f} and {found['off'][1]:.1f} s",
            flush=True,
        )
    wall, used = (statistics.median(each) for each in zip(*ratios, strict=True))
    print(f"the comparison costs {wall - 1:+.1%} of the time, {used - 1:+.1%} of the processors'")


if __name__ == "__main__":
    main()
