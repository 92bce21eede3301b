"""A long study, written straight into the tables of Optuna and MLflow and into the journal.

By way of their interfaces 10,000 trials would take half an hour. What is written is what a run
leaves, but for the curves in MLflow, of which only the last epoch is there.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cluster import MAX_EPOCHS, SWEEP, Net, floor, logs_of, suggest, value
from search_spaces import flat
from sweeps.study.samplers import seed_of
from sweeps.study.shown import reported, run_name
from sweeps.study.sweep import rungs
from sweeps.tracking import TrialRun, limits, runs, shown

RUNGS = rungs(SWEEP.pruner, MAX_EPOCHS)
SHARES = (0.16, 0.134, 0.113, 0.095)  # of all trials, pruned at each rung
STARTED = datetime.datetime(2026, 1, 1)


class Trials:
    """`ended` trials and `running` ones after them: their configs, seeds and lengths."""

    def __init__(self, ended: int, running: int) -> None:
        import optuna

        rng = np.random.default_rng(0)
        draw = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        asked = draw.ask()
        suggest(asked)  # type: ignore[arg-type]
        self.distributions = asked.distributions
        lengths = np.array([*RUNGS, MAX_EPOCHS])
        shares = np.array([*SHARES, 1.0 - sum(SHARES)])
        self.epochs = [int(n) for n in rng.choice(lengths, ended, p=shares)]
        aged = rng.choice(lengths, running, p=lengths * shares / (lengths * shares).sum())
        self.begun = {ended + i: int(rng.integers(n)) for i, n in enumerate(aged)}
        self.epochs += [self.begun[ended + i] for i in range(running)]
        self.ended = ended
        self.configs = [Net(), *(self._drawn(rng) for _ in range(ended + running - 1))]
        self.floors = [floor(config) for config in self.configs]

    def _drawn(self, rng: np.random.Generator) -> Net:
        found: dict[str, Any] = {}
        for name, one in self.distributions.items():
            if (choices := getattr(one, "choices", None)) is not None:
                found[name] = choices[int(rng.integers(len(choices)))]
            elif one.log:
                found[name] = float(np.exp(rng.uniform(np.log(one.low), np.log(one.high))))
            else:
                found[name] = float(rng.uniform(one.low, one.high))
            if type(one).__name__ == "IntDistribution":
                found[name] = round(found[name])
        return Net(**found)

    def best(self, number: int) -> tuple[float, int]:
        """Return a trial's best value and its epoch."""
        seed = seed_of(0, number)
        curve = [value(self.floors[number], seed, e) for e in range(1, self.epochs[number] + 1)]
        least = min(curve)
        return least, curve.index(least) + 1

    def metrics(self, number: int) -> dict[str, float]:
        """Return the final metrics of a trial's run."""
        found, epoch = self.best(number)
        return {
            "epochs": float(self.epochs[number]), "lr_drops": 0.0,
            "trial_best_val_loss": found, "best_epoch": float(epoch),
        }  # fmt: skip

    def run(self, number: int) -> TrialRun:
        """Return a trial as it is tracked."""
        role = "trial" if number else "baseline"
        config = self.configs[number]
        label = SWEEP.objective.space.label(config)
        name = run_name(number, role, label)
        return TrialRun(number, name, flat(config), seed_of(0, number), role)


def fill_study(engine: Any, study: int, trials: Trials, run_ids: list[str]) -> None:
    """Write trials into Optuna's tables."""
    from optuna.distributions import distribution_to_json
    from optuna.storages._rdb import models
    from optuna.trial import TrialState

    kept = {name: distribution_to_json(one) for name, one in trials.distributions.items()}
    points = sorted(reported(MAX_EPOCHS, RUNGS))
    rows: dict[Any, list[dict[str, Any]]] = {
        model: []
        for model in (
            models.TrialModel, models.TrialParamModel, models.TrialValueModel,
            models.TrialUserAttributeModel, models.TrialIntermediateValueModel,
        )
    }  # fmt: skip
    finite = models.TrialValueModel.TrialValueType.FINITE
    reports = models.TrialIntermediateValueModel.TrialIntermediateValueType.FINITE
    for number, config in enumerate(trials.configs):
        epochs, over = trials.epochs[number], number < trials.ended
        complete, key = over and epochs == MAX_EPOCHS, {"trial_id": number + 1}
        state = TrialState.COMPLETE if complete else TrialState.PRUNED
        rows[models.TrialModel].append(
            key | {
                "number": number, "study_id": study,
                "state": state if over else TrialState.RUNNING,
                "datetime_start": STARTED + datetime.timedelta(seconds=number),
                "datetime_complete": STARTED + datetime.timedelta(days=1) if over else None,
            }
        )  # fmt: skip
        for name, one in trials.distributions.items():
            rows[models.TrialParamModel].append(
                key | {
                    "param_name": name, "distribution_json": kept[name],
                    "param_value": one.to_internal_repr(getattr(config, name)),
                }
            )  # fmt: skip
        attrs: dict[str, Any] = asdict(trials.run(number))
        attrs["run_name"] = attrs["name"]
        attrs = {name: attrs[name] for name in ("run_name", "role", "params", "seed")}
        least = float("inf")
        seed = attrs["seed"]
        for epoch in range(1, epochs + 1):
            least = min(least, value(trials.floors[number], seed, epoch))
            if epoch in points:
                rows[models.TrialIntermediateValueModel].append(
                    key | {"step": epoch, "intermediate_value": least,
                           "intermediate_value_type": reports}
                )  # fmt: skip
        if over:
            found, best = trials.best(number)
            rows[models.TrialValueModel].append(
                key | {"objective": 0, "value": found, "value_type": finite}
            )
            attrs["result"] = {
                "outcome": state.name.lower(), "value": found, "best_epoch": best,
                "epochs": epochs, "seconds": float(epochs), "error": None,
                "run_id": run_ids[number], "fallback": None, "structure": None, "way": None,
                "metrics": trials.metrics(number), "beside": {},
            }  # fmt: skip
        for name, kept_value in attrs.items():
            rows[models.TrialUserAttributeModel].append(
                key | {"key": name, "value_json": json.dumps(kept_value)}
            )
    with engine.begin() as connection:
        for model, found_rows in rows.items():
            _copy(connection, model.__table__, found_rows)
        connection.exec_driver_sql(
            "SELECT setval('trials_trial_id_seq', (SELECT max(trial_id) FROM trials))"
        )


