"""Who is compared: each trains on the same rows and tells its loss on the same test rows.

`exported` is the test loss of what one would take home; `fresh` the mean test loss of the best net
on fresh seeds, where there is one net.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_quality.tables import Table

Found = dict[str, dict[str, float]]  # contestant -> exported, fresh
SEEDS = 3


@dataclass(frozen=True)
class Budget:
    """Trials, or seconds from the start of the process; the other is None."""

    trials: int | None = None
    seconds: float | None = None
    started: float = dataclasses.field(default_factory=time.time)

    @classmethod
    def of(cls, text: str, started: float) -> Budget:
        """Return the budget of `20t` or `60s`."""
        number = float(text[:-1])
        if text.endswith("t"):
            return cls(trials=int(number), started=started)
        return cls(seconds=number, started=started)

    @property
    def left(self) -> float:
        """Seconds."""
        return np.inf if self.seconds is None else self.started + self.seconds - time.time()


def sweep_of(table: Table) -> Any:
    """Return the sweep of a table's kind."""
    from importlib import import_module

    name = {"sequence_multiclass": "lstm_recall"}.get(table.sweep, table.sweep)
    return import_module(f"sweeps.{name}").SWEEP


def data_of(table: Table, seed: int) -> Any:
    """Return the three parts that a sweep on this split has."""
    from objectives import Source

    objective = sweep_of(table).objective
    if table.make is None:
        return objective.data(Source(seed=seed))
    return objective.from_arrays(*table.make(), Source(seed=seed, arrays=()))


def loss(data: Any, said: Any, task: str) -> float:
    """Return the test loss as the sweeps have it: log loss, or squared error in variances."""
    truth = np.asarray(data.test.y)
    if task == "regression":
        variance = np.var(np.asarray(data.train.y, np.float64))
        return float(np.mean((np.ravel(said) - truth.ravel()) ** 2) / variance)
    chances = np.asarray(said, np.float64)
    if task == "binary":
        chances = np.ravel(chances[:, -1] if chances.ndim == 2 else chances)
        chances = np.c_[1.0 - chances, chances]
    chances = np.clip(chances, 1e-7, 1.0)
    chances /= chances.sum(axis=1, keepdims=True)
    return float(-np.log(chances[np.arange(len(truth)), truth.ravel().astype(int)]).mean())


def ours(
    sweep: Any,
    table: Table,
    seed: int,
    budget: Budget,
    *,
    average: bool,
    workers: int,
    track: bool,
    **more: Any,
) -> dict[str, float]:
    """Return what a sweep exports, and its best net on fresh seeds. more: options of the sweep."""
    import sweeps
    from sweeps.cli import python
    from sweeps.tracking import NoTracker

    if not track:
        python.make_tracker = lambda *_: NoTracker()  # type: ignore[assignment]
    options: dict[str, Any] = {"seed": seed, "split_seed": seed, "workers": workers}
    options |= {"peers": "off", "verbose": False, **more}
    if budget.trials is not None:
        options["trials"] = budget.trials
    else:
        options |= {"trials": 100_000, "timeout": f"{max(1.0, budget.left):.0f}s"}
    with tempfile.TemporaryDirectory() as folder:
        data = None if table.make is None else table.make()
        found = sweeps.run(sweep, data=data, folder=Path(folder), **options).summary
    single = found["final"]["best"]["test_loss"]
    known = found["average"] or {}
    result = {"exported": single, "single": single}
    if average and known.get("won"):
        result["exported"] = known["scores"]["test_loss"]
    if known.get("scores"):
        result["average"] = known["scores"]["test_loss"]
    confirm = found["confirm"] or {}
    if "best" in confirm.get("means", {}):
        result["fresh"] = confirm["means"]["best"]["test_loss"]
    return result


def default(table: Table, seed: int, budget: Budget, **how: Any) -> Found:
    """Return this project with its defaults."""
    return {"default": ours(sweep_of(table), table, seed, budget, average=True, **how)}


