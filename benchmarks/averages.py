"""Which nets to average, and how many: ways of choosing them, compared on test rows.

Twelve nets of random width, depth and learning rate are trained on each of eight tables that
scikit-learn ships or generates. What each net predicts after every epoch is kept for a pool of
rows. Then parts of the pool stand in for the validation part, small, medium and large ones: on
such a part every net's best epoch is taken, the single best net, and the members of an average, by
every way of choosing. The losses are those of the test rows, as a share of the single best net's.

    python benchmarks/averages.py [--only wine digits] [--nets 12] [--draws 10]

"better" is how often the average is better than the single net on the test rows. The other columns
are of averages of which each row of the validation part is judged by one that was chosen without
it: how often these have a lower loss than the single net ("won"), how often that is real, by its
95% interval ("real"), and how many of both are better on the test rows ("right").
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from objectives.judging.choosing import Predicted, alike, choose, greedy, held_out

SIZES = {"small": 40, "medium": 150, "large": 600}
Way = Callable[[Predicted, Any], Any]


def bagged(predicted: Predicted, rows: Any, bags: int = 10) -> Any:
    """Return the mean weights of greedy choices, each on rows drawn with replacement."""
    rng = np.random.default_rng(0)
    drawn = (rng.choice(rows, len(rows)) for _ in range(bags))
    return np.mean([greedy(predicted, one, len(predicted.nets)) for one in drawn], axis=0)


WAYS: dict[str, Way] = {
    "best 3": lambda p, rows: alike(p, rows, 3),
    "best 5": lambda p, rows: alike(p, rows, 5),
    "better half": lambda p, rows: alike(p, rows, -(-len(p.nets) // 2)),
    "all": lambda p, rows: alike(p, rows, len(p.nets)),
    "greedy": lambda p, rows: greedy(p, rows, len(p.nets)),
    "greedy, bagged": bagged,
    "a sweep's": lambda p, rows: choose(p, rows, len(p.nets)),
}


def tables() -> dict[str, tuple[Any, Any, str]]:
    """Return rows, labels and the task of every table."""
    from sklearn import datasets

    hastie = datasets.make_hastie_10_2(3000, random_state=0)
    moons = datasets.make_moons(3000, noise=0.35, random_state=0)
    friedman = datasets.make_friedman1(3000, noise=1.0, random_state=0)
    classes = datasets.make_classification(
        3000, 20, n_informative=8, n_classes=4, flip_y=0.05, random_state=0
    )
    return {
        "breast cancer": (*datasets.load_breast_cancer(return_X_y=True), "binary"),
        "wine": (*datasets.load_wine(return_X_y=True), "multiclass"),
        "digits": (*datasets.load_digits(return_X_y=True), "multiclass"),
        "diabetes": (*datasets.load_diabetes(return_X_y=True), "regression"),
        "hastie": (hastie[0], (hastie[1] > 0).astype(int), "binary"),
        "moons": (*moons, "binary"),
        "friedman1": (*friedman, "regression"),
        "four classes": (*classes, "multiclass"),
    }


def row_loss(labels: Any, task: str) -> Any:
    """Return the loss of predictions (nets x rows x outputs), row by row."""

    def loss(predictions: Any, rows: Any) -> Any:
        truth = labels[rows]
        if task == "regression":
            return (predictions[..., 0] - truth) ** 2
        if task == "binary":
            chance = np.clip(predictions[..., 0].astype(np.float64), 1e-7, 1.0 - 1e-7)
            return -np.where(truth == 1, np.log(chance), np.log1p(-chance))
        chance = np.clip(predictions.astype(np.float64), 1e-7, 1.0)
        chance /= chance.sum(axis=-1, keepdims=True)
        return -np.log(chance[..., np.arange(len(truth)), truth])

    return loss


def trained(x: Any, y: Any, task: str, count: int, epochs: int) -> tuple[Any, Any, Any, Any]:
    """Return nets x epochs x rows x outputs of the pool and of the test rows, and their labels."""
    import keras

    rng = np.random.default_rng(0)
    order = rng.permutation(len(x))
    learn = min(len(x) * 2 // 5, 800)
    fit, rest = order[:learn], order[learn:]
    pool, test = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    mean, spread = x[fit].mean(axis=0), x[fit].std(axis=0)
    x = ((x - mean) / np.where(spread > 0.0, spread, 1.0)).astype(np.float32)
    if task == "regression":
        y = ((y - y[fit].mean()) / y[fit].std()).astype(np.float32)
    outputs, activation, loss = {
        "binary": (1, "sigmoid", "binary_crossentropy"),
        "multiclass": (int(y.max()) + 1, "softmax", "sparse_categorical_crossentropy"),
        "regression": (1, None, "mse"),
    }[task]
    found: list[Any] = []
    for number in range(count):
        keras.utils.set_random_seed(number)
        layers = [
            keras.layers.Dense(int(2 ** rng.uniform(3, 7)), "relu")
            for _ in range(rng.integers(1, 4))
        ]
        model = keras.Sequential([*layers, keras.layers.Dense(outputs, activation)])
        model.compile(keras.optimizers.Adam(10 ** rng.uniform(-3.5, -1.5)), loss)
        seen: list[Any] = []
        told = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_, m=model, s=seen: s.append(m(x[rest], training=False).numpy())
        )
        model.fit(x[fit], y[fit], batch_size=32, epochs=epochs, verbose=0, callbacks=[told])
        found.append(np.stack(seen))
    every = np.stack(found)
    return every[:, :, : len(pool)], every[:, :, len(pool) :], y[pool], y[test]


def draw(
    pool: Any, test: Any, losses: tuple[Any, Any], rows: Any
) -> tuple[dict[str, float], dict[str, tuple[bool, bool]]]:
    """Return every way's test loss, these rows its validation part; whether it won, and real."""
    place = np.stack([losses[0](net[:, rows], rows).mean(axis=1).argmin() for net in pool])
    nets = np.arange(len(pool))
    own, far = pool[nets, place], test[nets, place]
    predicted = Predicted(own[:, rows], lambda p, i: losses[0](p, rows[i]), np.ones(len(rows)))
    judged = Predicted(far, losses[1], np.ones(far.shape[1]))
    every, single = predicted.every, alike(predicted, predicted.every, 1)
    found, won = {}, {}
    for name, way in {"single": lambda *_: single, **WAYS}.items():
        weights = way(predicted, every)
        found[name] = float(judged.row_losses(weights, judged.every).mean())
        if name != "single":
            _, gaps = held_out(predicted, functools.partial(way, predicted), single)
            half = 1.96 * gaps.std(ddof=1) / len(gaps) ** 0.5
            won[name] = bool(gaps.mean() < 0.0), bool(gaps.mean() + half < 0.0)
    return found, won


