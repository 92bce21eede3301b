"""How well the mean over folds ranks configs on small tables, beside one validation set.

Tables of a few hundred rows are drawn from one source, with 20,000 further rows as the test set.
On each of them, every config is judged by its best validation loss: on one split with one seed, on
the same split as the mean over five seeds, and as the mean over five folds. A config's true
quality is its mean test loss over all tables and seeds. Printed are, over the tables, the mean
rank correlation with it, and what the config that looked best loses against the best one.

    python benchmarks/folds.py --rows 200 400 --tables 8

A try of a minute: `--rows 200 --tables 2 --configs 3 --epochs 10`.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from objectives import Data, Objective, Part, Source
from objectives.reading.simple import split
from objectives.training import Decision, TrialSpec, here

FEATURES, TEST, SEEDS, FOLDS = 12, 20_000, 5, 5
CONFIGS = [
    {"units": units, "dropout": dropout, "learning_rate": rate}
    for units, dropout, rate in (
        (4, 0.0, 0.003), (8, 0.0, 0.01), (16, 0.0, 0.003), (16, 0.3, 0.01), (32, 0.0, 0.01),
        (32, 0.3, 0.003), (64, 0.0, 0.003), (64, 0.3, 0.01), (64, 0.6, 0.01), (128, 0.5, 0.003),
    )
]  # fmt: skip
WAYS = ("one split, one seed", f"one split, mean of {SEEDS} seeds", f"mean over {FOLDS} folds")


def build(trial: Any) -> Any:
    """Return a net with one hidden layer."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((FEATURES,)),
            keras.layers.Dense(trial.suggest_int("units", 4, 128), "relu"),
            keras.layers.Dropout(trial.suggest_float("dropout", 0.0, 0.6)),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
    return model


def table(rows: int, seed: int) -> Part:
    """Return rows of the one source: labels of a smooth function with noise."""
    weights = np.random.default_rng(0).normal(size=(FEATURES, 4))
    rng = np.random.default_rng([1, seed])
    x = rng.normal(size=(rows, FEATURES))
    score = np.tanh(x @ weights / 2).sum(axis=1) + x[:, 0] * x[:, 1]
    return Part(x.astype(np.float32), (score + rng.normal(size=rows) > 0).astype(np.int64))


def measure(
    rows: int, place: int, test: Part, folder: Path, configs: list[Any], epochs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each way says of each config on one table, and the mean test loss of each."""
    drawn = table(rows, place)
    objective: Any = Objective(load=lambda _: (drawn.x, drawn.y), build=build)

    def with_test(data: Data) -> Data:
        return dataclasses.replace(data, test=test, digest="")

    single = split(drawn.x, drawn.y, Source(test=0.02, validation=1 / FOLDS))
    folded = split(drawn.x, drawn.y, Source(test=0.02, folds=FOLDS))
    folds = tuple(map(with_test, folded.folds))
    one = here(objective, with_test(single), "graph")
    many = here(objective, dataclasses.replace(folded, test=test, folds=folds), "graph")

    def trained(trainer: Any, config: Any, seed: int) -> tuple[float, TrialSpec]:
        of = TrialSpec(0, config, seed, epochs, weights=folder / "w.npz", check=False)
        (result,) = trainer.train(iter([of]), lambda *_: Decision.CONTINUE)
        assert result.value is not None, result.error
        return result.value, of

    said, true = [], []
    for config in configs:
        values, losses = [], []
        for seed in range(SEEDS):
            value, of = trained(one, config, 1000 * place + seed)
            values.append(value)
            losses.append(one.evaluate(of)["test_loss"])
        said.append([values[0], np.mean(values), trained(many, config, 1000 * place)[0]])
        true.append(np.mean(losses))
    return np.array(said).T, np.array(true)


def main() -> None:
    """Measure and print."""
    from scipy.stats import spearmanr

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 400])
    parser.add_argument("--tables", type=int, default=8)
    parser.add_argument("--configs", type=int, default=len(CONFIGS))
    parser.add_argument("--epochs", type=int, default=60)
    asked = parser.parse_args()
    configs = CONFIGS[: asked.configs]
    test = table(TEST, 10**6)
    print(f"{len(configs)} configs, {asked.tables} tables of each size (mean +- standard error)")
    print(
        f"{'rows':>5}  {'judged by':<26} {'trainings':>9}  {'rank correlation':>17}  {'lost':>15}"
    )
    for rows in asked.rows:
        with tempfile.TemporaryDirectory() as folder:
            found = [
                measure(rows, place, test, Path(folder), configs, asked.epochs)
                for place in range(asked.tables)
            ]
        truth = np.mean([true for _, true in found], axis=0)
        for way, name in enumerate(WAYS):
            ranks = [float(spearmanr(said[way], truth).statistic) for said, _ in found]
            lost = [truth[said[way].argmin()] - truth.min() for said, _ in found]
            cells = [
                f"{np.mean(v):.3f} +- {np.std(v, ddof=1) / len(v) ** 0.5:.3f}"
                for v in (ranks, lost)
            ]
            trainings = (1, SEEDS, FOLDS)[way]
            line = f"{rows:>5}  {name:<26} {trainings:>9}  {cells[0]:>17}  {cells[1]:>15}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
