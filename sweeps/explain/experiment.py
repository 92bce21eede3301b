"""The experiment: train the reference, then the probes that its curve suggests, and judge."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from objectives import BadInput, Monitor, Objective
from objectives.training import Trainer
from objectives.training.errors import error_line
from objectives.training.whole_files import replace
from search_spaces import Space, dimensions
from sweeps.explain.changes import (
    FINAL_VALUE,
    INITIAL_PLATEAU,
    REFERENCE,
    Probe,
    Reference,
    catalogue,
)
from sweeps.explain.curves import DIVERGENCE, OVERFITTING, Shape
from sweeps.explain.explanation import Explanation
from sweeps.explain.forecast import Recorded, forecast
from sweeps.explain.hypotheses import hypotheses
from sweeps.explain.levels import remaining, shape_of
from sweeps.explain.plateau import PlateauResult, judge_plateau, plateau_end, plateau_share
from sweeps.explain.probes import Prober
from sweeps.explain.runs import FIRST, MOST, Record, Run
from sweeps.explain.verdict import CURVE, WORTH, FinalValueResult, judge
from sweeps.study.specs import Specs
from sweeps.study.statistics import bounds
from sweeps.tracking import StudyRun, Tracker

BUDGET = 300.0
EARLY = 3  # repeats of every probe before any of them gets more
FILE = "explain.json"


def explain(
    objective: Objective[Any],
    reference: Reference,
    trainer: Trainer,
    tracker: Tracker,
    folder: Path,
    *,
    parent: StudyRun,
    specs: Specs,
    budget: float = BUDGET,
    all_probes: bool = False,
    recorded: Sequence[Recorded] = (),
    say: Callable[[str], None] = lambda line: None,
    clock: Callable[[], float] = time.monotonic,
) -> Explanation:
    """Find out by controlled probes what limits a trial; continue where an earlier call stopped.

    Args:
        objective: What is trained.
        reference: The trial to explain.
        trainer: Trains the probes.
        tracker: Records them.
        folder: Keeps all runs, and the explanation's JSON file.
        parent: The tracker's parent run.
        specs: What all runs of the study have in common.
        budget: Seconds of this call. However few, one run is completed, and two of the reference.
        all_probes: Whether to try all probes, instead of those that the curve suggests.
        recorded: Curves of the sweep's other trials, from which a forecast is made.
        say: Receives lines of progress.
        clock: Returns the time in seconds.

    Returns:
        The explanation, which is also written to `folder`.

    Raises:
        BadInput: The reference has no finite epoch, or the trainer did not complete two repeats.
    """
    record = Record(folder)
    tracker.start_study(parent)
    specs = dataclasses.replace(specs, patience=0, weights=None, checkpoints=folder)
    prober = Prober(
        reference, objective.space, specs, trainer, tracker, record, budget, say, clock
    )
    base = reference.as_probe()
    prober.train((base, repeat) for repeat in range(FIRST))
    runs = _usable(prober.runs(base, FIRST), reference)
    shapes = [shape_of(run, reference) for run in runs]
    wanted = [
        probe
        for probe in _chosen(reference, runs, shapes, all_probes)
        if not idle(probe, objective.space)
    ]
    for first, last in ((0, EARLY), (EARLY, FIRST)):
        prober.train((probe, k) for probe in wanted if probe.cost for k in range(first, last))
    # Further repeats depend on the first ones only, so an interruption changes nothing.
    runs_of = {probe.name: prober.runs(probe, FIRST) for probe in [base, *wanted]}
    unsettled = _unsettled(*_judge(reference, wanted, runs_of, shapes))
    if unsettled:
        more = [base, *(probe for probe in unsettled if probe.name != CURVE)]
        if prober.complete:
            prober.train((probe, k) for k in range(FIRST, MOST) for probe in more)
        runs_of |= {probe.name: prober.runs(probe) for probe in more}
    final, plateau = _judge(reference, wanted, runs_of, shapes)
    found = _explanation(objective, prober, wanted, runs_of, final, plateau, recorded)
    tracker.end_study(
        {"probe_runs": sum(len(its) for _, its in found.runs), "seconds": found.seconds},
        summary="\n".join(f"* {line.strip()}" for line in found.summary_lines()),
        files={FILE: _write(folder / FILE, found)},
    )
    return found


def idle(probe: Probe, space: Space[Any]) -> bool:
    """Return whether a probe changes a field without effect, as a linear model's width."""
    if space.by_building:
        return False
    changed = {name.rpartition(".")[2] for name in probe.change}
    return bool(changed & dimensions(space.suggest).keys() - space.params(probe.config).keys())


def _usable(runs: Sequence[Run], reference: Reference) -> list[Run]:
    for run in runs:
        if run.value is None:
            raise BadInput(
                f"{reference.name} has no finite epoch to explain "
                f"({error_line(run.error) if run.error else run.outcome}): "
                "lower its learning rate, or look at the data"
            )
    if len(runs) < 2:
        raise BadInput(
            f"fewer than two repeats of {reference.name} were completed: run it again to continue"
        )
    return list(runs)


