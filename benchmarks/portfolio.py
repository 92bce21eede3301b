"""Which few configs are good on many tables: what the search on a user's own table begins with.

Every candidate is trained on every table as a sweep trains a trial, and scored on the test part.
A config's regret is the log of its test loss over the best one there, at most log 2; to log losses
0.03 is added, since what lies below is the luck of a few rows. A portfolio's is the mean of its
best member's and of that of the member with the best validation loss, which on a small table is
half luck too. Members are added one by one, each time the one that lowers the mean regret most,
while it does by 0.005. A linear model is the last member in any case: it costs little.

    python benchmarks/portfolio.py [--splits 2] [--kept FILE] [--write]

prints the regrets, the portfolios, how one that was chosen on the other tables does on each table,
and what is lost without each dimension of the space. The tables are those of
`portfolio_tables.py`. `--write` puts the portfolios into `search_spaces/portfolio.json`.
`--kept` holds what was measured: the command resumes where it was stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.portfolio_tables import Table, tables  # noqa: E402
from search_spaces import Params, Replay, own_table, plateau  # noqa: E402
from search_spaces.plateau import Plateau  # noqa: E402

SIZE = 4  # configs of a portfolio, at most
GAIN = 0.005  # of mean regret, which a member has to bring
LUCK = {"classification": 0.03, "regression": 0.0}
WORST = float(np.log(2.0))
KINDS = {"binary": "classification", "multiclass": "classification", "regression": "regression"}
PLAIN, LINEAR = "scikit-learn, linear", "linear"
FAST = plateau.params(Plateau(factor=0.3, patience=5, min_delta=1e-5, min_lr=1e-6))
SLOW = plateau.params(Plateau(factor=0.5, patience=10, min_delta=1e-5, min_lr=1e-6))

BINS: Params = {"bins": 16}
STRAIGHT: Params = FAST | {
    "depth": 0,
    "bins": 0,
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "weight_decay": 1e-5,
}


def net(width: int, depth: int, dropout: float, rate: float, decay: float, **more: Any) -> Params:
    """Return a net's parameters."""
    layers = {"depth": depth, "width": width, "activation": "relu", "dropout": dropout, "bins": 0}
    rates = {"optimizer": "adamw", "learning_rate": rate, "weight_decay": decay}
    return layers | rates | SLOW | more


CANDIDATES: dict[str, Params] = {
    LINEAR: STRAIGHT,
    "16x2": {**net(16, 2, 0.0, 0.01, 1e-5), "plateau": "off"},
    "64x2 fast": net(64, 2, 0.0, 0.01, 0.1),
    "64x2 silu": net(64, 2, 0.1, 0.003, 0.1, activation="silu"),
    "128x1 dropout": net(128, 1, 0.3, 0.003, 0.1),
    "128x2 dropout": net(128, 2, 0.3, 0.001, 0.004),
    "128x2 dropout silu": net(128, 2, 0.3, 0.001, 0.1, activation="silu"),
    "256x2 dropout silu": net(256, 2, 0.5, 0.001, 0.1, activation="silu"),
    "linear, bins": STRAIGHT | BINS,
    "64x2 silu, bins": net(64, 2, 0.1, 0.003, 0.1, activation="silu") | BINS,
    "128x2 dropout, bins": net(128, 2, 0.3, 0.001, 0.004) | BINS,
    "256x2 dropout silu, bins": net(256, 2, 0.5, 0.001, 0.1, activation="silu") | BINS,
}
# What the space could do without.
WITHOUT: dict[str, Callable[[Params], bool]] = {
    "bins": lambda one: one["bins"] > 0,
    "depth 0": lambda one: one["depth"] == 0,
    "silu": lambda one: one.get("activation") == "silu",
    "dropout": lambda one: one.get("dropout", 0.0) > 0.0,
    "widths above 128": lambda one: one.get("width", 0) > 128,
    "widths above 64": lambda one: one.get("width", 0) > 64,
    "decay above 0.02": lambda one: one["weight_decay"] > 0.02,
}


def asked(name: str) -> Params:
    """Return what the space asks for of a candidate; the batch size hangs on the table."""
    config = own_table.suggest(Replay(CANDIDATES[name] | {"batch_size": 0}))
    return {k: v for k, v in own_table.params(config).items() if k != "batch_size"}


@dataclasses.dataclass(frozen=True)
class Run:
    """A candidate on one split of a table: the best validation loss, and its test loss."""

    table: str
    task: str
    split: int
    config: str
    validation: float
    test: float


def measure(table: Table, split: int, done: set[str]) -> Iterator[Run]:
    """Train every candidate that is not done."""
    from objectives import Source
    from objectives.dense_binary import DENSE_BINARY
    from objectives.dense_multiclass import DENSE_MULTICLASS
    from objectives.dense_regression import DENSE_REGRESSION
    from objectives.training import Decision, TrialSpec, here

    name, task, (x, y) = table
    classes = {"binary": DENSE_BINARY, "multiclass": DENSE_MULTICLASS}
    objective = classes.get(task, DENSE_REGRESSION)
    data = objective.from_arrays(x, y, Source(seed=split))
    rows = len(data.train)
    trainer = here(objective, data, "graph")
    if PLAIN not in done:
        loss = scikit(task, data)
        yield Run(name, task, split, PLAIN, loss, loss)
    with tempfile.TemporaryDirectory() as folder:
        for label, found in CANDIDATES.items():
            if label in done:
                continue
            params = found | {"batch_size": own_table.batch_size(rows)}
            spec = TrialSpec(
                number=0,
                config=own_table.suggest(Replay(params), rows),
                seed=split,
                max_epochs=objective.max_epochs,
                patience=objective.patience_in_epochs,
                weights=Path(folder) / "best.npz",
            )
            (result,) = trainer.train(iter([spec]), lambda *_: Decision.CONTINUE)
            value = float("inf") if result.value is None else result.value
            test = trainer.evaluate(spec)["test_loss"] if result.value is not None else value
            yield Run(name, task, split, label, value, test)


