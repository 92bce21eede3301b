"""A net that is trained again on the validation rows too: what it learns from, and its config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import sweeps
from objectives import BadInput
from sweeps import Sweep
from sweeps.cli import files, python, run_command_line
from sweeps.dense_binary import SWEEP
from sweeps.export.model import rates_of
from sweeps.export.sections import Training
from sweeps.study.sweep import no_pruning
from sweeps.tracking import NoTracker
from tests.cli.test_ensemble import table

OPTIONS: dict[str, Any] = {
    "pruner": no_pruning(), "confirm": 0, "workers": 0, "verbose": False, "max_epochs": 6,
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("refitted")
    table(folder)
    patch = pytest.MonkeyPatch()
    patch.setattr(python, "make_tracker", lambda *_: NoTracker())
    data = str(folder / "table.csv")
    yield sweeps.run(SWEEP, data=data, target="label", trials=3, folder=folder, **OPTIONS)
    patch.undo()


def config(folder: Path) -> Any:
    return yaml.safe_load((folder / "config.yaml").read_text())


@pytest.mark.slow
def test_a_refitted_net_and_average_train_again_to_the_digit(
    study: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study.export(tmp_path / "plain", trial="best")
    study.export(tmp_path / "net", trial="best", refit=True)
    study.ensemble.export(tmp_path / "nets", members=2, refit=True)
    plain, net, nets = (config(tmp_path / name) for name in ("plain", "net", "nets"))
    train, validation = len(study.data.train), len(study.data.validation)
    assert net["refit"]["rows"] == nets["refit"]["rows"] == train + validation
    assert net["training"]["max_epochs"] == plain["training"]["best_epoch"]
    assert net["decision"] == plain["decision"]
    assert net["refit"]["test_loss_before"] == pytest.approx(plain["scores"]["test_loss"], 1e-4)
    for one in (net, nets):
        assert one["refit"]["test_loss"] == pytest.approx(one["scores"]["test_loss"], 1e-4)
        mean, low, high = one["refit"]["difference"]
        gap = one["refit"]["test_loss"] - one["refit"]["test_loss_before"]
        assert mean == pytest.approx(gap, abs=1e-5)
        assert low < mean < high
        assert "val_loss" not in one["scores"]
    kept = sweeps.scorer(tmp_path / "net").plan
    assert kept["threshold"] == net["decision"]["threshold"]
    for name, one in (("net", net), ("nets", nets)):
        argv = ["train", "--config", str(tmp_path / name / "config.yaml")]
        assert run_command_line(SWEEP, [*argv, "--to", str(tmp_path / f"{name}2")]) == 0
        assert "the recorded value was reached exactly" in capsys.readouterr().out
        again = config(tmp_path / f"{name}2")
        assert again.pop("scores") == pytest.approx(one.pop("scores"), abs=1e-6)
        assert again == one


def arrays(_: Any) -> Any:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((90, 3)).astype("float32")
    return x, (x[:, 0] > 0).astype(int)


def build(trial: Any) -> Any:
    import keras

    rate = trial.suggest_float("rate", 1e-3, 1e-1, log=True)
    model = keras.Sequential([keras.layers.Dense(4, "relu"), keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy")
    return model


def looks(*_: Any) -> Any:
    import keras

    class Looks(keras.callbacks.Callback):  # type: ignore[misc]
        pass

    return [Looks()]


@pytest.mark.slow
def test_arrays_of_ones_own_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from objectives import Objective

    monkeypatch.setattr(python, "make_tracker", lambda *_: NoTracker())
    sweep = Sweep("joined", Objective(load=arrays, build=build))
    found = sweeps.run(sweep, trials=1, folder=tmp_path, **OPTIONS)
    found.export(tmp_path / "out", refit=True)
    written = config(tmp_path / "out")
    assert written["refit"]["rows"] == len(found.data.train) + len(found.data.validation) == 72
    assert len(written["refit"]["difference"]) == 3
    assert written["training"]["monitor"] == "loss"


@pytest.mark.slow
def test_what_cannot_be_refitted_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from objectives import Objective

    monkeypatch.setattr(python, "make_tracker", lambda *_: NoTracker())
    sweep = Sweep("own", Objective(load=arrays, build=build, callbacks=looks))
    found = sweeps.run(sweep, trials=1, folder=tmp_path, **OPTIONS)
    with pytest.raises(BadInput, match="Looks may look at the validation rows"):
        found.export(tmp_path / "out", refit=True)
    with pytest.raises(BadInput, match="drop one"):
        found._do(files.export, to=tmp_path / "out", refit=True, register=True)
    assert not (tmp_path / "out").exists()


def test_rates_are_written_as_drops() -> None:
    from sweeps.cli.refit import drops

    rates = [0.1, 0.1, 0.05, 0.05, 0.05, 0.01]
    told = drops(rates)
    assert told == ((1, 0.1), (3, 0.05), (6, 0.01))
    assert rates_of(Training(8, rates=told)) == (*rates, 0.01, 0.01)
    assert drops([0.1, 0.1]) == ()
    assert rates_of(Training(8)) == ()
