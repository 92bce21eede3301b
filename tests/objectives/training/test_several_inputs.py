"""Several inputs and outputs train as `fit` trains them, in this process and in others."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from objectives import Data, Monitor, Source
from objectives.scorer import Scorer
from objectives.training import Decision, Logs, TrialSpec, here
from sweeps.export.score import lines
from sweeps.workers import Pool, Reference
from tests.objectives.training.compare import Case, agrees, same
from tests.objectives.training.several import OBJECTIVE, build, load

pytestmark = pytest.mark.slow
LOGS = {"loss", "label_loss", "price_loss", "label_accuracy", "price_mae", "price_weighted_mae"}


def data(text: bool, weights: str) -> Data:
    """Return 43 training and 14 validation rows: in batches of 16, both leave a short last one."""
    weighted = {"class_weight": {"label": {1: 2.0}}} if weights == "each" else {}
    given = dataclasses.replace(OBJECTIVE, load=lambda _: load(None, text, weights), **weighted)
    return given.data(Source())


@pytest.mark.parametrize(("way", "text", "weights"), [("xla", 0, "one"), ("graph", 1, "each")])
def test_a_program_has_the_curve_of_fit(way: str, text: bool, weights: str) -> None:
    case = Case(build, [{"units": 4}, {"units": 8}], lambda: data(text, weights))
    results = agrees(case, way, check=way == "xla")
    assert [result.extra["way"] for result in results] == [way] * len(results)
    assert not any(result.fallback for result in results)


def trained(trainer: Any, spec: TrialSpec) -> list[Logs]:
    curve: list[Logs] = []

    def on_epoch(_: TrialSpec, epoch: int, logs: Logs) -> Decision:
        curve.append({k: v for k, v in logs.items() if k != "epoch_seconds"})
        return Decision.CONTINUE

    (result,) = trainer.train(iter([spec]), on_epoch)
    assert result.error is None
    return curve


def test_a_worker_trains_what_fit_trains_and_its_export_needs_keras_alone(tmp_path: Path) -> None:
    found = OBJECTIVE.data(Source())
    monitor = Monitor("val_label_accuracy", "max")
    spec = TrialSpec(0, {"units": 4}, 7, 3, monitor, check=False, weights=tmp_path / "w.npz")
    plain = here(OBJECTIVE, found, "fit")
    expected = trained(plain, dataclasses.replace(spec, weights=None))
    plain.close()
    found.save(tmp_path / "data")
    reference = Reference(module="tests.objectives.training.several")
    with Pool(reference, 1, log=tmp_path / "sweep.log") as pool:
        pool.data(tmp_path / "data")
        same(trained(pool, spec), expected)
        scores = pool.evaluate(spec, tmp_path / "model.keras")
    assert {f"test_{name}" for name in LOGS} == set(scores)
    test = found.test
    rows = {f"x_{k}": v for k, v in test.x.items()} | {f"y_{k}": v for k, v in test.y.items()}
    rows |= {f"w_{k}": v for k, v in test.sample_weight.items()}
    np.savez(tmp_path / "test.npz", **rows)
    script = (
        "import keras, numpy, sys, tensorflow as tf\n"
        "assert not any('objectives' in name for name in sys.modules)\n"
        "model = keras.models.load_model('model.keras')\n"
        "part = numpy.load('test.npz')\n"
        "x, y, w = ({k[2:]: part[k] for k in part if k[0] == f} for f in 'xyw')\n"
        "x['colour'] = tf.constant(x['colour'])\n"
        "found = model.evaluate(x, y, 16, sample_weight=w, verbose=0, return_dict=True)\n"
        "print(*(found[name] for name in sorted(found)))\n"
        "print(*model.predict(x, verbose=0)['price'].ravel())\n"
        + "\n".join(lines(found, Path("model.keras")))
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()[:2]  # before the progress of the last line
    said, predicted = ([float(word) for word in line.split()] for line in shown)
    assert said == pytest.approx([scores[f"test_{name}"] for name in sorted(LOGS)], rel=1e-6)
    scorer = Scorer.open(tmp_path / "model.keras")
    of_frame = scorer.predict(pd.DataFrame({k: list(v) for k, v in test.x.items()}))
    for scored in (scorer.predict(test.x), of_frame):
        assert set(scored) == {"label", "price"}
        np.testing.assert_allclose(scored["price"].ravel(), predicted, rtol=1e-5)
