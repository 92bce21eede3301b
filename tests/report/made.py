"""A study made by a formula, with names as nasty as a user's can be."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd

from sweeps.explain.explanation import Explanation
from sweeps.report.found import Finding, read
from sweeps.report.given import Plain, Report
from sweeps.study.confirm import Confirmed, ConfirmedTrial
from sweeps.study.ended import Ended
from sweeps.study.importance import Importances
from sweeps.study.statistics import Difference
from sweeps.study.summary import Summary

NASTY = """</script><script>alert(1)</script><img src="https://example.com/x.png">&"'<b>\u2028"""
RUNGS = (8, 16, 32, 64)


def study(
    trials: int = 24, epochs: int = 100, nasty: str = "", seed: int = 0, **changed: Any
) -> Report:
    """Return a report of trials whose curves fall towards floors that their parameters set."""
    rng = np.random.default_rng(seed)
    made, curves = [], {}
    for number in range(trials):
        params = {
            "width": int(rng.choice([8, 16, 32, 64])),
            "learning_rate": float(10 ** rng.uniform(-4, -1)),
            f"activation{nasty}": f"relu{nasty}",
            "plateau": str(rng.choice(["off", "on"])),
        }
        if params["plateau"] == "on":
            params["patience"] = 1 + number
        outcome = "complete" if number == 0 or rng.random() < 0.3 else "pruned"
        outcome = "diverged" if number == 3 else "failed" if number == 5 else outcome
        length = epochs if outcome == "complete" else int(rng.choice(RUNGS))
        frame = curve(params, min(length, epochs), rng)
        values = frame["val_loss"]
        made.append(
            Ended(
                number=number,
                role="baseline" if number == 0 else "trial",
                params=params,
                seed=number,
                outcome=outcome,
                value=float(values.min()),
                best_epoch=int(values.idxmin()),
                epochs=len(frame),
                seconds=0.03 * len(frame),
            )
        )
        curves[number] = frame
    done = [t for t in made if t.outcome == "complete"]
    best = min(done, key=lambda trial: trial.reached)
    return Report(
        **{
            "signs": {"val_loss": 1.0, "test_loss": 1.0, "test_accuracy": -1.0},
            "summary": summary(made, best, nasty),
            "trials": made,
            "labels": {t.number: f"{t.params['width']}x2 adam{nasty}" for t in made},
            "curves": curves,
            "max_epochs": epochs,
            "rungs": RUNGS,
            "logarithmic": {"learning_rate"},
            "data": f"churn{nasty}.csv, 60,000 x 64",
            "plain": [
                Plain("majority vote", {"test_accuracy": 0.512, "test_accuracy_low": 0.5}),
                Plain("logistic regression", {"test_loss": 0.317, "test_accuracy": 0.871}),
            ],
            "commands": [(f"the same sweep{nasty}", f"python -m sweeps.dense_binary{nasty}")],
            "config": f"width: 32  # {nasty}",
            "versions": {"keras-sweeps": "0.1.0", f"python{nasty}": "3.11"},
            "notes": [f"the net beats logistic regression{nasty}: AUC +0.1"],
            "confirmed": confirmed(best.number),
        }
        | changed
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


def summary(trials: list[Ended], best: Ended, nasty: str = "") -> Summary:
    outcomes = [trial.outcome for trial in trials]
    return Summary(
        study=f"churn{nasty}",
        sweep=f"dense_binary{nasty}",
        monitor="val_loss",
        mode="min",
        counts={outcome: outcomes.count(outcome) for outcome in dict.fromkeys(outcomes)},
        seconds=sum(trial.seconds for trial in trials),
        epochs=sum(trial.epochs for trial in trials),
        saved=0.62,
        best=best,
        baseline=trials[0],
        top=(best,),
        importances=Importances(12, {"learning_rate": 0.7, f"activation{nasty}": 0.3}),
        hints=(f"best width{nasty} 64 is the largest tried",),
        failures=(f"#5 ValueError: {nasty or 'out of memory'}",),
    )


def confirmed(best: int) -> Confirmed:
    return Confirmed(
        repeats=5,
        metric="test_loss",
        means={
            "baseline": {"val_loss": 0.161, "test_loss": 0.164, "test_accuracy": 0.928},
            "best": {"val_loss": 0.139, "test_loss": 0.143, "test_accuracy": 0.938},
        },
        difference=Difference(-0.021, -0.026, -0.016, 5, 0.0004, "real", 0.004),
        ties=(best, 7),
        smallest=7,
        lead=None,
        trials=(
            ConfirmedTrial(best, "trial", 0.131, 0.139, 0.004, 5, 0, 4609),
            ConfirmedTrial(7, "trial", 0.138, 0.141, 0.002, 5, 0, 321),
            ConfirmedTrial(0, "baseline", 0.155, 0.161, None, 5, 1, 4609),
        ),
    )


def ended(**changed: Any) -> Ended:
    made = {"number": 1, "role": "trial", "params": {}, "seed": 1, "outcome": "complete"}
    made |= {"value": 0.5, "best_epoch": 1, "epochs": 1000, "seconds": 1.0}
    return Ended(**(made | changed))


def whole(found: Explanation, **changed: Any) -> Report:
    return study(findings=[read(found.to_json())], **changed)


def nasty(found: Explanation) -> Finding:
    data = found.to_json()
    data["reference"]["label"] = data["advice"]["text"] = NASTY
    data["hypotheses"][0]["text"] = data["runs"][0]["text"] = NASTY
    return read(json.dumps(data))


class Page(HTMLParser):
    """The elements of a page, its scripts' texts apart from its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def data(self) -> dict[str, Any]:
        for index, (_, attrs) in enumerate(t for t in self.tags if t[0] == "script"):
            if attrs.get("id") == "data":
                return json.loads(self.scripts[index])  # type: ignore[no-any-return]
        raise AssertionError("no data")

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())
