"""Real sweeps, as a user runs them: processes, TensorFlow, SQLite stores of Optuna and MLflow."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commands import environment, python

pytestmark = pytest.mark.slow
CURVES = [
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "effective_learning_rate",
    "epoch_seconds",
]
SMALL = ("--trials", "4", "--max-epochs", "10", "--seed", "1", "--confirm", "2")


def sweep(folder: Path, name: str, *argv: str, code: int = 0) -> str:
    done = python(["-m", f"sweeps.{name}", *argv], folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def runs(folder: Path, name: str) -> tuple[Any, dict[int, Any], Any]:
    """Return the parent, the children by number, and a client."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(name)
    found = client.search_runs([experiment.experiment_id], max_results=1000)
    (parent,) = (run for run in found if "mlflow.parentRunId" not in run.data.tags)
    children = {
        int(run.data.tags["sweeps.number"]): run
        for run in found
        if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }
    return parent, children, client


def curve(client: Any, run: Any, key: str) -> list[float]:
    history = client.get_metric_history(run.info.run_id, key)
    assert [point.step for point in history] == list(range(1, len(history) + 1))
    return [point.value for point in history]


@pytest.fixture(scope="module")
def recall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep of the small LSTM, with one worker."""
    folder = tmp_path_factory.mktemp("recall")
    sweep(folder, "lstm_recall", *SMALL, "--workers", "1", "--json", "out.json")
    return folder


def test_mlflow_has_every_trial_with_its_whole_curves(recall: Path) -> None:
    parent, children, client = runs(recall, "lstm_recall")
    assert sorted(children) == [0, 1, 2, 3]
    assert children[0].data.params["params_units"] == "15"
    assert children[0].data.params["params_optimizer"] == "adam"
    assert children[0].data.params["params_plateau"] == "off"
    for run in children.values():
        epochs = int(run.data.metrics["epochs"])
        sgd = run.data.params["params_optimizer"] == "sgd"
        for key in CURVES:
            missing = sgd and key == "effective_learning_rate"
            assert len(curve(client, run, key)) == (0 if missing else epochs)
        best = min(curve(client, run, "val_loss"))
        assert run.data.metrics["trial_best_val_loss"] == best
        assert run.data.params["outcome"] == "complete"
        assert run.info.status == "FINISHED"
    for name in ("best_val_loss", "test_loss", "test_accuracy", "test_auc"):
        assert name in parent.data.metrics
    for name in ("test_loss", "test_accuracy", "test_auc"):
        assert f"baseline_{name}" in parent.data.metrics
    assert parent.info.status == "FINISHED"


def test_the_winner_has_the_best_mean_of_the_confirming_runs_in_mlflow(recall: Path) -> None:
    parent, children, client = runs(recall, "lstm_recall")
    values: dict[str, list[float]] = {run.info.run_id: [] for run in children.values()}
    query = "tags.`sweeps.kind` = 'confirm'"
    for run in client.search_runs([parent.info.experiment_id], query):
        repeated = run.data.tags["mlflow.parentRunId"]
        values[repeated].append(run.data.metrics["trial_best_val_loss"])
    assert {len(found) for found in values.values()} <= {0, 2}  # the baseline and the candidates
    confirmed = [n for n, run in children.items() if values[run.info.run_id]]
    number = min(confirmed, key=lambda n: sum(values[children[n].info.run_id]))
    green = [n for n, run in children.items() if run.data.tags["mlflow.runColor"] == "#2ca02c"]
    assert green == [number] == [int(parent.data.metrics["best_trial"])]
    won = sum(values[children[number].info.run_id]) / 2
    assert parent.data.metrics["best_confirmed_val_loss"] == pytest.approx(won, rel=1e-12)
    assert json.loads((recall / "out.json").read_text())["best"]["number"] == number


def test_the_summary_and_the_json_agree_with_the_store(recall: Path) -> None:
    found = json.loads((recall / "out.json").read_text())
    assert found["counts"] == {"complete": 4}
    assert found["confirm"]["repeats"] == 2
    shown = sweep(recall, "lstm_recall", "show")
    assert f"#{found['best']['number']} " in shown
    assert "lstm_recall" in sweep(recall, "lstm_recall", *SMALL, "--workers", "1")


def test_an_exported_config_trains_to_its_recorded_value_exactly(recall: Path) -> None:
    sweep(recall, "lstm_recall", "export", "--to", "best")
    said = sweep(recall, "lstm_recall", "train", "--config", "best/config.yaml", "--to", "again")
    assert "reached exactly" in said
    code = (
        "import sys, numpy, keras\n"
        "one, two = (keras.models.load_model(f'{d}/model.keras') for d in ('best', 'again'))\n"
        "x = numpy.arange(30.0, dtype='float32').reshape(10, 3, 1) % 10\n"
        "a, b = one.predict(x, verbose=0), two.predict(x, verbose=0)\n"
        "assert (a == b).all() and a.shape == (10, 2)\n"
        "assert not {'sweeps', 'objectives', 'search_spaces'} & set(sys.modules)"
    )
    bare = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run([sys.executable, "-I", "-c", code], cwd=recall, env=bare, check=True)
    text = (recall / "best" / "config.yaml").read_text()
    (recall / "bad.yaml").write_text(re.sub(r"layers: \d", "layers: 99", text))
    sweep(recall, "lstm_recall", "train", "--config", "bad.yaml", code=2)


def test_a_trial_that_ended_early_is_complete_and_its_config_exact(tmp_path: Path) -> None:
    said = sweep(
        *(tmp_path, "dense_regression", "--trials", "4", "--max-epochs", "40", "--workers", "1"),
        *("--patience", "2", "--pruner", "none", "--confirm", "0", "--json", "out.json"),
    )
    _, children, client = runs(tmp_path, "dense_regression")
    epochs = {number: len(curve(client, run, "val_loss")) for number, run in children.items()}
    assert "4 complete" in said
    assert epochs[0] == 40
    early = [number for number, ran in epochs.items() if ran < 40]
    assert early
    for number in early:
        best = children[number].data.metrics["best_epoch"]
        assert epochs[number] == best + 2
    sweep(tmp_path, "dense_regression", "export", "--trial", str(early[0]), "--to", "early")
    again = sweep(tmp_path, "dense_regression", "train", "--config", "early/config.yaml")
    assert "reached exactly" in again


def test_after_ctrl_c_and_to_a_larger_total_a_study_goes_on_the_same(
    recall: Path, tmp_path: Path
) -> None:
    """One that Ctrl-C cut short and one of four trials end as one of five in a single run."""
    five = ("--trials", "5", *SMALL[2:], "--workers", "1", "--confirm", "0")
    with subprocess.Popen(
        [sys.executable, "-m", "sweeps.lstm_recall", *five],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("[2/5]"):
                process.send_signal(signal.SIGINT)
                break
        said = process.stdout.read()
        assert process.wait(timeout=60) == 130
    assert "run the same command to resume" in said
    calm = tmp_path / "calm"
    calm.mkdir()
    for folder in (tmp_path, recall, calm):
        sweep(folder, "lstm_recall", *five)
    _, expected, client = runs(calm, "lstm_recall")
    assert sorted(expected) == list(range(5))
    for folder in (tmp_path, recall):
        _, found, other = runs(folder, "lstm_recall")
        assert sorted(found) == sorted(expected)
        for number in expected:
            assert found[number].data.params == expected[number].data.params
            for key in ("loss", "val_loss"):
                assert curve(other, found[number], key) == curve(client, expected[number], key)


def test_a_plain_optuna_script_trains_and_prunes() -> None:
    code = """
import dataclasses, optuna
from objectives.lstm_recall import LSTM_RECALL
objective = dataclasses.replace(LSTM_RECALL, max_epochs=6)
pruner = optuna.pruners.PercentilePruner(1.0, n_startup_trials=2, n_warmup_steps=2)
study = optuna.create_study(direction="minimize", pruner=pruner,
                            sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(objective, n_trials=5)
states = [t.state.name for t in study.trials]
assert set(states) == {"COMPLETE", "PRUNED"}, states
assert all(t.value == min(t.intermediate_values.values()) for t in study.trials
           if t.state.name == "COMPLETE")
"""
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, timeout=200)


def test_curves_are_live_while_the_sweep_runs(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sweeps.dense_binary", "--trials", "200", "--confirm", "0"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        points = 0
        while not points and time.monotonic() < deadline:
            time.sleep(1)
            if (tmp_path / "mlflow.db").exists():
                try:
                    _, children, client = runs(tmp_path, "dense_binary")
                    points = sum(len(curve(client, c, "val_loss")) for c in children.values())
                except Exception:
                    continue
        assert process.poll() is None
        assert points
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 130
