"""Optuna and Ray Tune through `fit`, in the space that a sweep has on the same table."""

from __future__ import annotations

import importlib.util
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_quality.contestants import SEEDS, Budget, Found, data_of, loss, sweep_of
from benchmarks.search_quality.tables import Table

MANY = 100_000  # trials, where time ends the search


class Problem:
    """A table's space, and how a config of it is trained by `fit`."""

    def __init__(self, table: Table, seed: int) -> None:
        self.table, self.seed = table, seed
        self.data = data_of(table, seed)
        self.objective = sweep_of(table).objective.on(self.data)
        self.best: tuple[float, Any, Any] = (np.inf, None, None)  # value, config, predictions

    def train(self, config: Any, seed: int, budget: Budget, *callbacks: Any) -> tuple[float, Any]:
        """Return the best validation loss of a config, and what its net says of the test part."""
        import keras

        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        model = self.objective.build(config, self.data, metrics=())
        stop = keras.callbacks.EarlyStopping(
            patience=self.objective.patience_in_epochs, restore_best_weights=True
        )

        class Clock(keras.callbacks.Callback):  # type: ignore[misc]
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                self.model.stop_training |= budget.left <= 0.0

        own = self.objective.fresh_callbacks(config, self.objective.judged_by)
        history = model.fit(
            self.data.train.x, self.data.train.y, verbose=0,
            batch_size=self.objective.batch(config), epochs=self.objective.max_epochs,
            validation_data=(self.data.validation.x, self.data.validation.y),
            callbacks=[*own, stop, Clock(), *callbacks],
        )  # fmt: skip
        value = float(min(history.history["val_loss"]))
        return value, model.predict(self.data.test.x, verbose=0)

    def take(self, value: float, config: Any, said: Any) -> None:
        """Keep what is the best so far."""
        if value < self.best[0]:
            self.best = value, config, said

    def told(self, budget: Budget) -> dict[str, float]:
        """Return the losses of the best config: of its own net, and on fresh seeds."""
        _, config, said = self.best
        task = self.table.task
        found = {"exported": loss(self.data, said, task)}
        fresh = [self.train(config, 7_000 + k, Budget())[1] for k in range(SEEDS)]
        return found | {"fresh": float(np.mean([loss(self.data, one, task) for one in fresh]))}


def optuna_by_fit(table: Table, seed: int, budget: Budget, **_: Any) -> Found:
    """Return Optuna's TPE with Hyperband, a pruning callback and `fit`."""
    import keras
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    problem = Problem(table, seed)

    def objective(trial: Any) -> float:
        class Prune(keras.callbacks.Callback):  # type: ignore[misc]
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                trial.report(float(logs["val_loss"]), epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned

        config = problem.objective.space.suggest(trial)
        value, said = problem.train(config, 1000 * seed + trial.number, budget, Prune())
        problem.take(value, config, said)
        return value

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.HyperbandPruner(1, problem.objective.max_epochs, 3),
    )
    seconds = None if budget.seconds is None else max(0.0, budget.left)
    study.optimize(objective, n_trials=budget.trials or MANY, timeout=seconds)
    return {"Optuna by fit": problem.told(budget)}


def ray_with_asha(table: Table, seed: int, budget: Budget, workers: int, **_: Any) -> Found:
    """Return Ray Tune with Optuna's search and ASHA; nothing where it is not installed."""
    for package in ("ray", "pyarrow", "tensorboardX"):
        if importlib.util.find_spec(package) is None:
            print(f"Ray Tune is left out: {package} is not installed", flush=True)
            return {}
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    problem = Problem(table, seed)
    space = problem.objective.space

    def train(params: dict[str, Any]) -> None:
        import keras

        class Report(keras.callbacks.Callback):  # type: ignore[misc]
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                tune.report({"val_loss": float(logs["val_loss"])})

        Problem(table, seed).train(space.config(params), seed, Budget(), Report())

    with tempfile.TemporaryDirectory() as folder:
        ray.init(num_cpus=max(1, workers), include_dashboard=False, log_to_driver=False)
        search = OptunaSearch(
            space=lambda trial: space.suggest(trial) and None, metric="val_loss", mode="min",
            seed=seed,
        )  # fmt: skip
        left = None if budget.seconds is None else max(1.0, budget.left)
        results = tune.Tuner(
            train,
            tune_config=tune.TuneConfig(
                metric="val_loss", mode="min", search_alg=search, reuse_actors=True,
                scheduler=ASHAScheduler(max_t=problem.objective.max_epochs),
                num_samples=budget.trials or MANY, time_budget_s=left,
            ),
            run_config=tune.RunConfig(storage_path=str(Path(folder).resolve()), verbose=0),
        ).fit()  # fmt: skip
        best = results.get_best_result(scope="all")
        ray.shutdown()
    config = space.config(dict(best.config))
    problem.take(*_again(problem, config, seed))
    return {"Ray Tune": problem.told(budget)}


def _again(problem: Problem, config: Any, seed: int) -> tuple[float, Any, Any]:
    """Train the best config again: Ray's trials keep no weights here."""
    value, said = problem.train(config, seed, Budget(started=time.time()))
    return value, config, said