def main() -> None:
    """Print a row a way, a column a table, for every size of the validation part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=tables(), default=list(tables()))
    parser.add_argument("--nets", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--draws", type=int, default=10)
    asked = parser.parse_args()
    shown: dict[str, dict[str, dict[str, list[tuple[float, bool, bool]]]]] = {}
    for table in asked.only:
        x, y, task = tables()[table]
        pool, test, mine, theirs = trained(x, y, task, asked.nets, asked.epochs)
        losses = row_loss(mine, task), row_loss(theirs, task)
        for size, count in SIZES.items():
            if count > len(mine):
                continue
            rng = np.random.default_rng(1)
            for _ in range(asked.draws):
                found, won = draw(pool, test, losses, rng.choice(len(mine), count, replace=False))
                for way in won:
                    one = shown.setdefault(size, {}).setdefault(way, {}).setdefault(table, [])
                    one.append((found[way] / found["single"] - 1.0, *won[way]))
        print(f"{table}: {len(mine)} rows in the pool, {len(theirs)} test rows", flush=True)
    for size, ways in shown.items():
        print(f"\n{size}: {SIZES[size]} validation rows; test loss against the single best net's")
        head = ("mean", "worst", "better", "won", "right", "real", "right")
        print(f"{'':<16}" + "".join(f"{word:>8}" for word in head))
        for way, of in ways.items():
            print(f"{way:<16}" + row(of))


def row(of: dict[str, list[tuple[float, bool, bool]]]) -> str:
    """Return a line of the table."""
    every = [one for gaps in of.values() for one in gaps]
    means = {table: statistics.fmean(one[0] for one in gaps) for table, gaps in of.items()}
    line = f"{statistics.fmean(means.values()):>+8.1%}{max(one[0] for one in every):>+8.0%}"
    line += f"{np.mean([one[0] < 0.0 for one in every]):>8.0%}"
    for rule in (1, 2):
        taken = [one[0] < 0.0 for one in every if one[rule]]
        line += f"{len(taken) / len(every):>8.0%}" + (
            f"{np.mean(taken):>8.0%}" if taken else "-".rjust(8)
        )
    return line + "  " + "  ".join(f"{table} {mean:+.1%}" for table, mean in means.items())


if __name__ == "__main__":
    main()
