"""Nets of several folds in turn: held to the contract, and to what each of them does alone."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Data, Objective, Source
from objectives.training import Decision, Outcome, TrialSpec, here
from search_spaces import Space
from tests.objectives.training.conformance import Curve, answer, spec, train
from tests.objectives.training.small_objective import SMALL, Small, data
from tests.objectives.training.test_conformance_folds import folded

pytestmark = pytest.mark.slow


def alone(way: str, found: Data, of: TrialSpec) -> list[Curve]:
    """Return the curve of each fold's net, trained by a trainer of its own."""
    from objectives.training.folds import specs_of

    curves = []
    for fold, own in zip(found.folds, specs_of(of, len(found.folds)), strict=True):
        trainer = here(SMALL, fold, way)
        curves += train(trainer, own)[1]
        trainer.close()
    return curves


@pytest.mark.parametrize("way", ["fit", "graph", "xla"])
def test_an_epoch_is_the_mean_of_the_nets_that_train_alone(way: str) -> None:
    """70 rows in three folds: one of them is larger, so that its epochs are another program."""
    found = folded(data(88), 3)
    of = spec(Small(dropout=0.3, callbacks=("plateau",), normalized=True), max_epochs=4)
    trainer = here(SMALL, found, way)
    (result,), (curve,) = train(trainer, of)
    trainer.close()
    assert result.extra["way"] == way
    expected = alone(way, found, of)
    assert len(curve) == 4
    for epoch, logs in enumerate(curve):
        each = [one[epoch] for one in expected]
        assert set(logs) == {*each[0], "val_loss_se"}
        for name in each[0]:
            assert logs[name] == float(np.mean([one[name] for one in each])), name
        values = [one["val_loss"] for one in each]
        assert len(set(values)) == 3
        assert logs["val_loss_se"] == pytest.approx(np.std(values, ddof=1) / 3**0.5, rel=1e-12)
    assert result.value == min(logs["val_loss"] for logs in curve)


def test_folds_of_one_size_share_their_programs() -> None:
    trainer: Any = here(SMALL, folded(data(75), 3), "graph")
    (result,), _ = train(trainer, spec(max_epochs=1))
    assert {len(fold.train) for fold in trainer.data.folds} == {40}
    assert [one.structures for one in trainer._trainers] == [1, 1, 1]
    assert result.extra["compiled"]
    (result,), _ = train(trainer, spec(Small(learning_rate=0.1), max_epochs=1))
    assert not result.extra["compiled"]
    trainer.close()


def test_a_fold_that_a_callback_ends_keeps_its_last_values() -> None:
    """EarlyStopping judges a fold's own loss: it ends none of these, or some at other epochs."""
    found = folded(data(60), 3)

    def stops(config: Small, monitor: str) -> list[Any]:
        import keras

        return [keras.callbacks.EarlyStopping("val_loss", patience=1)]

    objective = dataclasses.replace(SMALL, callbacks=stops)
    of = spec(Small(learning_rate=0.3, width=8), max_epochs=30)
    alone = []
    from objectives.training.folds import specs_of

    for fold, own in zip(found.folds, specs_of(of, 3), strict=True):
        alone += train(here(objective, fold, "graph"), own)[1]
    lengths = [len(one) for one in alone]
    assert len(set(lengths)) > 1, "choose another rate: all folds end at one epoch"
    (result,), (curve,) = train(here(objective, found, "graph"), of)
    assert (result.outcome, result.epochs) == (Outcome.COMPLETE, max(lengths))
    for epoch, logs in enumerate(curve):
        values = [one[min(epoch, len(one) - 1)]["val_loss"] for one in alone]
        assert logs["val_loss"] == float(np.mean(values))


def test_a_net_that_diverges_ends_its_trial() -> None:
    found = folded(data())
    growing = Small(net="line", optimizer="sgd", learning_rate=5.0)
    (result, fine), curves = train(
        here(SMALL, found, "graph"), spec(growing, max_epochs=60), spec(number=1)
    )
    assert (result.outcome, fine.outcome) == (Outcome.DIVERGED, Outcome.COMPLETE)
    assert result.extra["diverged_epoch"] == len(curves[0]) + 1
    assert result.value == min(logs["val_loss"] for logs in curves[0])


def test_the_limit_counts_the_nets_of_all_folds() -> None:
    found = folded(data(), 3)
    (over, fine), _ = train(
        here(SMALL, found, "graph"),
        spec(limits={"params": 86}),
        spec(number=1, limits={"params": 87}),
    )
    assert (over.outcome, fine.outcome) == (Outcome.INFEASIBLE, Outcome.COMPLETE)
    assert over.extra["params"] == fine.extra["params"] == 3 * (5 * 4 + 4 + 4 + 1)


