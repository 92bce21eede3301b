"""Real tables and sequences through the command line, with its defaults: what the nets reach.

scikit-learn ships four of the data sets. Others come from a folder, where they are there:
`adult.csv` (UCI's two parts in one, with a first row of names, the label last) and
`BasicMotions.npz`, `ItalyPowerDemand.npz` and `JapaneseVowels.npz` (X: rows x steps x channels,
NaN behind the end of a short series; y), as aeon and sktime load them.

    python benchmarks/own_data.py [--folder DIR] [--only breast digits] [--trials 30] [--splits 5]
        [--workers N]

Scores are of the test part, which no decision looks at; of several splits the mean and the worst.
Then log loss, Brier score and calibration error beside accuracy and AUC (for numbers, MAE and R2),
for the net, for logistic or ridge regression and for HistGradientBoosting on the same split and
encoded columns; these two also learn from the validation part. Two tables are made with a class of
12% and 2% of the rows, and one that predicts seconds since 1970 from seconds since 1970.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


@dataclass(frozen=True)
class Case:
    """One data set: its file, which sweep, which scores it has to reach, on how many splits."""

    file: str
    sweep: str
    least: dict[str, float]
    splits: int = 1


CASES = {
    "breast cancer": Case("breast.csv", "dense_binary", {"accuracy": 0.96}, 5),
    "digits, odd or even": Case("odd.csv", "dense_binary", {"accuracy": 0.98}, 5),
    "digits, ten classes": Case("ten.csv", "dense_multiclass", {"accuracy": 0.97}, 5),
    "imbalanced": Case("imbalanced.csv", "dense_binary", {"auc": 0.85}, 3),
    "rare class": Case("rare.csv", "dense_binary", {"auc": 0.85}, 3),
    "diabetes": Case("diabetes.csv", "dense_regression", {"r2": 0.4}, 3),
    "seconds": Case("seconds.csv", "dense_regression", {"r2": 0.999}, 3),
    "Adult": Case("adult.csv", "dense_binary", {"accuracy": 0.855, "auc": 0.91}),
    "BasicMotions": Case("BasicMotions.npz", "lstm_recall", {"accuracy": 0.85}, 5),
    "ItalyPowerDemand": Case("ItalyPowerDemand.npz", "lstm_recall", {"accuracy": 0.96}),
    "JapaneseVowels": Case("JapaneseVowels.npz", "lstm_recall", {"accuracy": 0.95}),
}


SCORES = {
    "loss": "log loss", "brier": "Brier", "calibration_error": "calibr.", "accuracy": "accuracy",
    "auc": "AUC", "mae": "MAE", "r2": "R2",
}  # fmt: skip


def write(folder: Path) -> None:
    """Write what scikit-learn ships, the label in the last column."""
    from sklearn import datasets

    breast = datasets.load_breast_cancer(as_frame=True).frame
    ten = datasets.load_digits(as_frame=True).frame
    odd = ten.assign(target=ten["target"] % 2)
    diabetes = datasets.load_diabetes(as_frame=True).frame
    made(8000, 3.2).to_csv(folder / "imbalanced.csv", index=False)
    made(8000, 5.5).to_csv(folder / "rare.csv", index=False)
    seconds(2000).to_csv(folder / "seconds.csv", index=False)
    for name, frame in {"breast": breast, "ten": ten, "odd": odd, "diabetes": diabetes}.items():
        frame.to_csv(folder / f"{name}.csv", index=False)


def made(rows: int, shift: float) -> Any:
    """Return a table with a class made rare by `shift`; its chances can be learnt."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 8))
    odds = 1.5 * x[:, 0] + x[:, 1] - x[:, 2] * x[:, 3] - shift
    target = rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))
    return pd.DataFrame(x, columns=[f"a{k}" for k in range(8)]).assign(target=target.astype(int))