def _chosen(
    reference: Reference, base: Sequence[Run], shapes: Sequence[Shape], every: bool
) -> list[Probe]:
    """Return the probes that the curve suggests, the most informative first."""
    on_plateau = plateau_share(shapes) > 0.5
    whole = catalogue(reference, _left_rate(reference, base, shapes) if on_plateau else None)
    if every:
        return whole
    seen = {phase.name for shape in shapes for phase in shape.phases}
    shares = [remaining(run, s, reference) for run, s in zip(base, shapes, strict=True)]
    left = [share for share in shares if share is not None]
    over = {"overfitting": OVERFITTING in seen}
    found = []
    for probe in whole:
        final = FINAL_VALUE in probe.asks and not (left and max(left) <= WORTH)
        final = final and over.get(probe.cause, probe.cause != "optimizer")
        if DIVERGENCE in seen:
            final = final and probe.cause == "rate_too_high"
        if final or (on_plateau and INITIAL_PLATEAU in probe.asks):
            found.append(probe)
    first = ("rate", "sgd", "uncorrected", "plateau")
    return sorted(found, key=lambda probe: not probe.name.startswith(first))


def _left_rate(reference: Reference, base: Sequence[Run], shapes: Sequence[Shape]) -> float | None:
    """Return the mean effective rate when the reference left its plateau, or None."""
    exits = [
        plateau_end(reference, reference.as_probe(), run, shape.level_left, shape.start)
        for run, shape in zip(base, shapes, strict=True)
        if shape.left is not None
    ]
    if not exits:
        return None
    return float(f"{sum(e.effective for e in exits) / len(exits):.2g}")


def _judge(
    reference: Reference,
    wanted: Sequence[Probe],
    runs_of: Mapping[str, Sequence[Run]],
    shapes: Sequence[Shape],
) -> tuple[FinalValueResult, PlateauResult | None]:
    base = runs_of[REFERENCE]
    probed = [(probe, runs_of[probe.name]) for probe in wanted]
    final = judge(reference, base, probed)
    on_plateau = plateau_share(shapes) > 0.5
    return final, judge_plateau(reference, base, probed) if on_plateau else None


def _unsettled(final: FinalValueResult, plateau: PlateauResult | None) -> list[Probe]:
    return [*final.unfinished, *(plateau.unfinished if plateau else ())]


def _explanation(
    objective: Objective[Any],
    prober: Prober,
    wanted: Sequence[Probe],
    runs_of: Mapping[str, Sequence[Run]],
    final: FinalValueResult,
    plateau: PlateauResult | None,
    recorded: Sequence[Recorded],
) -> Explanation:
    reference, space = prober.reference, objective.space
    base = reference.as_probe()
    runs = [(probe, runs_of[probe.name]) for probe in (base, *wanted)]
    middle = _middle(runs[0][1], reference.monitor)
    params = space.params(reference.config)

    def change(probe: Probe) -> dict[str, Any]:
        changed = space.params(probe.config)
        found = {name: value for name, value in changed.items() if params.get(name) != value}
        return found or dict(probe.change)

    return Explanation(
        reference=reference,
        label=space.label(reference.config),
        params=params,
        shape=shape_of(middle, reference),
        final=final,
        plateau=plateau,
        hypotheses=hypotheses(reference, plateau) if plateau is not None else (),
        runs=[(probe, its) for probe, its in runs if its],
        changes={probe.name: change(probe) for probe in wanted},
        seconds=prober.spent,
        complete=prober.complete,
        forecast=_forecast(middle, reference, recorded),
    )


def _middle(runs: Sequence[Run], monitor: Monitor) -> Run:
    """Return the run with the median value; a run without a value counts as the worst."""

    def value(run: Run) -> float:
        return monitor.worst if run.value is None else run.value

    return sorted(runs, key=value)[len(runs) // 2]


def _forecast(
    run: Run, reference: Reference, recorded: Sequence[Recorded]
) -> dict[str, float] | None:
    """Return a forecast for twice the epochs, or as many as recorded curves have."""
    curve = Recorded(run.curves[reference.monitor.name], run.curves.get("learning_rate", []))
    doubled = len(curve.values)
    longest = max((len(other.values) for other in recorded), default=0)
    more = min(doubled, longest - doubled) if longest > doubled else doubled
    found = forecast(curve, recorded, more, reference.monitor.sign)
    if found is None:
        return None
    plain = dataclasses.asdict(found)
    known = [value for one in (curve, *recorded) for value in one.values]
    least, most = bounds(reference.monitor.name, known)
    plain |= {key: min(max(plain[key], least), most) for key in ("value", "low", "high")}
    return plain


def _write(path: Path, found: Explanation) -> Path:
    """Write the explanation to a file atomically."""
    text = json.dumps(found.to_json(), indent=1)
    replace(path, lambda file: file.write_text(text, encoding="utf-8"))
    return path
