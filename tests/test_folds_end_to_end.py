"""A study in folds, as a user runs it: what it says, writes, remembers, and reaches again."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commands import environment, python

pytestmark = pytest.mark.slow
OWN = """
from sklearn.datasets import load_breast_cancer

from objectives import Objective
from sweeps import Sweep, main


def load(source):
    x, y = load_breast_cancer(return_X_y=True)
    return (x[::3] - x.mean(0)) / x.std(0), y[::3]


def build(trial):
    import keras

    units = trial.suggest_categorical("units", [4, 8])
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)
    model = keras.Sequential([keras.layers.Dense(units, "relu"), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


SWEEP = Sweep("own", Objective(load=load, build=build, task="binary"))

if __name__ == "__main__":
    main(SWEEP)
"""
GIVEN = "--folds 3 --max-epochs 12 --confirm 2 --seed 1 --trainer graph --check off --workers 1"


def own(folder: Path, *argv: str, code: int = 0) -> str:
    done = python([str(folder / "own.py"), *argv], folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr * (code != 0)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished study of four trials, and what it said."""
    folder = tmp_path_factory.mktemp("folds")
    (folder / "own.py").write_text(OWN, encoding="utf-8")
    return folder, own(folder, *GIVEN.split(), "--trials", "4", "--json", "out.json")


def trials(folder: Path) -> Any:
    import optuna

    study = optuna.load_study(study_name="own", storage=f"sqlite:///{folder / 'optuna.db'}")
    return [
        (t.number, t.state.name, t.values, t.params, t.intermediate_values)
        for t in study.get_trials(deepcopy=False)
    ]


def test_the_summary_says_what_a_value_is(done: tuple[Path, str]) -> None:
    folder, said = done
    assert "190 x 30; 152 in 3 folds / test 38" in said
    assert re.search(r"split: stratified, test 0.2, seed 0, folds 3", said)
    assert re.search(r"folds: a trial trains 3 nets, .* its val_loss is their mean", said)
    assert re.search(r"#0 .*: complete val_loss 0\.\d+ ± 0\.\d+ after 12 epochs", said)
    assert re.search(r"best on one seed: #\d+ 0\.\d+ ± 0\.\d+", said)
    told = json.loads((folder / "out.json").read_text())
    assert told["best"]["metrics"]["standard_error"] > 0


def test_mlflow_has_the_mean_curve_and_its_standard_error(done: tuple[Path, str]) -> None:
    from sweeps.tracking.history import all_curves

    folder, _ = done
    curves = all_curves(f"sqlite:///{folder / 'mlflow.db'}", "own")
    frame = curves[0]
    assert len(frame) == 12
    assert (frame["val_loss_se"] > 0).all()


def test_an_export_is_the_average_and_reaches_its_value_again(done: tuple[Path, str]) -> None:
    folder, _ = done
    own(folder, "export", "--to", "best", "--trial", "0")
    written = (folder / "best" / "config.yaml").read_text()
    assert "folds: 3" in written
    said = own(folder, "train", "--config", "best/config.yaml", "--to", "again")
    assert "the recorded value was reached exactly" in said
    import keras

    x = np.random.default_rng(0).normal(size=(20, 30))
    one, two = (
        keras.models.load_model(folder / name / "model.keras") for name in ("best", "again")
    )
    assert [layer.name for layer in one.layers if layer.name.startswith("net_")] == [
        "net_0",
        "net_1",
        "net_2",
    ]
    assert np.array_equal(one.predict(x, verbose=0), two.predict(x, verbose=0))


def test_other_folds_are_another_study(done: tuple[Path, str]) -> None:
    folder, _ = done
    said = own(folder, "--folds", "4", code=2)
    assert re.search(r"error: study 'own' was made with split of folds = 3, .* asks for 4", said)
    assert "complete" in own(folder, "--workers", "0")  # without the option it goes on with 3


def test_killed_and_resumed_is_the_same(done: tuple[Path, str], tmp_path: Path) -> None:
    """Two trials, killed in the fourth, and four in all: as four in one go."""
    folder, _ = done
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    given = GIVEN.replace("--confirm 2", "--confirm 0").split()
    own(tmp_path, *given, "--trials", "2")
    more = ("--trials", "4", "--workers", "1")
    running = subprocess.Popen(
        [sys.executable, str(tmp_path / "own.py"), *more, "--checkpoint-every", "0.01s"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while running.poll() is None and len(trials(tmp_path)) < 4:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    own(tmp_path, *more)
    assert trials(tmp_path) == trials(folder)


def test_what_folds_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    for given, says in (
        (("--folds", "1"), "--folds"),
        (("--folds", "90"), "--folds 90: .* rows of class '0' outside the test set"),
    ):
        said = own(tmp_path, *given, code=2)
        assert re.search(rf"error: .*{says}", said)
        assert "Traceback" not in said
    done = python(["-m", "sweeps.dense_binary", "--folds", "3"], tmp_path)
    assert done.returncode == 2
    assert "--folds 3: these data cannot be divided into folds" in done.stderr + done.stdout
    assert not (tmp_path / "optuna.db").exists()
