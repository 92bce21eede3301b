"""Keras's callbacks: their files, each trial in its folder, and those that are refused."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput
from objectives.training import Decision, Outcome, Trainer, here
from tests.objectives.training.conformance import answer, spec, train
from tests.objectives.training.small_objective import SMALL, Small, data

pytestmark = pytest.mark.slow
EVERY = pytest.mark.parametrize("way", ["fit", "graph"])


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written where it should not be is found in the current folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def trainer(way: str, callbacks: Callable[[], list[Any]]) -> Trainer:
    return here(
        dataclasses.replace(SMALL, callbacks=lambda config, monitor: callbacks()), data(), way
    )


def writing() -> list[Any]:
    import keras

    return [
        keras.callbacks.ModelCheckpoint(
            "best/model.keras", "val_loss", save_best_only=True, mode="min"
        ),
        keras.callbacks.CSVLogger(Path.cwd() / "log.csv"),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.ReduceLROnPlateau("val_loss", mode="min", patience=1),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    ]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@EVERY
def test_every_trial_has_files_of_its_own(way: str, tmp_path: Path) -> None:
    import keras

    folders = [tmp_path / "callbacks" / name for name in ("00000", "00001")]
    specs = [
        spec(Small(learning_rate=0.05 * (1 + n)), n, files=folder)
        for n, folder in enumerate(folders)
    ]
    results, curves = train(trainer(way, writing), *specs)
    for result, curve, folder in zip(results, curves, folders, strict=True):
        assert result.fallback is None
        assert [float(row["val_loss"]) for row in rows(folder / "log.csv")] == pytest.approx(
            [logs["val_loss"] for logs in curve], rel=1e-6
        )
        model = keras.models.load_model(folder / "best" / "model.keras")
        x, y = data().validation.x, data().validation.y
        scores = model.evaluate(x, y, verbose=0, return_dict=True)
        assert scores["loss"] == pytest.approx(result.value, rel=1e-5)
        assert result.extra["notes"] == [
            f"files of ModelCheckpoint and CSVLogger are in {tmp_path / 'callbacks'}/NUMBER, a "
            "folder for each trial"
        ]
    assert results[0].value != results[1].value
    assert not list(Path.cwd().iterdir())


@EVERY
def test_a_run_that_is_no_trial_writes_none(way: str, tmp_path: Path) -> None:
    import keras

    saved: list[str] = []

    class Own(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            super().on_epoch_end(epoch, logs)
            saved.append(self.filepath)

    made = trainer(way, lambda: [*writing(), Own("own.keras")])
    # The config only names what sends the trial to `fit`: a class of one's own may act anywhere.
    (result,), _ = train(made, spec(Small(callbacks=("batches",))))
    assert result.outcome is Outcome.COMPLETE
    assert len(saved) == 3
    assert not Path(saved[0]).is_relative_to(tmp_path)
    assert not list(Path.cwd().iterdir())


@EVERY
def test_a_csv_file_goes_on_where_its_trial_does(way: str, tmp_path: Path) -> None:
    kept = spec(
        max_epochs=5,
        files=tmp_path / "callbacks",
        checkpoint=tmp_path / "00000",
        checkpoint_every=0.0,
    )
    first = trainer(way, writing)
    list(first.train(iter([kept]), answer(3, Decision.STOP)))
    second = trainer(way, writing)
    (result,), (curve,) = train(second, kept)
    assert result.extra["resumed_epoch"] == 3
    found = rows(tmp_path / "callbacks" / "log.csv")
    assert [int(row["epoch"]) for row in found] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(
        [float(row["loss"]) for row in found], [logs["loss"] for logs in curve], rtol=1e-6
    )


@EVERY
def test_a_loss_that_is_not_finite_ends_a_trial_at_its_epoch(way: str) -> None:
    import keras

    made = trainer(way, lambda: [keras.callbacks.TerminateOnNaN()])
    config = Small(net="line", optimizer="sgd", learning_rate=1e6)
    ((result,), _) = train(made, spec(config, max_epochs=9))
    ((other,), _) = train(trainer("fit", list), spec(config, max_epochs=9))
    assert result.outcome is other.outcome is Outcome.DIVERGED
    assert result.extra["diverged_epoch"] == other.extra["diverged_epoch"]
    assert result.fallback is None


@EVERY
def test_what_cannot_be_had_is_refused_in_one_line(way: str, tmp_path: Path) -> None:
    import keras

    made = trainer(way, lambda: [keras.callbacks.BackupAndRestore("backup")])
    with pytest.raises(
        BadInput, match="BackupAndRestore is refused: leave it out: an interrupted"
    ):
        train(made, spec(files=tmp_path))
    if importlib.util.find_spec("tensorboard") is None:
        made = trainer(way, lambda: [keras.callbacks.TensorBoard("logs")])
        with pytest.raises(BadInput, match="TensorBoard needs the package tensorboard"):
            train(made, spec(files=tmp_path))


@EVERY
def test_arguments_of_fit_change_the_rows_of_an_epoch(way: str) -> None:
    """Rows 0 to 31 in this order, whichever way they are trained."""
    import keras

    found = dataclasses.replace(SMALL, fit={"shuffle": False, "steps_per_epoch": 2})
    made = here(found, data(), way)
    config = Small(net="logistic", optimizer="sgd", learning_rate=0.5)
    (result,), (curve,) = train(made, spec(config, max_epochs=2))
    assert result.fallback is None
    x, y = data().train.x[:32], data().train.y[:32]
    model = SMALL.build(config, data())
    kept = model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert isinstance(kept, keras.callbacks.History)
    np.testing.assert_allclose([logs["loss"] for logs in curve], kept.history["loss"], rtol=1e-5)
