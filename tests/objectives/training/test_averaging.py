"""An average of trained nets: its predictions, its scores, its model, and when there is none."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Data, Monitor, Objective
from objectives.training import Outcome, TrialResult, here
from tests.objectives.training.conformance import spec, train
from tests.objectives.training.small_objective import SMALL, Small, build, data

pytestmark = pytest.mark.slow
BARE = (
    "import keras, numpy, sys\n"
    "assert not any('objectives' in name for name in sys.modules)\n"
    "model = keras.models.load_model('model.keras')\n"
    "numpy.save('said.npy', model.predict(numpy.load('x.npy'), verbose=0))\n"
)


def trained(trainer: Any, folder: Path, *configs: Small, **changes: Any) -> list[TrialResult]:
    specs = [
        spec(config, number, seed=number + 1, weights=folder / f"{number:05d}.npz", **changes)
        for number, config in enumerate(configs)
    ]
    results, _ = train(trainer, *specs)
    assert {result.outcome for result in results} == {Outcome.COMPLETE}
    return results


NETS = (Small(), Small(width=12), Small(width=8, l2=0.01))


def test_an_average_predicts_the_mean_of_its_nets_in_bare_keras_too(tmp_path: Path) -> None:
    """The test part of these data is the validation part, so that their scores are alike."""
    trainer, found = here(SMALL, data(), "graph"), data()
    results = trained(trainer, tmp_path, *NETS, max_epochs=6)
    weights = {2: 0.5, 0: 0.3, 1: 0.2}
    out = tmp_path / "out"
    out.mkdir()
    average = trainer.average(
        results, tmp_path / "said", weights=weights, model=out / "model.keras"
    )
    assert average["members"] == [[2, 0.5], [0, 0.3], [1, 0.2]]
    alone = [trainer.kept(one.spec) for one in results]
    said = [model.get_weights() and model.predict(found.test.x, verbose=0) for model in alone]
    mean = sum(weights[number] * said[number] for number in weights)
    np.save(out / "x.npy", found.test.x)
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error::UserWarning", "-c", BARE],
        cwd=out, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(out / "said.npy"), mean, atol=1e-6)
    chance, truth = mean.ravel().astype(float), found.test.y
    loss = -np.where(truth == 1, np.log(chance), np.log1p(-chance)).mean()
    penalty = 0.5 * sum(map(float, trainer.kept(results[2].spec).losses))
    scores = average["average"]
    assert scores["test_loss"] == pytest.approx(loss + penalty, rel=1e-4)
    assert scores["test_accuracy"] == pytest.approx(np.mean((chance > 0.5) == truth))
    assert scores["val_loss"] == pytest.approx(scores["test_loss"])
    assert average["single"]["test_loss"] == pytest.approx(results[0].value, rel=1e-4)
    files = average["files"]
    assert files["average"]["bytes"] == (out / "model.keras").stat().st_size
    assert set(files) == {"rows", "single", "average"}
    assert sorted(out.iterdir()) == [out / "model.keras", out / "said.npy", out / "x.npy"]


def test_the_choice_repeats_and_the_predictions_are_kept(tmp_path: Path) -> None:
    trainer = here(SMALL, data(weighted=True), "graph")
    results = trained(trainer, tmp_path, *NETS, max_epochs=4)
    first, second = (trainer.average(results, tmp_path / "said") for _ in range(2))
    assert first | {"seconds": 0} == second | {"seconds": 0}
    assert sum(weight for _, weight in first["members"]) == pytest.approx(1.0)
    assert len(list((tmp_path / "said").glob("*.npz"))) == len(NETS)
    (only, _) = trainer.average(results, tmp_path / "said", most=2)["members"]
    assert only[0] in {result.spec.number for result in results}


@pytest.mark.parametrize("monitor", ["val_loss", "val_auc"])
def test_a_number_and_an_area_are_judged_as_in_training(tmp_path: Path, monitor: str) -> None:
    net = Small(net="line") if monitor == "val_loss" else Small(auc=True)
    trainer = here(SMALL, data(), "graph")
    judged = Monitor.of(monitor)
    nets = (net, dataclasses.replace(net, learning_rate=0.2))
    results = trained(trainer, tmp_path, *nets, monitor=judged, max_epochs=4)
    found = trainer.average(results, tmp_path / "said", weights={0: 1.0})
    assert found["average"] == found["single"]
    assert found["average"][monitor] == pytest.approx(results[0].value, rel=1e-3)
    assert found["held_out"]["rows"] == 40
    assert found["on_test"] == {"mean": 0.0, "spread": 0.0, "rows": 40}


def tenth(config: Small, found: Data) -> Any:
    """Return a net whose loss counts a tenth."""
    model = build(config, found)
    model.compile(model.optimizer, "binary_crossentropy", loss_weights=0.1)
    return model


@pytest.mark.parametrize("kind", ["weighted rows", "a tenth of the loss"])
def test_differences_have_the_size_of_the_loss(tmp_path: Path, kind: str) -> None:
    weighted = kind == "weighted rows"
    objective = SMALL if weighted else dataclasses.replace(SMALL, build=tenth)
    trainer = here(objective, data(weighted=weighted), "graph")
    results = trained(trainer, tmp_path, *NETS[:2], max_epochs=3)
    found = trainer.average(results, tmp_path / "said", weights={0: 0.5, 1: 0.5})
    gap = found["average"]["test_loss"] - found["single"]["test_loss"]
    assert found["on_test"]["mean"] == pytest.approx(gap, rel=1e-3, abs=1e-7)
    assert found["on_test"]["rows"] <= 40
    assert found["single"]["val_loss"] == pytest.approx(results[0].value, rel=1e-4)


def test_weights_of_a_net_that_is_not_there_are_refused(tmp_path: Path) -> None:
    trainer = here(SMALL, data(), "graph")
    results = trained(trainer, tmp_path, *NETS[:2], max_epochs=1)
    found = trainer.average(results, tmp_path / "said", weights={0: 0.5, 9: 0.5})
    assert "9" in found["reason"]
    assert "two complete trials" in trainer.average(results[:1], tmp_path / "said")["reason"]


def of_its_own(config: Small, found: Data) -> Any:
    """Return a model whose test step judges it by another loss than it was compiled with."""
    import keras

    class Own(keras.Model):  # type: ignore[misc]
        def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
            return 3.0 * keras.ops.mean((y_pred[:, 0] - y) ** 2)

    raw = keras.Input(found.train.x.shape[1:])
    model = Own(raw, keras.layers.Dense(1)(raw))
    model.compile("sgd", "mse")
    return model


def test_a_model_that_judges_itself_is_left_out_with_a_reason(tmp_path: Path) -> None:
    objective = dataclasses.replace(SMALL, build=of_its_own, scores=None)
    trainer = here(objective, data(), "fit")
    results = trained(trainer, tmp_path, Small(), Small(), max_epochs=1)
    found = trainer.average(results, tmp_path / "said")
    assert found == {
        "reason": "val_loss of this model cannot be computed from its predictions alone"
    }


def two_outputs(config: Small, found: Data) -> Any:
    """Return a model that predicts two things."""
    import keras

    raw = keras.Input(found.train.x.shape[1:])
    model = keras.Model(raw, [keras.layers.Dense(1)(raw), keras.layers.Dense(1)(raw)])
    model.compile("sgd", ["mse", "mse"])
    return model


def whole_numbers(config: Small, found: Data) -> Any:
    """Return a model that predicts whole numbers."""
    import keras

    raw = keras.Input(found.train.x.shape[1:])
    said = keras.layers.Lambda(lambda x: keras.ops.cast(x > 0, "int32"))(
        keras.layers.Dense(1)(raw)
    )
    model = keras.Model(raw, said)
    model.compile("sgd", "mse")
    return model


def test_predictions_that_are_no_numbers_are_left_out_with_a_reason(tmp_path: Path) -> None:
    objective = Objective(load=lambda _: data(), build=whole_numbers, space=SMALL.space)
    trainer = here(objective, data(), "fit")
    model = whole_numbers(Small(), data())
    for number in range(2):
        np.savez(tmp_path / f"{number:05d}.npz", *model.get_weights())
    nets = [
        TrialResult(spec(number=n, weights=tmp_path / f"{n:05d}.npz"), Outcome.COMPLETE, 1.0)
        for n in range(2)
    ]
    found = trainer.average(nets, tmp_path / "said")
    assert found == {"reason": "the model predicts something else than arrays of numbers"}
