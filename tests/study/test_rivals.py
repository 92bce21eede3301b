"""A rule that looks at trials that have changed decides as one that looks at all again."""

from __future__ import annotations

import optuna
from hypothesis import given
from hypothesis import strategies as st

from sweeps.study.pruning import keep_share, make_pruner, should_stop
from sweeps.study.sweep import percentile, successive_halving

EPOCHS = 20
VALUES = st.one_of(st.floats(0.0, 1.0), st.just(float("nan")), st.sampled_from([0.5, 0.99, 1.0]))
# Each step is an epoch of one of eight places: its value, and whether the trial ends there, or is
# resumed: Optuna then changes the very object that the study has of it.
FATES = st.sampled_from(["on", "on", "on", "again", "complete", "fail"])
STEPS = st.lists(st.tuples(st.integers(0, 7), VALUES, FATES), max_size=120)


@given(STEPS, st.sampled_from([successive_halving(first_rung=2), percentile(70, first_rung=2)]))
def test_every_decision_is_that_of_a_rule_without_memory(steps, rule) -> None:
    for direction, sign in (("minimize", 1.0), ("maximize", -1.0)):
        study = optuna.create_study(direction=direction, pruner=make_pruner(rule, EPOCHS))
        rungs, keep = set(rule.rungs(EPOCHS)), keep_share(rule)
        places: dict[int, optuna.trial.Trial] = {}
        for place, value, fate in steps:
            trial = places.setdefault(place, study.ask())
            epoch = 1 + (study.get_trials(deepcopy=False)[trial.number].last_step or 0)
            trial.report(value, epoch)
            frozen = study.get_trials(deepcopy=False)[trial.number]
            trials = study.get_trials(deepcopy=False)
            wanted = epoch in rungs and should_stop(
                frozen, trials, epoch, EPOCHS, keep, sign, rungs
            )
            assert trial.should_prune() == wanted
            if wanted:
                study.tell(places.pop(place), state=optuna.trial.TrialState.PRUNED)
            elif fate == "again":
                places[place] = optuna.trial.Trial(study, trial._trial_id)
            elif fate == "complete" or epoch == EPOCHS:
                result = {"outcome": "complete", "epochs": epoch}
                trial.set_user_attr("result", result)
                study.tell(places.pop(place), 0.5 if value != value else value)
            elif fate == "fail":
                study.tell(places.pop(place), state=optuna.trial.TrialState.FAIL)
