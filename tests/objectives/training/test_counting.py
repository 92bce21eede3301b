"""What a model costs, counted on Keras models, and the trials that it keeps from training."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Monitor
from objectives.training import Decision, Outcome, TrialSpec
from tests.objectives.training.small_objective import SMALL, Small, data

keras = pytest.importorskip("keras")
counting = pytest.importorskip("objectives.training.counting")
layers = keras.layers
pytestmark = pytest.mark.slow

DENSE = [layers.Dense(16, "relu"), layers.Dropout(0.5), layers.Dense(3)]
# A model's layers, the shape of a row, and its multiply-adds by hand.
COUNTED: dict[str, tuple[list[Any], tuple[int, ...], int]] = {
    "dense": (DENSE, (64,), 64 * 16 + 16 * 3),
    "dense at each step": ([layers.Dense(3)], (5, 4), 5 * 4 * 3),
    "convolution": ([layers.Conv2D(8, 3)], (10, 10, 2), 8 * 8 * 8 * 3 * 3 * 2),
    "groups": ([layers.Conv2D(8, 3, groups=2)], (10, 10, 2), 8 * 8 * 8 * 3 * 3),
    "in one dimension": ([layers.Conv1D(8, 3, padding="causal")], (12, 4), 12 * 8 * 3 * 4),
    "depthwise": ([layers.DepthwiseConv2D(3, depth_multiplier=2)], (5, 5, 4), 9 * 8 * 9),
    "transposed": ([layers.Conv2DTranspose(6, 2, strides=2)], (3, 3, 4), 9 * 4 * 4 * 6),
    "unrolled": ([layers.SimpleRNN(7, unroll=True)], (5, 4), 5 * (4 * 7 + 7 * 7)),
    "no product": ([layers.Flatten(), layers.BatchNormalization()], (5, 4), 0),
}


@pytest.mark.parametrize("name", COUNTED)
def test_flops_are_two_for_every_multiply_add_of_one_row(name: str) -> None:
    inner, shape, expected = COUNTED[name]
    model = keras.Sequential([keras.Input(shape), *inner])
    row = np.zeros((1, *shape), np.float32)
    found = counting.counted(model, ("flops", "params"), lambda: row)
    assert found == {"flops": 2 * expected, "params": sum(w.numpy().size for w in model.weights)}


def test_attention_is_counted_with_its_projections() -> None:
    given = keras.Input((5, 4))
    attention = layers.MultiHeadAttention(num_heads=2, key_dim=3)
    model = keras.Model(given, attention(given, given))
    found = counting.flops(model, np.zeros((1, 5, 4), np.float32))
    projections = 4 * 5 * 4 * 6  # query, key, value and output
    assert found == 2 * (projections + 2 * 5 * 5 * 6)


def test_a_loop_is_not_counted_but_refused_in_one_line() -> None:
    model = keras.Sequential([keras.Input((5, 4)), layers.LSTM(3)])
    with pytest.raises(BadInput, match="flops of this model cannot be counted") as refused:
        counting.flops(model, np.zeros((1, 5, 4), np.float32))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("trainer", ["fit", "graph"])
def test_only_a_trial_within_the_limits_trains_and_as_without_them(trainer: str) -> None:
    from objectives.training import here

    seen: list[int] = []
    limits = {"params": 57.0, "flops": 1e6}  # a net of width 8 has 5 * 8 + 8 + 8 + 1 weights

    def curves(limits: dict[str, float]) -> Any:
        specs = [
            TrialSpec(n, Small(width=width), 3, 2, Monitor("val_loss", "min"), limits=limits)
            for n, width in enumerate((8, 9))
        ]

        def on_epoch(spec: TrialSpec, epoch: int, logs: Any) -> Decision:
            seen.append(spec.number)
            return Decision.CONTINUE

        return list(here(SMALL, data(), trainer).train(iter(specs), on_epoch))

    within, over = curves(limits)
    assert (within.outcome, over.outcome) == (Outcome.COMPLETE, Outcome.INFEASIBLE)
    assert set(seen) == {0}
    assert (within.extra["params"], over.extra["params"]) == (57, 64)
    assert within.extra["flops"] == 2 * (5 * 8 + 8)
    assert over.extra["over"] == "params 64 > 57"
    assert (over.value, over.epochs, over.error) == (None, 0, None)
    assert next(r.value for r in curves({})) == within.value


def test_a_cost_that_cannot_be_counted_ends_the_sweep_not_a_trial() -> None:
    from objectives.training import here

    spec = TrialSpec(0, Small(net="lstm"), 3, 1, Monitor("val_loss", "min"), limits={"flops": 9.0})
    with pytest.raises(BadInput, match="limit params"):
        list(here(SMALL, data(), "graph").train(iter([spec]), lambda *_: Decision.CONTINUE))
    assert dataclasses.replace(spec, limits={}).limits == {}
