"""A study made by a formula, with names as nasty as a user's can be."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from sweeps.report.page import Report

NASTY = """</script><script>alert(1)</script><img src="https://example.com/x.png">&"'<b>\u2028"""
RUNGS = (8, 16, 32, 64)


def study(
    trials: int = 24, epochs: int = 100, nasty: str = "", seed: int = 0, **changed: Any
) -> Report:
    """Return a report of trials whose curves fall towards floors that their parameters set."""
    rng = np.random.default_rng(seed)
    rows, curves = [], {}
    for number in range(trials):
        params = {
            "width": int(rng.choice([8, 16, 32, 64])),
            "learning_rate": float(10 ** rng.uniform(-4, -1)),
            f"activation{nasty}": f"relu{nasty}",
            "plateau": str(rng.choice(["off", "on"])),
        }
        outcome = "complete" if number == 0 or rng.random() < 0.3 else "pruned"
        outcome = "diverged" if number == 3 else "failed" if number == 5 else outcome
        length = epochs if outcome == "complete" else int(rng.choice(RUNGS))
        frame = curve(params, min(length, epochs), rng)
        values = frame["val_loss"]
        rows.append(
            {
                "number": number,
                "role": "baseline" if number == 0 else "trial",
                "outcome": outcome,
                "value": float(values.min()),
                "best_epoch": int(values.idxmin()),
                "epochs": len(frame),
                "seconds": 0.03 * len(frame),
                "label": f"{params['width']}x2 adam{nasty}",
                **{f"params_{name}": value for name, value in params.items()},
            }
        )
        curves[number] = frame
    frame = pd.DataFrame(rows).set_index("number")
    done = frame[frame["outcome"] == "complete"].sort_values("value")
    return Report(
        summary=summary(frame, int(done.index[0]), nasty),
        trials=frame,
        curves=curves,
        max_epochs=epochs,
        direction=lambda metric: "max" if "accuracy" in metric else "min",
        rungs=RUNGS,
        data=f"churn{nasty}.csv, 60,000 x 64",
        commands=[(f"the same sweep{nasty}", f"python -m sweeps.dense_binary{nasty}")],
        config=f"width: 32  # {nasty}",
        versions={"keras-sweeps": "0.1.0", f"python{nasty}": "3.11"},
        notes=[f"the net beats logistic regression{nasty}: AUC +0.1"],
        **({"confirmed": confirmed(int(done.index[0]))} | changed),
    )


def curve(params: dict[str, Any], epochs: int, rng: np.random.Generator) -> pd.DataFrame:
    t = np.arange(1, epochs + 1)
    floor = 0.1 + 0.05 * abs(np.log10(params["learning_rate"] / 0.01)) + 1.0 / params["width"]
    loss = floor + 0.5 * np.exp(-t / 12) + 0.004 * rng.normal(size=epochs)
    rate = np.full(epochs, params["learning_rate"])
    if params["plateau"] == "on":
        rate[30:] /= 2
        rate[60:] /= 2
    columns = {"val_loss": loss, "loss": 0.9 * loss, "val_accuracy": 1 - loss / 2}
    return pd.DataFrame(columns | {"learning_rate": rate}, index=pd.Index(t, name="epoch"))


def summary(frame: pd.DataFrame, best: int, nasty: str) -> dict[str, Any]:
    return {
        "study": f"churn{nasty}",
        "sweep": f"dense_binary{nasty}",
        "monitor": "val_loss",
        "mode": "min",
        "counts": {str(k): int(v) for k, v in frame["outcome"].value_counts().items()},
        "seconds": float(frame["seconds"].sum()),
        "epochs": int(frame["epochs"].sum()),
        "saved": 0.62,
        "best": {"number": best, "value": float(frame.loc[best, "value"])},
        "baseline": {"number": 0, "value": float(frame.loc[0, "value"])},
        "hints": [f"best width{nasty} 64 is the largest tried"],
        "failures": [f"#5 ValueError: {nasty or 'out of memory'}"],
        "final": {
            "plain": {
                "metrics": {
                    "majority_accuracy": 0.512,
                    "majority_accuracy_low": 0.5,
                    "logistic_loss": 0.317,
                    "logistic_accuracy": 0.871,
                }
            }
        },
    }


def confirmed(best: int, nasty: str = "") -> dict[str, Any]:
    return {
        "repeats": 5,
        "metric": "test_loss",
        "means": {
            "baseline": {"val_loss": 0.161, "test_loss": 0.164, "test_accuracy": 0.928},
            "best": {"val_loss": 0.139, "test_loss": 0.143, "test_accuracy": 0.938},
        },
        "difference": {
            "mean": -0.021, "low": -0.026, "high": -0.016, "n": 5, "p": 0.0004, "word": "real",
        },
        "ties": [best, 7],
        "smallest": 7,
        "lead": None,
        "trials": [
            confirmed_trial(best, "trial", 0.131, 0.139, 0.004),
            confirmed_trial(7, f"trial{nasty}", 0.138, 0.141, 0.002, parameters=321),
            confirmed_trial(0, "baseline", 0.155, 0.161, None, failed=1),
        ],
    }  # fmt: skip


def confirmed_trial(
    number: int, role: str, value: float, mean: float, spread: float | None, **more: int
) -> dict[str, Any]:
    known = {"number": number, "role": role, "value": value, "mean": mean, "spread": spread}
    return known | {"seeds": 5, "failed": 0, "parameters": 4609} | more


def figures(nasty: str = "", trials: int = 24, parameters: int = 4) -> dict[str, Any]:
    """Return Optuna's own figures of a study made in memory."""
    import optuna

    from sweeps.study.figures import figure

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        values = [trial.suggest_float(f"rate{i}{nasty}", 1e-4, 1, log=True) for i in range(2)]
        trial.suggest_categorical(f"kind{nasty}", [f"a{nasty}", "b"])
        more = [trial.suggest_int(f"width{i}", 8, 64) for i in range(parameters - 3)]
        return abs(np.log10(values[0]) + 2) + 0.01 * sum(more)

    made.optimize(objective, n_trials=trials)
    names = ("importances", "slice", "parallel")
    return {name: json.loads(figure(made, name, "val_loss").to_json()) for name in names}