def scikit(task: str, data: Any) -> float:
    """Return the test loss of scikit-learn's linear model, fitted on all but the test part."""
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.metrics import log_loss

    x = np.concatenate([data.train.x, data.validation.x])
    y = np.concatenate([data.train.y, data.validation.y])
    if task != "regression":
        model = LogisticRegression(max_iter=3000).fit(x, y)
        return float(log_loss(data.test.y, model.predict_proba(data.test.x)))
    said = RidgeCV(np.logspace(-3, 3, 13)).fit(x, y).predict(data.test.x)
    variance = np.var(np.asarray(data.train.y, np.float64))
    return float(np.mean((said - data.test.y) ** 2) / variance)


class Regrets:
    """What was measured of one kind of task, on the tables where every candidate was trained."""

    def __init__(self, runs: Sequence[Run], kind: str) -> None:
        self.luck = LUCK[kind]
        places: dict[tuple[str, int], dict[str, Run]] = {}
        for run in runs:
            if KINDS[run.task] == kind:
                places.setdefault((run.table, run.split), {})[run.config] = run
        self.places = {p: of for p, of in places.items() if CANDIDATES.keys() <= of.keys()}

    @property
    def tables(self) -> list[str]:
        """The tables' names."""
        return list(dict.fromkeys(table for table, _ in self.places))

    def of(self, config: str, place: tuple[str, int]) -> float:
        """Return a config's regret at one split of a table."""
        found = self.places[place]
        best = min(found[name].test for name in CANDIDATES)
        return min(WORST, float(np.log((found[config].test + self.luck) / (best + self.luck))))

    def mean(self, members: Sequence[str], tables: Sequence[str]) -> float:
        """Return the mean regret of a portfolio."""
        each = []
        for place, runs in self.places.items():
            if place[0] in tables:
                chosen = min(members, key=lambda name: runs[name].validation)
                each.append(self.of(chosen, place))
                each.append(min(self.of(name, place) for name in members))
        return float(np.mean(each))

    def portfolio(self, tables: Sequence[str], names: Sequence[str]) -> list[str]:
        """Return the members, best first."""
        found: list[str] = []
        before = np.inf
        while left := [name for name in names if name not in found]:
            best = min(left, key=lambda name: self.mean([*found, name], tables))
            now = self.mean([*found, best], tables)
            if len(found) == SIZE or now > before - GAIN:
                break
            found.append(best)
            before = now
        return found


def show(kind: str, regrets: Regrets) -> list[str]:
    """Print what was found of one kind of task; return its portfolio."""
    tables, names = regrets.tables, list(CANDIDATES)
    print(f"\n{kind}: {len(tables)} tables; mean regret, worst table")
    for name in sorted(names, key=lambda name: regrets.mean([name], tables)):
        worst = max(tables, key=lambda table: regrets.mean([name], [table]))
        print(
            f"  {name:<22}{regrets.mean([name], tables):7.3f}"
            f"{regrets.mean([name], [worst]):8.3f}  {worst}"
        )
    print(f"  {PLAIN:<22}{regrets.mean([PLAIN], tables):7.3f}")
    chosen = regrets.portfolio(tables, names)
    print("portfolio, and the regret of those so far")
    for count, name in enumerate(chosen, start=1):
        print(f"  {name:<22}{regrets.mean(chosen[:count], tables):7.3f}")
    print("each table with the portfolio of the others, the first candidate of old, scikit-learn")
    for table in tables:
        others = regrets.portfolio([other for other in tables if other != table], names)
        print(
            f"  {table:<22}{regrets.mean(others, [table]):7.3f}"
            f"{regrets.mean(['16x2'], [table]):8.3f}{regrets.mean([PLAIN], [table]):8.3f}"
        )
    print("the portfolio's regret without")
    for word, has in WITHOUT.items():
        names_left = [name for name in names if not has(CANDIDATES[name])]
        print(f"  {word:<22}{regrets.mean(regrets.portfolio(tables, names_left), tables):7.3f}")
    return chosen if LINEAR in chosen else [*chosen, LINEAR]


def main() -> None:
    """Measure what is missing, and print what follows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--kept", type=Path, default=Path("portfolio.jsonl"))
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with options.kept.open("a+", encoding="utf-8") as kept:
        kept.seek(0)
        runs = [Run(**json.loads(line)) for line in kept]
        for split in range(options.splits):
            for table in tables():
                done = {run.config for run in runs if (run.table, run.split) == (table[0], split)}
                for run in measure(table, split, done):
                    runs.append(run)
                    print(json.dumps(dataclasses.asdict(run)), file=kept, flush=True)
    chosen = {}
    for kind in dict.fromkeys(KINDS.values()):
        regrets = Regrets(runs, kind)
        if regrets.places:
            chosen[kind] = show(kind, regrets)
    if options.write:
        found = {kind: [asked(name) for name in names] for kind, names in chosen.items()}
        own_table.PORTFOLIO.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