def _copy(connection: Any, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows the fast way of PostgreSQL."""
    rows = list(rows)
    names = list(rows[0])
    with connection.connection.cursor().copy(
        f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    ) as copy:
        for row in rows:
            copy.write_row([_plain(row[name]) for name in names])


def _plain(one: Any) -> Any:
    return one.name if hasattr(one, "name") else one


def fill_tracking(engine: Any, folder: Path, trials: Trials, run_ids: list[str]) -> None:
    """Write the runs of ended trials into MLflow's tables, and a study's journal of them."""
    from mlflow.store.tracking.dbmodels import models

    state = json.loads((folder / "state.json").read_text())
    tables: dict[Any, list[dict[str, Any]]] = {
        model: []
        for model in (
            models.SqlRun, models.SqlTag, models.SqlParam, models.SqlMetric,
            models.SqlLatestMetric,
        )
    }  # fmt: skip
    begun = int(STARTED.timestamp() * 1000)
    for number in range(trials.ended):
        run, start = trials.run(number), begun + 1000 * number
        complete = trials.epochs[number] == MAX_EPOCHS
        outcome = "complete" if complete else "pruned"
        colour, key = runs.colour(run.role, outcome, best=False), {"run_uuid": run_ids[number]}
        tags = {
            runs.PARENT: state["parent"], runs.ROOT: state["parent"], runs.KIND: "trial",
            runs.NUMBER: str(number), runs.ROLE: run.role, runs.COLOUR: colour,
            "mlflow.runName": run.name, **shown.tags_of(run.params),
        }  # fmt: skip
        params = {runs.param(name): limits.text(one) for name, one in run.params.items()}
        params |= {"seed": str(run.seed), "outcome": outcome, **shown.logarithms(run.params)}
        last = logs_of(trials.floors[number], run.seed, trials.epochs[number])
        finals = trials.metrics(number)
        points = [(k, v, trials.epochs[number]) for k, v in last.items()]
        points += [(k, v, 0) for k, v in finals.items()]
        tables[models.SqlRun].append(
            key | {
                "name": run.name, "status": runs.STATUS[outcome], "start_time": start,
                "end_time": start + 500, "lifecycle_stage": "active", "source_type": "UNKNOWN",
                "experiment_id": int(state["experiment"]), "user_id": "me", "artifact_uri": "",
                "source_name": "", "entry_point_name": "", "source_version": "",
            }
        )  # fmt: skip
        tables[models.SqlTag] += [key | {"key": k, "value": v} for k, v in tags.items()]
        tables[models.SqlParam] += [key | {"key": k, "value": v} for k, v in params.items()]
        for table in (models.SqlMetric, models.SqlLatestMetric):
            tables[table] += [
                key | {"key": k, "value": v, "timestamp": start, "step": step, "is_nan": False}
                for k, v, step in points
            ]
        name = runs.stream_name(run.role, number)
        lines = [
            {"do": "trial", **asdict(run), "time": start},
            {"do": "end", "outcome": outcome, "time": start + 500, "metrics": finals,
             "params": {}},
        ]  # fmt: skip
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text)
        state["sent"][name] = {
            "offset": len(text), "run": run_ids[number], "role": run.role,
            "outcome": outcome, "colour": colour,
        }  # fmt: skip
    state["latest"] = begun + 1000 * trials.ended
    (folder / "state.json").write_text(json.dumps(state))
    with engine.begin() as connection:
        for model, rows in tables.items():
            _copy(connection, model.__table__, rows)


def new_ids(count: int) -> list[str]:
    """Return identifiers of runs."""
    return [uuid.uuid4().hex for _ in range(count)]
