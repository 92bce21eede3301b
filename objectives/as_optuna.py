"""An objective as Optuna's own `study.optimize` takes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.training import Best, Decision, Logs, Outcome, Trainer, TrialSpec
from objectives.training.beside import Beside, measured, values_of

if TYPE_CHECKING:
    from objectives import Objective


def run_trial(
    objective: Objective[Any], trainer: Trainer, trial: Any
) -> float | tuple[float, ...]:
    """Train a trial of a plain Optuna study, as `Objective.__call__` says."""
    from optuna import TrialPruned

    config = objective.space.suggest(trial)
    spec = TrialSpec(
        number=trial.number,
        config=config,
        seed=trial.number,
        max_epochs=objective.epochs(config, objective.max_epochs),
        monitor=objective.judged_by.in_study(getattr(trial, "study", None), objective.others),
        patience=objective.patience_in_epochs,
        files=Path("callbacks") / f"{trial.number:05d}",
        limits=measured(objective.others, {}),
    )
    best, beside = Best(spec.monitor), Beside(objective.others)

    def on_epoch(_: TrialSpec, epoch: int, logs: Logs) -> Decision:
        beside.take(epoch, logs, best=best.update(epoch, logs))
        if objective.others:
            return Decision.CONTINUE
        trial.report(best.value, epoch)
        return Decision.PRUNE if trial.should_prune() else Decision.CONTINUE

    (result,) = map(beside.judged, trainer.train(iter([spec]), on_epoch))
    for key, value in result.extra.get("user_attrs", {}).items():
        trial.set_user_attr(key, value)
    if result.outcome is Outcome.FAILED or result.value is None:
        raise RuntimeError(result.error or "the loss was not finite in the first epoch")
    if result.outcome is not Outcome.COMPLETE:
        raise TrialPruned(f"{result.outcome.value} after {result.epochs} epochs")
    return tuple(values_of(result)) if objective.others else result.value
