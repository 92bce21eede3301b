"""What scores a model in one call: Keras's digits, for the very model that was trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Objective
from objectives.training import Decision, TrialSpec
from search_spaces import Space

keras = pytest.importorskip("keras")
small = pytest.importorskip("tests.objectives.training.small_objective")
pytestmark = pytest.mark.slow

ROWS = 23
ACTIVATIONS = ("relu", "tanh", "linear")


@dataclass(frozen=True)
class Config:
    """Of a net whose activation may depend on it."""

    activation: int = 0


def normalized() -> Any:
    given = keras.Input((6,))
    inner = keras.layers.BatchNormalization()(keras.layers.Dense(4, "relu")(given))
    return keras.Model(given, keras.layers.Dense(1, "sigmoid")(keras.layers.Dropout(0.5)(inner)))


def masked() -> Any:
    inner = [keras.layers.Masking(), keras.layers.LSTM(3, return_sequences=True)]
    last = [keras.layers.LSTM(2), keras.layers.Dense(1, "sigmoid")]
    return keras.Sequential([keras.Input((6, 1)), *inner, *last])


def in_steps() -> Any:
    given = keras.Input((6, 1))
    inner = keras.layers.GRU(3, return_sequences=True)(given)
    return keras.Model(given, keras.layers.Dense(1, "sigmoid")(inner))


def compiled(make: Callable[[], Any]) -> Any:
    """Return a net whose parts have moved away from where they begin, the same each time."""
    keras.utils.set_random_seed(0)
    model = make()
    rng = np.random.default_rng(1)
    model.set_weights([one + rng.uniform(0.1, 0.9, one.shape) for one in model.get_weights()])
    model.compile(loss="binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
    return model


def rows(model: Any, count: int, weighted: bool) -> tuple[Any, ...]:
    """Return rows for a net, some of them partly zero."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((count, *model.input_shape[1:])).astype(np.float32)
    x[::3, 4:] = 0.0
    y = rng.integers(0, 2, (count, *model.output_shape[1:])).astype(np.float32)
    return (x, y, rng.uniform(0.2, 3.0, count).astype(np.float32)) if weighted else (x, y)


@pytest.mark.parametrize("batch", [1, 5, 2 * ROWS])
@pytest.mark.parametrize("make", [normalized, masked, in_steps])
def test_the_digits_are_those_of_keras_in_batches_of_any_size(
    make: Callable[[], Any], batch: int
) -> None:
    from objectives.training.scoring import InOneCall, Scorer, scorer_of

    mine, keras_own = scorer_of(compiled(make)), Scorer(compiled(make))
    assert isinstance(mine, InOneCall)
    part = rows(mine.model, ROWS, weighted=make is not in_steps)  # whose weights Keras refuses
    assert mine.evaluate(part, batch) == keras_own.evaluate(part, batch)
    assert np.array_equal(mine.predict(part[0], batch), keras_own.predict(part[0], batch))


def test_parts_of_any_length_share_what_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from objectives.training import scoring

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    scorer = scoring.scorer_of(compiled(masked))
    for count in (ROWS, 1, 10, 4):
        x, *_ = rows(scorer.model, count, weighted=False)
        assert np.array_equal(scorer.predict(x, 5), scorer.model.predict(x, 5, verbose=0))
    assert len(list(tmp_path.glob("**/traces/*.npz"))) == 1


@pytest.mark.parametrize("kind", ["a value of the config", "a global", "a random draw"])
def test_a_trial_is_scored_by_the_net_that_its_build_makes(kind: str, tmp_path: Path) -> None:
    """The nets' weights have the same shapes, so that another net's scores would go unseen."""
    from objectives.training.compiled import CompiledTrainer
    from objectives.training.fit import FitTrainer

    turn, made = [0], []

    def build(config: Config, data: Any) -> Any:
        chosen = {"a value of the config": config.activation, "a global": turn[0]}.get(kind)
        chosen = np.random.randint(len(ACTIVATIONS)) if chosen is None else chosen
        made.append(ACTIVATIONS[chosen])
        layers = [keras.layers.Dense(4, made[-1]), keras.layers.Dense(1, "sigmoid")]
        model = keras.Sequential([keras.Input(data.train.x.shape[1:]), *layers])
        model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
        return model

    space: Any = Space(lambda trial: Config(), Config(), lambda config: {}, str)
    objective: Any = Objective(
        load=lambda _: small.data(), build=build, space=space, batch_size=16, task="binary"
    )
    trainer = CompiledTrainer(objective, small.data(), "xla")
    by_fit = FitTrainer(objective, small.data())
    for number in range(6 if kind == "a random draw" else len(ACTIVATIONS)):
        turn[0] = number % len(ACTIVATIONS)
        config = Config(turn[0] if kind == "a value of the config" else 0)
        weights = tmp_path / f"{number}.npz"
        spec = TrialSpec(number, config, number, 2, weights=weights, check=False)
        (result,) = trainer.train(iter([spec]), lambda *_: Decision.CONTINUE)
        assert result.error is None
        scores, predictions = trainer.evaluate(spec), np.load(weights.with_suffix(".npy"))
        assert scores == by_fit.evaluate(spec)
        assert np.array_equal(predictions, np.load(weights.with_suffix(".npy")))
    assert len(set(made)) == len(ACTIVATIONS)
    trainer.close()
