"""Ray Tune as its guides have it: OptunaSearch with a define-by-run space, and ASHAScheduler.

ASHA with its defaults (from the first iteration on, factor 4). Actors are used again, so that
TensorFlow is not imported for every trial, and no checkpoints are written: both spare Ray time.
"""

from __future__ import annotations

import argparse
import functools
import os
from pathlib import Path
from typing import Any

import common
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch


def train(params: dict[str, Any], data: Any, given: argparse.Namespace) -> None:
    """Train one trial, reporting every epoch."""
    from ray.tune.integration.keras import TuneReportCheckpointCallback

    report = TuneReportCheckpointCallback(metrics=["val_loss"], checkpoint_on=[])
    common.train(common.config_of(params), data, given, report)


def ask(widths: list[int], trial: Any) -> None:
    """Ask a trial for the space; Ray keeps the answers, and pickles this function."""
    common.suggest(trial, widths)


def main() -> None:
    """Search, and print the best."""
    given = common.options()

    ray.init(num_cpus=given.processes, include_dashboard=False, log_to_driver=False)
    search = OptunaSearch(
        space=functools.partial(ask, given.widths),
        metric="val_loss",
        mode="min",
        points_to_evaluate=[common.baseline()],
        seed=given.seed,
    )
    with_data = tune.with_parameters(train, data=common.DENSE_BINARY.embedded, given=given)
    results = tune.Tuner(
        tune.with_resources(with_data, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            metric="val_loss",
            mode="min",
            search_alg=search,
            scheduler=ASHAScheduler(max_t=given.max_epochs),
            num_samples=given.trials,
            max_concurrent_trials=given.processes,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=str(Path("ray").resolve()), verbose=0),
    ).fit()
    if results.num_errors:
        raise SystemExit(f"{results.num_errors} trials failed: {results.errors[0]}")
    best = results.get_best_result(scope="all")
    print(f"best: {best.metrics_dataframe.val_loss.min():.4f} {best.config}", flush=True)
    ray.shutdown()


if __name__ == "__main__":
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    main()
