"""The result of `explain`: as JSON for files and the report, and as ten lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from objectives.reading import counted
from sweeps.explain import words
from sweeps.explain.changes import Probe, Reference
from sweeps.explain.curves import Shape
from sweeps.explain.hypotheses import Hypothesis
from sweeps.explain.plateau import PlateauProbeResult, PlateauResult, lengths
from sweeps.explain.runs import Run, clean
from sweeps.explain.verdict import (
    HURTS,
    NOTHING,
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    FinalValueResult,
    ProbeResult,
    Verdict,
)
from sweeps.study.readers import time_text

FORMAT = 1


@dataclass(frozen=True)
class Explanation:
    """Why a reference trial stops improving.

    Attributes:
        reference: The trial.
        label: Short name of its config.
        params: Its hyperparameters.
        shape: Shape of its median repeat's curve.
        final: What limits the final value.
        plateau: What sets the length of the initial plateau; None if there is none.
        hypotheses: Common explanations of the plateau, tested; empty if there is none.
        runs: All runs by probe, the reference first.
        changes: What each probe changes, as flat parameters.
        seconds: How long this call took.
        complete: Whether all wanted runs were trained within the budget.
        forecast: What more epochs would bring; None if that cannot be told.
    """

    reference: Reference
    label: str
    params: Mapping[str, Any]
    shape: Shape
    final: FinalValueResult
    plateau: PlateauResult | None
    hypotheses: tuple[Hypothesis, ...]
    runs: Sequence[tuple[Probe, Sequence[Run]]]
    changes: Mapping[str, Mapping[str, Any]]
    seconds: float
    complete: bool
    forecast: Mapping[str, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data, with None for values that are not finite."""
        text, best = words.advice(self.final, self.complete)
        found: dict[str, Any] = {
            "format": FORMAT,
            "reference": {
                "name": self.reference.name,
                "label": self.label,
                "params": dict(self.params),
                "max_epochs": self.reference.max_epochs,
                "monitor": self.reference.monitor.name,
                "mode": self.reference.monitor.mode,
                "steps_per_epoch": self.reference.steps,
                "data": self.reference.data,
            },
            "curve": _curve(self.shape),
            "limit": self.final.limit,
            "advice": {
                "text": text,
                "probe": None if best is None else best.probe.name,
                "change": None if best is None else self._change(best.probe),
            },
            "plateau_advice": self._plateau_advice(),
            "final_value": {
                "worth": self.final.worth,
                "remaining": self.final.remaining,
                "verdicts": [self._verdict(v) for v in self.final.verdicts],
                "data": None if self.final.data is None else self._judged(self.final.data),
            },
            "initial_plateau": None if self.plateau is None else self._plateau(self.plateau),
            "hypotheses": [
                {"name": h.name, "outcome": h.outcome, "text": h.text, "figures": h.figures}
                for h in self.hypotheses
            ],
            "forecast": self.forecast,
            "runs": [
                {
                    "probe": probe.name,
                    "text": probe.text,
                    "number": run.number,
                    "seed": run.seed,
                    "outcome": run.outcome,
                    "value": run.value,
                    "run_id": run.run_id,
                    "curve": run.curves.get(self.reference.monitor.name, []),
                    "learning_rate": run.curves.get("learning_rate", []),
                }
                for probe, runs in self.runs
                for run in runs
            ],
            "seconds": round(self.seconds, 1),
            "training_seconds": round(self.training, 1),
            "complete": self.complete,
            "lines": self.summary_lines(),
        }
        plain: dict[str, Any] = clean(found)
        return plain

    def summary_lines(self) -> list[str]:
        """Return about ten lines for a terminal."""
        monitor, best = self.reference.monitor.name, self.shape.best
        total = sum(len(runs) for _, runs in self.runs)
        found = [
            f"{self.reference.name} {self.label}: {counted(len(self.runs) - 1, 'probe')}, "
            f"{counted(total, 'run')} on paired seeds, "
            f"{time_text(self.training)} of training",
            f"curve: {words.phases(self.shape)}; best {monitor} {best:.4g} "
            f"at epoch {self.shape.best_epoch}",
            f"what limits it: {words.limit(self.final)}",
        ]
        main = self.final.main
        if main is not None:
            found.append(f"  {words.finding(main, monitor)}")
        others = [v for v in self.final.verdicts if v is not main]
        also = [words.finding(v, monitor) for v in others if v.outcome == SUPPORTED]
        found += [f"  also, on its own: {text}" for text in also[:2]]
        refuted = [words.CAUSES[v.cause] for v in others if v.outcome == REFUTED and not v.idle]
        idle = [words.CAUSES[v.cause] for v in others if v.outcome == REFUTED and v.idle]
        open_ = [words.open_cause(v) for v in others if v.outcome == UNDECIDED]
        found += [f"  not: {'; '.join(refuted)}"] if refuted else []
        found += [f"  had no effect: {'; '.join(idle)}"] if idle else []
        found += [f"  undecided: {', '.join(open_)}"] if open_ else []
        data = self.final.data
        if data is not None and data.outcome == HURTS:
            found.append(f"  rows matter: {words.evidence(data, monitor)}")
        if self.plateau is not None:
            found += self._plateau_lines(self.plateau)
        if self.forecast is not None:
            found.append(words.ahead(self.forecast, monitor))
        found.append(f"recommendation: {self.advice}")
        if not self.complete:
            found.append("not finished within the budget: run the same command to continue")
        return found

    @property
    def training(self) -> float:
        """Seconds of training of all runs, earlier calls included."""
        return sum(run.seconds for _, runs in self.runs for run in runs)

    @property
    def advice(self) -> str:
        """What to do, in one or two sentences."""
        text = words.advice(self.final, self.complete)[0]
        if self.plateau is None:
            return text
        waiting = words.plateau_advice(self.final, self.plateau)[0]
        return waiting if self.final.limit == NOTHING else f"{text} {waiting}"

    def _plateau_advice(self) -> dict[str, Any] | None:
        if self.plateau is None:
            return None
        text, best = words.plateau_advice(self.final, self.plateau)
        if best is None:
            return {"text": text, "probe": None, "change": None}
        return {"text": text, "probe": best.probe.name, "change": self._change(best.probe)}

    def _plateau_lines(self, plateau: PlateauResult) -> list[str]:
        found = [f"what sets the plateau's length: {words.lever(plateau)}"]
        names = "; ".join(f"{h.name.replace('_', ' ')} {h.outcome}" for h in self.hypotheses)
        return [*found, f"  {names}"] if names else found

    def _change(self, probe: Probe) -> dict[str, Any]:
        return dict(self.changes.get(probe.name, {}))

    def _verdict(self, verdict: Verdict) -> dict[str, Any]:
        return {
            "question": "final_value",
            "cause": verdict.cause,
            "outcome": verdict.outcome,
            "effect": verdict.effect,
            "more_repeats": verdict.more,
            "text": words.finding(verdict, self.reference.monitor.name),
            "evidence": [self._judged(judged) for judged in verdict.evidence],
        }

    def _judged(self, judged: ProbeResult) -> dict[str, Any]:
        return {
            "probe": judged.probe.name,
            "text": judged.probe.text,
            "change": self._change(judged.probe),
            "outcome": judged.outcome,
            "difference": judged.difference.mean,
            "low": judged.difference.low,
            "high": judged.difference.high,
            "n": judged.difference.n,
            "p": judged.p,
            "more_repeats": judged.more,
            "numbers": [run.number for run in judged.runs],
            "seeds": [run.seed for run in judged.runs],
            "runs": [run.run_id for run in judged.runs],
        }

    def _plateau(self, plateau: PlateauResult) -> dict[str, Any]:
        return {
            "lever": plateau.lever,
            "lengths": lengths(plateau),
            "verdicts": [self._plateau_verdict(one) for one in plateau.probes],
        }

    def _plateau_verdict(self, one: PlateauProbeResult) -> dict[str, Any]:
        ratio, low, high = one.ratio
        return {
            "question": "initial_plateau",
            "cause": one.probe.lever,
            "outcome": one.outcome,
            "probe": one.probe.name,
            "text": words.plateau_finding(one),
            "change": self._change(one.probe),
            "ratio": ratio,
            "low": low,
            "high": high,
            "n": one.difference.n,
            "p": one.p,
            "bound": one.bounded,
            "more_repeats": one.more,
            "numbers": [run.number for run in one.runs],
            "seeds": [run.seed for run in one.runs],
            "runs": [run.run_id for run in one.runs],
        }


def _curve(shape: Shape) -> dict[str, Any]:
    return {
        "phases": [{"name": p.name, "first": p.first, "last": p.last} for p in shape.phases],
        "start": shape.start,
        "best": shape.best,
        "best_epoch": shape.best_epoch,
        "end": shape.end,
        "noise": shape.noise,
        "left": shape.left,
        "complaints": list(shape.complaints),
    }
