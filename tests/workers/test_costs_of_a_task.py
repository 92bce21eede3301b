"""What a model costs is known of a trial that a pool prunes, however far its worker went on."""

from __future__ import annotations

from objectives.training import Decision, Outcome, TrialResult, TrialSpec
from sweeps.workers.task import Task


def test_a_trial_that_raced_ahead_of_its_pruning_keeps_its_costs() -> None:
    task = Task(TrialSpec(0, None, 0, 9, rungs=(2,), limits={"params": 9.0}))
    logs = {"loss": 1.0, "val_loss": 1.0, "learning_rate": 0.1}
    task.report(1, [logs] * 3, lambda spec, epoch, logs: Decision.PRUNE)
    told = TrialResult(
        task.spec, Outcome.COMPLETE, 0.5, 3, 3, 1.0, extra={"params": 7, "way": "fit"}
    )
    found = task.ended(told)
    assert (found.outcome, found.value, found.extra) == (Outcome.PRUNED, 1.0, {"params": 7})
    over = TrialResult(
        task.spec, Outcome.INFEASIBLE, extra={"params": 10, "over": "params 10 > 9"}
    )
    assert Task(task.spec).ended(over) == over