def test_the_test_scores_and_the_export_are_of_the_average(tmp_path: Path) -> None:
    """Two outputs in a dict, two inputs: what `predict` gives in a bare Keras is the mean."""
    import keras

    rng = np.random.default_rng(0)
    x = {"a": rng.normal(size=(80, 3)), "b": rng.normal(size=(80, 2))}
    y = {"high": (x["a"][:, 0] > 0).astype(int), "size": x["b"].sum(axis=1)}

    def build(config: Small, found: Data) -> Any:
        inputs = {n: keras.Input((size,), name=n) for n, size in (("a", 3), ("b", 2))}
        both = keras.layers.Concatenate()(list(inputs.values()))
        hidden = keras.layers.Dense(4, "relu", kernel_regularizer="l2")(both)
        outputs = {
            "high": keras.layers.Dense(1, "sigmoid")(hidden),
            "size": keras.layers.Dense(1)(hidden),
        }
        model = keras.Model(inputs, outputs)
        model.compile("adam", {"high": "binary_crossentropy", "size": "mse"})
        return model

    space = Space(lambda trial: Small(), Small())
    objective: Any = Objective(load=lambda _: (x, y), build=build, space=space)
    found = objective.data(Source(folds=3))
    trainer: Any = here(objective, found, "graph")
    trained = spec(max_epochs=2, weights=tmp_path / "w.npz")
    train_one = list(trainer.train(iter([trained]), answer(9, Decision.STOP)))
    assert train_one[0].outcome is Outcome.COMPLETE, train_one[0].error
    scores = trainer.evaluate(trained, tmp_path / "model.keras")
    nets = trainer._average(trained).nets
    test = found.test
    said = [net.predict(test.x, verbose=0) for net in nets]
    mean = {name: np.mean([one[name] for one in said], axis=0) for name in y}
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for name, values in loaded.predict(test.x, verbose=0).items():
        np.testing.assert_allclose(values, mean[name], rtol=1e-5, atol=1e-6)
    high, size = test.y["high"][:, None], test.y["size"][:, None]
    entropy = -np.mean(high * np.log(mean["high"]) + (1 - high) * np.log(1 - mean["high"]))
    penalty = np.mean([sum(map(float, net.losses)) for net in nets])
    squared = np.mean((mean["size"] - size) ** 2)
    assert scores["test_loss"] == pytest.approx(entropy + squared + penalty, rel=1e-4)


def test_a_loss_that_predictions_do_not_tell_is_refused(tmp_path: Path) -> None:
    import keras

    class Own(keras.Model):  # type: ignore[misc]
        def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
            return 2.0 * super().compute_loss(*args, **kwargs)

    def build(config: Small, found: Data) -> Any:
        given = keras.Input((5,))
        model = Own(given, keras.layers.Dense(1, "sigmoid")(given))
        model.compile("adam", "binary_crossentropy")
        return model

    objective = dataclasses.replace(SMALL, build=build)
    with pytest.raises(BadInput, match=r"--folds 2: .* leave --folds out"):
        train(here(objective, folded(data()), "fit"), spec())


def test_a_table_that_folds_encode_differently_is_exported_whole(tmp_path: Path) -> None:
    """Columns and levels that one fold lacks; the file needs nothing of this project."""
    import pandas as pd

    from objectives.dense_binary import DENSE_BINARY
    from objectives.preprocessing import inputs
    from objectives.tables import from_arrays

    rng = np.random.default_rng(1)
    x = pd.DataFrame({"size": rng.normal(size=90), "kind": rng.choice(["a", "b", "c"], 90)})
    x.loc[:5, "kind"] = "rare"
    x["once"] = 0.0
    x.loc[17, "once"] = 1.0
    y = (x["size"] + (x["kind"] == "a") > 0.3).astype(int)
    found = from_arrays(x, y, Source(folds=3), "binary")
    objective: Any = dataclasses.replace(DENSE_BINARY, space=DENSE_BINARY.space)
    config = objective.space.baseline
    of = TrialSpec(0, config, 3, 2, weights=tmp_path / "w.npz", check=False)
    trainer: Any = here(objective, found, "graph")
    (result,) = trainer.train(iter([of]), answer(9, Decision.STOP))
    assert result.outcome is Outcome.COMPLETE, result.error
    scores = trainer.evaluate(of, tmp_path / "model.keras")
    assert 0.0 < scores["threshold"] < 1.0
    expected = np.load(tmp_path / "w.npy")
    np.savez(
        tmp_path / "raw.npz",
        **{
            name: np.asarray(values).astype(str if name == "kind" else float)
            for name, values in inputs(x, found.preprocessing).items()
        },
    )
    script = (
        "import keras, numpy, sys, tensorflow as tf\n"
        "assert not any('objectives' in name for name in sys.modules)\n"
        "model = keras.models.load_model('model.keras')\n"
        "raw = numpy.load('raw.npz')\n"
        "given = {n: tf.constant(raw[n]) for n in raw.files}\n"
        "numpy.save('said.npy', model.predict(given, verbose=0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = np.load(tmp_path / "said.npy").ravel()
    gaps = np.abs(said[:, None] - expected.ravel()[None]).min(axis=0)
    assert gaps.max() < 1e-5, "each test row is one of the table's"