def previous(table: Table, seed: int, budget: Budget, **how: Any) -> Found:
    """Return this project as it was: the built-in space on every table, and the single net."""
    import benchmarks.search_quality.previous as before

    sweep = before.SWEEPS.get(table.sweep)
    if sweep is None:
        return {}
    return {"previous default": ours(sweep, table, seed, budget, average=False, **how)}


def net(data: Any, task: str, seed: int, budget: Budget) -> Any:
    """Return the test predictions of one sensible net that nobody tuned, by plain Keras."""
    import keras

    keras.utils.set_random_seed(seed)
    layers: list[Any] = []
    if data.train.x.ndim == 3:
        if data.details.get("masked"):
            layers.append(keras.layers.Masking(data.details["mask_value"]))
        layers += [keras.layers.LSTM(64), keras.layers.Dropout(0.3)]
    else:
        for _ in range(2):
            layers += [keras.layers.Dense(128, "relu"), keras.layers.Dropout(0.3)]
    y, back = np.asarray(data.train.y), lambda said: said
    mean, deviation = 0.0, 1.0
    if task == "regression":
        mean, deviation = float(y.mean()), float(y.std()) or 1.0
        out, kind = keras.layers.Dense(1), "mse"
        back = lambda said: said * deviation + mean  # noqa: E731
    elif task == "binary":
        out, kind = keras.layers.Dense(1, "sigmoid"), "binary_crossentropy"
    else:
        classes = len(data.details.get("classes") or np.unique(y))
        out = keras.layers.Dense(classes, "softmax")
        kind = "sparse_categorical_crossentropy"
    model = keras.Sequential([*layers, out])
    model.compile(keras.optimizers.AdamW(1e-3), kind)

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training |= budget.left <= 0.0

    stop = keras.callbacks.EarlyStopping(patience=6, restore_best_weights=True)
    model.fit(
        data.train.x, (y - mean) / deviation if task == "regression" else y,
        batch_size=256, epochs=100, verbose=0, callbacks=[stop, Clock()],
        validation_data=(data.validation.x, (np.asarray(data.validation.y) - mean) / deviation
                         if task == "regression" else data.validation.y),
    )  # fmt: skip
    return back(model.predict(data.test.x, verbose=0))


def untuned(table: Table, seed: int, budget: Budget, **_: Any) -> Found:
    """Return one sensible net, and the average of three of other seeds."""
    data = data_of(table, seed)
    said = [net(data, table.task, 1000 * seed + k, budget) for k in range(SEEDS)]
    each = [loss(data, one, table.task) for one in said]
    together = loss(data, np.mean(said, axis=0), table.task)
    return {
        "untuned net": {"exported": each[0], "fresh": float(np.mean(each))},
        "average of three": {"exported": together},
    }


def boosting(table: Table, seed: int, budget: Budget, **_: Any) -> Found:
    """Return scikit-learn's trees with their defaults; they learn from the validation rows too."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    data = data_of(table, seed)
    x = np.concatenate([data.train.x, data.validation.x]).reshape(
        len(data.train) + len(data.validation), -1
    )
    y = np.concatenate([data.train.y, data.validation.y])
    test = np.asarray(data.test.x).reshape(len(data.test), -1)
    if table.task == "regression":
        said = HistGradientBoostingRegressor(random_state=0).fit(x, y).predict(test)
    else:
        model = HistGradientBoostingClassifier(random_state=0).fit(x, y.astype(int))
        said = model.predict_proba(test)
    return {"HistGradientBoosting": {"exported": loss(data, said, table.task)}}


def contestants() -> dict[str, Callable[..., Found]]:
    """Return all, by the name that `--contestants` takes."""
    from benchmarks.search_quality import peers

    return {
        "default": default,
        "previous": previous,
        "untuned": untuned,
        "boosting": boosting,
        "optuna": peers.optuna_by_fit,
        "ray": peers.ray_with_asha,
    }
