"""A HyperModel of KerasTuner's own class, unchanged: its `fit` says how each trial is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sweeps
from objectives import BadInput, Objective, Source
from objectives.training import TrialSpec, here
from tests.objectives.training.test_data_sets import trained

pytestmark = pytest.mark.slow
tuner = pytest.importorskip("keras_tuner", reason="of the extra `bench`")


class Tuned(tuner.HyperModel):  # type: ignore[misc, name-defined]
    """As in KerasTuner's guide on what a HyperModel may tune in its training."""

    def build(self, hp: Any) -> Any:
        import keras

        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(hp.Int("units", 2, 9))])
        model.add(keras.layers.Dense(1))
        model.compile(keras.optimizers.Adam(0.05), "mse")
        return model

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return model.fit(
            *args,
            batch_size=hp.Choice("batch_size", [8, 16]),
            epochs=hp.Int("epochs", 2, 4),
            **kwargs,
        )


class Changing(Tuned):
    """As in that guide too: it changes the data that it was given."""

    def fit(self, hp: Any, model: Any, x: Any, y: Any, **kwargs: Any) -> Any:
        import keras

        if hp.Boolean("normalize", default=True):
            x = keras.layers.Normalization()(x)
        return model.fit(x, y, **kwargs)


def load(_: Source) -> Any:
    x = np.random.default_rng(0).normal(size=(60, 3))
    return x, x[:, 0]


def test_each_trial_has_the_batches_and_epochs_that_its_fit_chooses() -> None:
    found = Objective(load=load, build=sweeps.from_keras_tuner(Tuned()), max_epochs=9)
    data = found.data(Source())
    first = found.space.first()
    assert set(first) == {"units", "batch_size", "epochs"}
    configs = [first | {"batch_size": size, "epochs": n} for size, n in ((8, 2), (16, 3))]
    specs = [
        TrialSpec(at, config, 3, found.epochs(config, 9)) for at, config in enumerate(configs)
    ]
    _, curves = trained(here(found, data, "fit"), *specs)
    assert [len(curve) for curve in curves] == [2, 3]
    for config, curve in zip(configs, curves, strict=True):
        plain = Objective(
            load=load,
            build=lambda trial: Tuned().build(_Hp(trial)),
            batch_size=config["batch_size"],
        )
        again = TrialSpec(0, {"units": config["units"]}, 3, config["epochs"])
        assert trained(here(plain, data, "fit"), again)[1] == [curve]


class _Hp:
    def __init__(self, trial: Any) -> None:
        self.trial = trial

    def Int(self, name: str, low: int, high: int) -> Any:  # noqa: N802 - as KerasTuner has it
        return self.trial.suggest_int(name, low, high)


def test_a_fit_that_changes_its_data_is_refused_with_what_to_do() -> None:
    found = Objective(load=load, build=sweeps.from_keras_tuner(Changing()))
    with pytest.raises(BadInput, match="uses the x: let load give the data as the model") as no:
        found.space.first()
    assert "\n" not in str(no.value)
