"""A column in bins holds what the column held, and nothing of other rows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import Data, Part, binned
from search_spaces.dense import Dense

SEEDS = st.integers(0, 2**32 - 1)
KINDS = {
    "smooth": lambda rng, rows: rng.normal(size=rows),
    "heavy": lambda rng, rows: np.clip(rng.standard_cauchy(rows), -10.0, 10.0),
    "two values": lambda rng, rows: rng.integers(0, 2, rows) * 2.5 - 0.3,
    "rare": lambda rng, rows: (rng.random(rows) < 0.02) * 7.0,
    "steps": lambda rng, rows: rng.integers(0, 5, rows) / 2.0,
    "constant": lambda rng, rows: np.full(rows, 0.7),
    "close": lambda rng, rows: 1e-6 * rng.normal(size=rows),
}


def table(rows: int, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    return np.stack([make(rng, rows) for make in KINDS.values()], axis=1).astype(np.float32)


def encoded(x: Any, scale: Any, shift: Any) -> Any:
    """Return rows x bins, by NumPy."""
    return np.clip(x.astype(np.float64) @ scale + shift, 0.0, 1.0)


@given(rows=st.integers(1, 400), bins=st.integers(1, 40), seed=SEEDS)
def test_a_column_can_be_told_from_its_bins(rows: int, bins: int, seed: int) -> None:
    x = table(rows, seed)
    scale, shift = binned.factors(x, bins)
    found = np.count_nonzero(scale, axis=1)
    assert (found <= bins).all()
    assert found[list(KINDS).index("constant")] == 0
    assert (np.count_nonzero(scale, axis=0) == 1).all()
    z = encoded(x, scale, shift)
    wide = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0.0)
    back = z @ wide.T + x.min(axis=0)
    # A column that hardly varies is given up; of others, what lies within is only rounded.
    kept = np.ptp(x, axis=0) > 1e-3
    assert np.allclose(back[:, kept], x[:, kept], atol=5e-4)
    order = np.argsort(x[:, 0])
    assert (np.diff(z[order][:, scale[0] > 0.0].sum(axis=1)) >= -1e-4).all()


def test_what_few_of_many_rows_have_is_seen() -> None:
    """Of many rows, some are drawn: a column must not depend on which."""
    rows = 12 * binned.ROWS
    x = np.zeros((rows, 4), np.float32)
    x[:, 0] = np.arange(rows) % 12  # which a stride would see one value of
    x[7, 1] = 1.0  # one row of all
    x[:, 2] = np.random.default_rng(0).normal(size=rows)
    x[5, 2], x[6, 2] = -50.0, 50.0
    scale, shift = binned.factors(x, 16)
    assert (np.count_nonzero(scale, axis=1) == [11, 1, 16, 0]).all()
    z = encoded(x, scale, shift)
    assert np.allclose(z[:, scale[0] > 0.0].sum(axis=1), x[:, 0], atol=1e-4)
    assert np.allclose(z[:, scale[1] > 0.0].sum(axis=1), x[:, 1])
    assert np.ptp(z[[5, 6]][:, scale[2] > 0.0], axis=0).min() > 0.99  # no value lies beyond


@pytest.mark.slow
def test_the_layers_compute_it_and_keep_it_wherever_weights_go(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    from objectives.dense_binary import build

    x, other = table(500, 1), 3.0 * table(500, 2) + 1.0
    y = (x[:, 0] > 0.0).astype(np.float32)

    def on(x: Any) -> Any:
        part = Part(x, y)
        return build(dataclasses.replace(Dense(), bins=8), Data(part, part, part))

    model = on(x)
    cut = next(layer for layer in model.layers if isinstance(layer, keras.layers.ReLU))
    z = keras.Model(model.inputs, cut.output).predict(x, verbose=0)
    assert np.allclose(z, encoded(x, *binned.factors(x, 8)), atol=1e-5)
    said = model.predict(x, verbose=0)
    model.save_weights(tmp_path / "net.weights.h5")
    moved = on(other)  # whose own bins are others
    assert not np.allclose(moved.predict(x, verbose=0), said)
    moved.load_weights(tmp_path / "net.weights.h5")
    assert np.array_equal(moved.predict(x, verbose=0), said)
    before = [np.array(weight) for weight in model.non_trainable_weights]
    model.fit(x, y, verbose=0)
    after = [np.array(weight) for weight in model.non_trainable_weights]
    assert before
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.slow
def test_a_trial_that_takes_a_model_has_its_own_bins(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    from objectives import Source
    from objectives.dense_binary import DENSE_BINARY
    from objectives.training import Decision, TrialSpec, here

    x = table(300, 3)
    data = DENSE_BINARY.from_arrays(x, (x[:, 0] > 0.3).astype(int), Source(seed=0))
    specs = [
        TrialSpec(
            number,
            dataclasses.replace(Dense(), bins=bins, batch_size=32),
            seed=number,
            max_epochs=3,
            weights=tmp_path / f"{number}.npz",
        )
        for number, bins in enumerate([8, 0, 9, 8])
    ]

    def trained(trainer: Any, spec: TrialSpec) -> Any:
        (result,) = trainer.train(iter([spec]), lambda *_: Decision.CONTINUE)
        return result.value, trainer.evaluate(spec), result.extra.get("structure")

    one = here(DENSE_BINARY, data, "graph")
    together = [trained(one, spec) for spec in specs]
    alone = [trained(here(DENSE_BINARY, data, "graph"), spec) for spec in specs]
    assert together == alone
    assert len({found[2] for found in together}) == 3
    by_fit, *_ = trained(here(DENSE_BINARY, data, "fit"), specs[0])
    assert together[0][0] == pytest.approx(by_fit, rel=1e-5)
