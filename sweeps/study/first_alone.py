"""A study of several monitors as its first one alone sees it, for pruners.

Optuna takes no intermediate values of several objectives, and its pruners judge one. So the first
monitor's curve is kept with each trial, and a study in memory shows all of them to the pruner.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from objectives.training import Outcome

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

    from objectives.training import TrialResult

CURVE = "curve"  # of a trial: its best value so far by the first monitor, by epoch


class FirstAlone:
    """The first monitor's values of all trials, in a study of Optuna's that is kept in memory."""

    def __init__(self, study: optuna.Study) -> None:
        import optuna

        self._study = optuna.create_study(
            study_name=study.study_name, direction=study.directions[0], pruner=study.pruner
        )
        for trial in study.get_trials(deepcopy=False):
            self._add(trial)

    def trial(self, number: int, attrs: Any) -> Trial:
        """Return the trial of a number, which takes reports and says whether to prune it."""
        import optuna

        if number == len(self._study.get_trials(deepcopy=False)):
            running = optuna.trial.TrialState.RUNNING
            self._study.add_trial(optuna.trial.create_trial(state=running, user_attrs=attrs))
        stored = self._study.get_trials(deepcopy=False)[number]
        return optuna.trial.Trial(self._study, stored._trial_id)

    def end(self, shown: Trial, result: TrialResult) -> dict[str, float]:
        """End a trial, and return the curve that is to be kept with it."""
        import optuna

        known = {"outcome": result.outcome.value, "epochs": result.epochs}
        shown.set_user_attr("result", known)
        states = optuna.trial.TrialState
        complete = result.outcome is Outcome.COMPLETE and result.value is not None
        state = states.COMPLETE if complete else states.PRUNED
        self._study.tell(shown.number, result.value if complete else None, state=state)
        values = self._study.get_trials(deepcopy=False)[shown.number].intermediate_values
        return {str(epoch): value for epoch, value in values.items()}

    def _add(self, trial: FrozenTrial) -> None:
        import optuna

        curve = {int(epoch): value for epoch, value in trial.user_attrs.get(CURVE, {}).items()}
        with warnings.catch_warnings(action="ignore"):
            self._study.add_trial(
                optuna.trial.create_trial(
                    state=trial.state,
                    value=trial.values[0] if trial.values else None,
                    intermediate_values=curve,
                    user_attrs=trial.user_attrs,
                )
            )
