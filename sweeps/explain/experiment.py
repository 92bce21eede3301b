"""The experiment: the reference first, then the probes that its curve suggests, then judgement."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from objectives import BadInput, Monitor, Objective
from objectives.training import Trainer
from objectives.training.files import replace
from search_spaces import Space, dimensions
from sweeps.explain.changes import FINAL, REFERENCE, WAIT, Probe, Reference, catalogue
from sweeps.explain.curves import DIVERGENCE, OVERFITTING, PLATEAU, Shape
from sweeps.explain.explanation import Explanation
from sweeps.explain.forecast import Recorded, forecast
from sweeps.explain.hypotheses import hypotheses
from sweeps.explain.levels import remaining, shape_of
from sweeps.explain.probes import Prober
from sweeps.explain.runs import FIRST, MOST, Record, Run
from sweeps.explain.verdict import CURVE, WORTH, Final, judge
from sweeps.explain.waits import Wait, exit_of, judge_wait, plateau_share
from sweeps.study.specs import Specs
from sweeps.study.statistics import bounds
from sweeps.tracking import StudyRun, Tracker

BUDGET = 300.0
EARLY = 3  # repeats of every probe before any has more
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
    """Probe a reference and judge what its curve shows; go on where an earlier call stopped.

    folder: keeps every run and the explanation's own JSON file. budget: seconds of this call;
    however few, one run comes to its end, and of the reference two. parent: the tracker's parent
    run. specs: what every run of the study has in common. recorded: curves of the sweep's other
    trials, for a forecast where they are longer than the reference's. Raises BadInput where the
    reference has no finite epoch, or where the trainer did not bring two repeats of it to their
    end.
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
    # What is repeated further hangs on the first repeats alone: an interruption changes nothing.
    runs_of = {probe.name: prober.runs(probe, FIRST) for probe in [base, *wanted]}
    unsettled = _unsettled(*_judge(reference, wanted, runs_of, shapes))
    if unsettled:
        more = [base, *(probe for probe in unsettled if probe.name != CURVE)]
        if prober.complete:
            prober.train((probe, k) for k in range(FIRST, MOST) for probe in more)
        runs_of |= {probe.name: prober.runs(probe) for probe in more}
    final, wait = _judge(reference, wanted, runs_of, shapes)
    found = _explanation(objective, prober, wanted, runs_of, final, wait, recorded)
    tracker.end_study(
        {"probe_runs": sum(len(its) for _, its in found.runs), "seconds": found.seconds},
        summary="\n".join(f"* {line.strip()}" for line in found.lines()),
        files={FILE: _write(folder / FILE, found)},
    )
    return found


def idle(probe: Probe, space: Space[Any]) -> bool:
    """Return whether a probe changes what does not apply, as the width of a linear model."""
    if space.by_building:
        return False
    changed = {name.rpartition(".")[2] for name in probe.change}
    return bool(changed & dimensions(space.suggest).keys() - space.params(probe.config).keys())


def _usable(runs: Sequence[Run], reference: Reference) -> list[Run]:
    for run in runs:
        if run.value is None:
            raise BadInput(
                f"{reference.name} has no finite epoch to explain "
                f"({run.error.strip().splitlines()[-1] if run.error else run.outcome}): "
                "lower its learning rate, or look at the data"
            )
    if len(runs) < 2:
        raise BadInput(
            f"not two repeats of {reference.name} came to their end: run it again, which goes on"
        )
    return list(runs)


def _chosen(
    reference: Reference, base: Sequence[Run], shapes: Sequence[Shape], every: bool
) -> list[Probe]:
    """Return the probes that the curve suggests, the most telling first."""
    waits = plateau_share(shapes) > 0.5
    whole = catalogue(reference, _left_rate(reference, base, shapes) if waits else None)
    if every:
        return whole
    seen = {phase.name for shape in shapes for phase in shape.phases}
    shares = [remaining(run, s, reference) for run, s in zip(base, shapes, strict=True)]
    left = [share for share in shares if share is not None]
    over = {"overfitting": OVERFITTING in seen}
    found = []
    for probe in whole:
        final = FINAL in probe.asks and not (left and max(left) <= WORTH)
        final = final and over.get(probe.cause, probe.cause != "optimizer")
        if DIVERGENCE in seen:
            final = final and probe.cause == "rate_too_high"
        if final or (waits and WAIT in probe.asks):
            found.append(probe)
    first = ("rate", "sgd", "uncorrected", "plateau")
    return sorted(found, key=lambda probe: not probe.name.startswith(first))


def _left_rate(reference: Reference, base: Sequence[Run], shapes: Sequence[Shape]) -> float | None:
    """Return the mean effective rate at which the reference left, two digits, None if not."""
    exits = [
        exit_of(reference, reference.as_probe(), run, shape.level_left, shape.start)
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
) -> tuple[Final, Wait | None]:
    base = runs_of[REFERENCE]
    probed = [(probe, runs_of[probe.name]) for probe in wanted]
    final = judge(reference, base, probed)
    waits = any(p.name == PLATEAU for s in shapes for p in s.phases) and (
        plateau_share(shapes) > 0.5
    )
    return final, judge_wait(reference, base, probed) if waits else None


def _unsettled(final: Final, wait: Wait | None) -> list[Probe]:
    return [*final.unfinished, *(wait.unfinished if wait else ())]


def _explanation(
    objective: Objective[Any],
    prober: Prober,
    wanted: Sequence[Probe],
    runs_of: Mapping[str, Sequence[Run]],
    final: Final,
    wait: Wait | None,
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
        wait=wait,
        hypotheses=hypotheses(reference, wait) if wait is not None else (),
        runs=[(probe, its) for probe, its in runs if its],
        changes={probe.name: change(probe) for probe in wanted},
        seconds=prober.spent,
        complete=prober.complete,
        forecast=_forecast(middle, reference, recorded),
    )


def _middle(runs: Sequence[Run], monitor: Monitor) -> Run:
    """Return the run with the median value; one without a value counts as the worst."""

    def value(run: Run) -> float:
        return monitor.worst if run.value is None else run.value

    return sorted(runs, key=value)[len(runs) // 2]


def _forecast(
    run: Run, reference: Reference, recorded: Sequence[Recorded]
) -> dict[str, float] | None:
    """Return what as many epochs again would bring, as far as recorded curves reach."""
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
    """Write the explanation whole, or not at all."""
    text = json.dumps(found.to_json(), indent=1)
    replace(path, lambda file: file.write_text(text, encoding="utf-8"))
    return path