def seconds(rows: int) -> Any:
    """Return when something began within a year and when it ended, in seconds since 1970."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    began = rng.uniform(1.70e9, 1.73e9, rows)
    ended = began + 3600.0 + rng.normal(0.0, 300.0, rows)
    return pd.DataFrame({"began": began, "a": rng.normal(size=rows), "target": ended})


def run(case: Case, file: Path, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """Return the test scores of one sweep's best trial, and those of its plain models."""
    command = [sys.executable, "-m", f"sweeps.{case.sweep}", "--data", str(file), "--quiet"]
    command += ["--split-seed", str(seed), "--trials", str(options.trials), "--confirm", "0"]
    command += [] if options.workers is None else ["--workers", str(options.workers)]
    if file.suffix == ".csv":
        with file.open(encoding="utf-8") as text:
            command += ["--target", text.readline().strip().split(",")[-1]]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [*command, "--json", "found.json"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        final = json.loads((Path(folder) / "found.json").read_text(encoding="utf-8"))["final"]
    return {**final["best"], **final["plain"]["metrics"]} | peers(case, file, seed)


def peers(case: Case, file: Path, seed: int) -> dict[str, float]:
    """Return the test scores of scikit-learn's models on the same split, `MODEL_SCORE`."""
    if not case.sweep.startswith("dense_"):
        return {}
    import numpy as np

    from objectives import Source, judging
    from objectives.tables import load_table

    with file.open(encoding="utf-8") as text:
        target = text.readline().strip().split(",")[-1]
    task = case.sweep.removeprefix("dense_")
    data = load_table(Source(path=str(file), target=target, seed=seed), task)
    x = np.concatenate([data.train.x, data.validation.x])
    y = np.concatenate([data.train.y, data.validation.y])
    found = {}
    for name, model in models(task).items():
        model.fit(x, y if task == "regression" else y.astype(int))
        if task == "regression":
            said = model.predict(data.test.x)
            variance = np.var(np.asarray(data.train.y, np.float64))
            loss = np.mean((said - data.test.y) ** 2) / variance
        else:
            from sklearn.metrics import log_loss

            chances = model.predict_proba(data.test.x)
            said = chances[:, 1] if task == "binary" else chances
            loss = log_loss(data.test.y.astype(int), chances)
        scores = judging.scores(data.test.y, said, task) | {"loss": float(loss)}
        found |= {f"{name}_{score}": value for score, value in scores.items()}
    return found


def models(task: str) -> dict[str, Any]:
    """Return scikit-learn's models of a task."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV

    if task == "regression":
        return {
            "linear": RidgeCV(np.logspace(-3, 3, 13)),
            "trees": HistGradientBoostingRegressor(random_state=0),
        }
    return {
        "linear": LogisticRegression(max_iter=2000),
        "trees": HistGradientBoostingClassifier(random_state=0),
    }


def compare(name: str, found: list[dict[str, float]]) -> None:
    """Print the scores of the three models side by side."""
    if "trees_loss" not in found[0]:
        return
    for prefix, title in {
        "test": "net", "linear": "linear model", "trees": "HistGradientBoosting",
    }.items():  # fmt: skip
        cells = (
            f"{statistics.mean(one[f'{prefix}_{score}'] for one in found):12.4f}"
            if all(f"{prefix}_{score}" in one for one in found)
            else f"{'-':>12}"
            for score in SCORES
        )
        print(f"  {name:<20} {title:<22}" + "".join(cells), flush=True)


def show(name: str, case: Case, found: list[dict[str, float]], seconds: float) -> bool:
    """Print a line for each score; return whether all are reached."""
    linear = "ridge" if case.sweep == "dense_regression" else "logistic"
    reached = True
    for score, least in case.least.items():
        net = [one[f"test_{score}"] for one in found]
        plain = statistics.mean(one[f"{linear}_{score}"] for one in found)
        mean = statistics.mean(net)
        reached &= mean >= least
        print(
            f"{name:<20} {score:<9} {mean:7.4f} {min(net):7.4f} {plain:7.4f} {least:7.3f}  "
            f"{len(found)} x {seconds / len(found):.0f} s{'' if mean >= least else '  MISSED'}",
            flush=True,
        )
    return reached


def main() -> None:
    """Run the cases whose files are there, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where further data sets lie")
    parser.add_argument("--only", nargs="+", default=[""], help="names begin like this")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--splits", type=int, default=5, help="at most")
    parser.add_argument("--workers", type=int, help="processes of a sweep")
    options = parser.parse_args()
    print(f"{'data':<20} {'score':<9} {'net':>7} {'worst':>7} {'linear':>7} {'wanted':>7}  time")
    reached, all_found = True, {}
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        for name, case in CASES.items():
            places = [Path(folder), *([options.folder.resolve()] if options.folder else [])]
            file = next((p / case.file for p in places if (p / case.file).exists()), None)
            if file is None or not name.lower().startswith(tuple(map(str.lower, options.only))):
                continue
            started = time.perf_counter()
            seeds = range(min(case.splits, options.splits))
            found = [run(case, file, seed, options) for seed in seeds]
            reached &= show(name, case, found, time.perf_counter() - started)
            all_found[name] = found
    print(f"\n  {'data':<20} {'model':<22}" + "".join(f"{s:>12}" for s in SCORES.values()))
    for name, found in all_found.items():
        compare(name, found)
    raise SystemExit(not reached)


if __name__ == "__main__":
    main()
