"""KerasTuner's HyperModels: what their `fit` may choose, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from objectives import BadInput, FitArguments, Objective
from objectives.hypermodels import from_keras_tuner
from search_spaces import Replay, Space, dimensions
from tests.scripted import load


class Model:
    """What of a Keras model is looked at here."""

    def __init__(self, units: int) -> None:
        self.units = units
        self.compiled_with: Any = None

    def compile(self, **given: Any) -> None:
        self.compiled_with = given

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: Any = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        steps_per_epoch: Any = None,
    ) -> Any:
        raise AssertionError("it is not trained here")


def build(hp: Any) -> Model:
    return Model(hp.Int("units", 8, 64, step=8))


class Hyper:
    """As KerasTuner's guides write it, but for the base class."""

    def build(self, hp: Any) -> Model:
        return build(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        callbacks = [*kwargs.pop("callbacks"), object()]
        return model.fit(
            *args,
            batch_size=hp.Choice("bs", [16, 32]),
            epochs=hp.Int("rounds", 2, 9),
            shuffle=hp.Boolean("shuffle", default=True),
            callbacks=callbacks,
            verbose=0,
            **kwargs,
        )


def objective(hypermodel: Any, **more: Any) -> Objective[Any]:
    return Objective(load=load, build=from_keras_tuner(hypermodel), max_epochs=6, **more)


def test_a_build_function_is_a_space() -> None:
    found = objective(build)
    assert found.space.first() == {"units": 32}
    assert found.build({"units": 48}, None).units == 48
    assert found.arguments({"units": 48}) == FitArguments(32)
    assert found.space.first_is.startswith("the default of each hyperparameter that has one")


def test_a_fit_chooses_arguments_and_callbacks() -> None:
    found = objective(Hyper())
    config = found.space.first()
    assert config == {"units": 32, "bs": 16, "rounds": 5, "shuffle": True}
    assert set(dimensions(found.space.suggest)) == set(config)
    chosen = {"units": 8, "bs": 32, "rounds": 9, "shuffle": False}
    assert found.arguments(chosen) == FitArguments(32, epochs=9, shuffle=False)
    assert (found.batch(chosen), found.epochs(chosen, 6), found.epochs(config, 6)) == (32, 6, 5)
    assert found.arguments(config) == FitArguments(16, epochs=5)


def test_every_training_gets_callbacks_of_its_own() -> None:
    found = objective(Hyper(), callbacks=lambda config, monitor: ["also"])
    config = found.space.first()
    found.build(config, None)
    first, second = (found.fresh_callbacks(config, found.judged_by) for _ in range(2))
    assert first[1:] == second[1:] == ["also"]
    assert first[0] is not second[0]


def test_what_the_objective_says_goes_before_what_the_hypermodel_chooses() -> None:
    found = objective(Hyper(), fit={"batch_size": 64, "steps_per_epoch": 3})
    assert found.arguments(found.space.first()) == FitArguments(64, 5, True, 3)


def test_a_model_may_be_compiled_in_fit() -> None:
    class Compiling(Hyper):
        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            model.compile(loss=hp.Choice("loss", ["mse", "mae"]))
            model.tag = 3
            return model.fit(*args, **kwargs)

    model = from_keras_tuner(Compiling())(Replay({"units": 8, "loss": "mae"}))
    assert (model.compiled_with, model.tag) == ({"loss": "mae"}, 3)


def fitting(function: Any) -> Any:
    class Fitting:
        def build(self, hp: Any) -> Model:
            return build(hp)

        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            return function(hp, model, *args, **kwargs)

    return Fitting()


@pytest.mark.parametrize(
    ("fit", "named"),
    [
        (lambda hp, model, x, y, **k: model.fit(x / 255, y, **k), "uses the x: let load give"),
        (lambda hp, model, x, y, **k: model.fit(x, y[:9], **k), "uses the y: let load give"),
        (lambda hp, model, x, y, **k: model.fit([1, 2], y, **k), "gives other x than it was"),
        (
            lambda hp, model, *a, **k: min(model.fit(*a, **k).history["val_loss"]),
            r"uses the history of model.fit: return model.fit\(...\) unchanged",
        ),
        (lambda hp, model, *a, **k: model.train_on_batch(*a), "calls model.train_on_batch"),
        (lambda hp, model, x, y, **k: model(x), "calls the model itself"),
        (lambda hp, model, *a, **k: 0.5, "calls model.fit 0 times"),
        (lambda hp, model, *a, **k: bool([model.fit(*a, **k)]), "returns bool"),
        (
            lambda hp, model, *a, **k: model.fit(*a, epochs=k["epochs"]),
            r"cannot be asked what it trains with \(KeyError: 'epochs'\)",
        ),
        (
            lambda hp, model, *a, validation_data, **k: model.fit(*a, validation_split=0.1, **k),
            "HyperModel.fit: validation_split cannot be given: load gives the data",
        ),
        (
            lambda hp, model, *a, **k: model.fit(*a, class_weight={0: 2}, **k),
            "class_weight cannot be given: let load give a Data with class_weight",
        ),
    ],
)
def test_a_fit_that_does_more_is_refused_in_one_line(fit: Any, named: str) -> None:
    found = objective(fitting(fit))
    with pytest.raises(BadInput, match=named) as refused:
        found.arguments(found.space.first())
    assert len(str(refused.value).splitlines()) == 1


def test_what_is_no_hypermodel_is_refused() -> None:
    with pytest.raises(BadInput, match=r"is given a class: give a HyperModel, Hyper\(...\)"):
        from_keras_tuner(Hyper)
    with pytest.raises(BadInput, match="was given int: it takes a function"):
        from_keras_tuner(3)
    with pytest.raises(BadInput, match="build takes hp, data: KerasTuner's takes hp alone"):
        from_keras_tuner(lambda hp, data: None)
    with pytest.raises(BadInput, match="asks for its values itself: leave space= out"):
        objective(build, space=Space(lambda trial: {}, {}))


def test_a_hypermodel_of_kerastuners_own_class() -> None:
    tuner = pytest.importorskip("keras_tuner", reason="of the extra `bench`")

    class Theirs(tuner.HyperModel):  # type: ignore[misc]
        build, fit = Hyper.build, Hyper.fit

    class Plain(tuner.HyperModel):  # type: ignore[misc]
        build = Hyper.build

    assert set(objective(Theirs()).space.first()) == {"units", "bs", "rounds", "shuffle"}
    assert objective(Plain()).space.first() == {"units": 32}
    assert objective(Plain(tunable=False)).space.first() == {}
