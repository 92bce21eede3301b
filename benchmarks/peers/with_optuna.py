"""Optuna as its tutorials have it: processes on one journal file, KerasPruningCallback and `fit`.

TPE with its defaults, Hyperband as the pruner that the tutorial on algorithms recommends with it,
JournalStorage as the one on parallelization recommends for processes of one machine.
"""

from __future__ import annotations

import subprocess
import sys

import common
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState


def main() -> None:
    """Create the study, start the other processes, and be one of them."""
    given = common.options()
    study = optuna.create_study(
        study_name="race",
        storage=JournalStorage(JournalFileBackend("optuna.log")),
        sampler=optuna.samplers.TPESampler(seed=given.seed * 1000 + given.rank),
        pruner=optuna.pruners.HyperbandPruner(
            min_resource=1, max_resource=given.max_epochs, reduction_factor=3
        ),
        load_if_exists=True,
    )
    others = []
    if given.rank == 0:
        study.enqueue_trial(common.baseline())
        others = [
            subprocess.Popen([sys.executable, *sys.argv, "--rank", str(rank)])
            for rank in range(1, given.processes)
        ]

    from optuna_integration import KerasPruningCallback

    data = common.DENSE_BINARY.embedded

    def objective(trial: optuna.Trial) -> float:
        config = common.suggest(trial, given.widths)
        return common.train(config, data, given, KerasPruningCallback(trial, "val_loss"))

    # Who ends a trial stops if the others' running ones make the number full.
    ended = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    enough = MaxTrialsCallback(max(1, given.trials - given.processes + 1), states=ended)
    study.optimize(objective, callbacks=[enough])
    codes = [other.wait() for other in others]
    if any(codes):
        raise SystemExit("a process failed")
    if given.rank == 0:
        print(f"best: {study.best_value:.4f} {study.best_params}")


if __name__ == "__main__":
    main()
