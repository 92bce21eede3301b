"""An average of nets with several inputs and outputs, and as one Keras model."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Monitor, Objective, Source
from objectives.training import Decision, Outcome, TrialSpec, here
from tests.objectives.training.conformance import spec
from tests.objectives.training.several import OBJECTIVE
from tests.objectives.training.small_objective import SMALL
from tests.objectives.training.test_averaging import data, two_outputs
from tests.objectives.training.test_several_inputs import data as several

pytestmark = pytest.mark.slow
BARE = (
    "import keras, numpy, sys\n"
    "assert not any('objectives' in name for name in sys.modules)\n"
    "model = keras.models.load_model('model.keras')\n"
    "given = dict(numpy.load('x.npz'))\n"
    "numpy.savez('said.npz', **model.predict(given, verbose=0))\n"
)


def trained(objective: Objective[Any], found: Any, folder: Path, *specs: TrialSpec) -> Any:
    trainer = here(objective, found, "fit")
    kept = (dataclasses.replace(one, weights=folder / f"{one.number:05d}.npz") for one in specs)
    results = list(trainer.train(kept, lambda *_: Decision.CONTINUE))
    assert {result.outcome for result in results} == {Outcome.COMPLETE}
    return trainer, results


@pytest.mark.parametrize("weights", ["one", "each"])
def test_several_inputs_and_outputs_are_averaged(tmp_path: Path, weights: str) -> None:
    found, monitor = several(False, weights), Monitor("val_loss", "min")
    specs = [TrialSpec(n, {"units": 4 + n}, n, 3, monitor, check=False) for n in range(2)]
    trainer, results = trained(OBJECTIVE, found, tmp_path, *specs)
    shares = {0: 0.75, 1: 0.25}
    out = tmp_path / "out"
    out.mkdir()
    average = trainer.average(
        results, tmp_path / "said", weights=shares, model=out / "model.keras"
    )
    assert average["single"]["val_loss"] == pytest.approx(results[0].value, rel=1e-3)
    gap = average["average"]["test_loss"] - average["single"]["test_loss"]
    assert average["on_test"]["mean"] == pytest.approx(gap, rel=0.02, abs=1e-6)
    models = [trainer.kept(one.spec) for one in results]
    np.savez(out / "x.npz", **found.test.x)
    said = [model.predict(found.test.x, verbose=0) for model in models]
    done = subprocess.run(
        [sys.executable, "-I", "-c", BARE], cwd=out, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with np.load(out / "said.npz") as read:
        assert sorted(read.files) == ["label", "price"]
        for name in read.files:
            mean = sum(shares[n] * said[n][name] for n in shares)
            np.testing.assert_allclose(read[name], mean, atol=1e-5)


def test_a_list_of_outputs_is_averaged(tmp_path: Path) -> None:
    base = data()
    parts = [(part.x, [part.y, 1.0 - part.y]) for part in (base.train, base.validation, base.test)]
    objective = Objective(load=lambda _: tuple(parts), build=two_outputs, space=SMALL.space)
    found = objective.data(Source())
    specs = [spec(number=n, seed=n, max_epochs=2) for n in range(2)]
    trainer, results = trained(objective, found, tmp_path, *specs)
    average = trainer.average(results, tmp_path / "said", weights={0: 0.5, 1: 0.5})
    assert average["single"]["val_loss"] == pytest.approx(results[0].value, rel=1e-3)
    assert {"test_loss"} <= set(average["average"])
