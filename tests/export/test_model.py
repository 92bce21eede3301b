"""Config and model in a folder: whole or not at all, and the same digits on the way back."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from objectives import BadInput, Data, Part
from objectives.training import Decision, Logs, Outcome, TrialSpec
from sweeps.export.config import DataOf, Exported, Origin, Training, read, write
from sweeps.export.model import differences, save, spec_of, train
from tests.scripted import OBJECTIVE, Scripted, Toy, curve


@dataclass
class Writing(Scripted):
    """A scripted trainer whose model is a text that names config and seed."""

    fault: BaseException | None = None

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        assert spec.weights is not None
        assert spec.weights.exists()
        if model is not None:
            model.write_text(f"{spec.config} {spec.seed}")
        if self.fault is not None:
            raise self.fault
        return super().evaluate(spec)


SPEC = TrialSpec(0, Toy(rate=0.3), 5, 12)
VALUE = min(curve(SPEC, epoch) for epoch in range(1, 13))
EXPORTED = Exported(
    "toy", Toy(rate=0.3), Training(12, seed=5), scores={"val_loss": VALUE}, origin=Origin("toy", 3)
)


def files(folder: Path) -> dict[str, str]:
    """Everything below a folder, hidden files too."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_kept_weights_spare_the_training(tmp_path: Path) -> None:
    weights, trainer = tmp_path / "w.npz", Writing()
    np.savez(weights, np.zeros(1))
    written = save(EXPORTED, trainer, tmp_path / "a" / "best", weights=weights, command="train me")
    assert trainer.curves == {}
    assert written.result is None
    assert written.exact is None
    assert sorted(files(tmp_path / "a")) == ["best/config.yaml", "best/model.keras"]
    assert [path.name for path in written.files] == ["config.yaml", "model.keras"]
    assert all(path.exists() for path in written.files)
    found = read(written.files[0], Toy, "toy")
    assert found == written.exported
    assert found.scores == {"val_loss": VALUE, "test_loss": curve(SPEC, 12)}
    assert written.files[0].read_text().startswith("# train me\n")


@pytest.mark.parametrize("name", [None, "gone.npz"])
def test_without_weights_the_config_is_trained_again(tmp_path: Path, name: str | None) -> None:
    weights = name and tmp_path / name
    written = save(EXPORTED, Writing(), tmp_path / "best", weights=weights or None)
    assert written.exact is True
    assert sorted(files(tmp_path)) == ["best/config.yaml", "best/model.keras"]


def test_training_again_reaches_the_recorded_value(tmp_path: Path) -> None:
    write(EXPORTED, tmp_path / "config.yaml")
    exported, seen = read(tmp_path / "config.yaml", Toy), []
    written = train(
        exported, Writing(), OBJECTIVE, on_epoch=lambda epoch, logs: seen.append((epoch, logs))
    )
    assert (written.exact, written.recorded) == (True, VALUE)
    assert written.result is not None
    assert written.result.value == VALUE
    assert written.files == ()
    assert [epoch for epoch, _ in seen] == list(range(1, 13))
    assert min(logs["val_loss"] for _, logs in seen) == VALUE


def test_another_value_is_not_called_the_same() -> None:
    almost = replace(EXPORTED, scores={"val_loss": float(np.nextafter(VALUE, 1))})
    assert train(almost, Writing(), OBJECTIVE).exact is False


def test_another_seed_is_another_training(tmp_path: Path) -> None:
    written = train(EXPORTED, Writing(), OBJECTIVE, seed=6, to=tmp_path / "new")
    assert written.exact is None
    found = read(tmp_path / "new" / "config.yaml", Toy)
    assert found.training == replace(
        Training(12, seed=6), best_epoch=written.result and written.result.best_epoch
    )
    assert found.scores["val_loss"] != VALUE
    assert train(EXPORTED, Writing(), OBJECTIVE, seed=5).exact is True


def test_a_file_by_hand_is_trained_as_the_sweep_would() -> None:
    written = train(Exported("toy", Toy()), Writing(), OBJECTIVE)
    assert written.exact is None
    assert written.result is not None
    assert written.result.epochs == OBJECTIVE.max_epochs
    assert written.exported.training is not None
    assert written.exported.training.seed == 0
    with pytest.raises(BadInput, match="training"):
        spec_of(Exported("toy", Toy()))


def test_a_training_that_fails_writes_nothing(tmp_path: Path) -> None:
    def hook(spec: TrialSpec, epoch: int) -> None:
        if epoch == 3:
            raise RuntimeError("out of memory")

    written = train(EXPORTED, Writing(hook=hook), OBJECTIVE, to=tmp_path / "best")
    assert written.result is not None
    assert written.result.outcome is Outcome.FAILED
    assert written.files == ()
    with pytest.raises(RuntimeError, match="out of memory"):
        save(EXPORTED, Writing(hook=hook), tmp_path / "best")
    diverging = Writing(script=lambda spec, epoch: float("nan"))
    with pytest.raises(RuntimeError, match="diverged"):
        save(EXPORTED, diverging, tmp_path / "best")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", [RuntimeError("disk full"), KeyboardInterrupt()])
def test_an_old_model_stays_until_the_new_one_is_whole(
    tmp_path: Path, fault: BaseException
) -> None:
    save(EXPORTED, Writing(), tmp_path / "best")
    (tmp_path / "best" / "notes.txt").write_text("mine")
    before = files(tmp_path)
    other = replace(EXPORTED, config=Toy(rate=0.7))
    with pytest.raises(type(fault)):
        save(other, Writing(fault=fault), tmp_path / "best")
    assert files(tmp_path) == before
    save(other, Writing(), tmp_path / "best")
    after = files(tmp_path)
    assert after.keys() == before.keys()
    assert after["best/notes.txt"] == "mine"
    assert "rate=0.7" in after["best/model.keras"]
    assert "rate: 0.7" in after["best/config.yaml"]


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(epoch: int, logs: Logs) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(EXPORTED, Writing(), OBJECTIVE, to=tmp_path / "best", on_epoch=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for to, words in {"file": "is a file", "file/best": "cannot write to"}.items():
        trainer = Writing()
        with pytest.raises(BadInput, match=words):
            train(EXPORTED, trainer, OBJECTIVE, to=tmp_path / to)
        assert trainer.curves == {}


def test_differences_are_named() -> None:
    exported = replace(
        EXPORTED, data=DataOf(digest="3f9a1c"), versions={"keras": "3.15.1", "optuna": "5.0.0"}
    )
    assert differences(exported, "3f9a1cffff", {"keras": "3.15.1"}, "auto") == []
    assert differences(exported, "abc", {"keras": "3.16.0"}, "fit") == [
        "the data differ: digest abc here, 3f9a1c recorded",
        "trainer fit here, auto recorded",
        "keras 3.16.0 here, 3.15.1 recorded",
    ]


@pytest.fixture
def data() -> Data:
    from objectives.dense_binary import teacher

    x, y = teacher(seed=7)
    return Data(Part(x[:400], y[:400]), Part(x[400:600], y[400:600]), Part(x[600:800], y[600:800]))


@pytest.mark.slow
def test_a_bare_keras_process_scores_the_exported_model(tmp_path: Path, data: Data) -> None:
    from objectives.dense_binary import DENSE_BINARY
    from objectives.training import here
    from search_spaces.dense import Dense
    from search_spaces.plateau import Plateau

    trainer = here(DENSE_BINARY, data, "fit")
    config = Dense(width=8, batch_size=50, plateau=Plateau(patience=1))
    spec = TrialSpec(0, config, 77, 6, weights=tmp_path / "kept.npz")
    (result,) = trainer.train(iter([spec]), lambda *_: Decision.CONTINUE)
    assert result.value is not None
    exported = Exported(
        "dense_binary",
        config,
        Training(6, result.best_epoch, trainer="fit", seed=77),
        scores={"val_loss": result.value},
    )
    saved = save(exported, trainer, tmp_path / "best", weights=spec.weights)
    assert {"test_loss", "test_accuracy", "test_auc"} <= saved.exported.scores.keys()

    loaded = read(tmp_path / "best" / "config.yaml", Dense, "dense_binary")
    assert loaded == saved.exported
    again = train(loaded, trainer, DENSE_BINARY, to=tmp_path / "again")
    assert again.exact is True
    assert again.exported == saved.exported

    np.savez(tmp_path / "rows.npz", x=data.validation.x, y=data.validation.y)
    losses = list(bare_losses(tmp_path, ["best", "again"]))
    assert losses[0] == losses[1]
    assert losses[0] == pytest.approx(result.value, rel=1e-5)
    other = train(loaded, trainer, DENSE_BINARY, seed=78)
    assert other.result is not None
    assert other.result.value != result.value


def bare_losses(folder: Path, names: list[str]) -> Iterator[float]:
    """Yield the validation loss of exported models, by a process that has none of our code."""
    script = """
import sys, keras, numpy as np
rows = np.load("rows.npz")
for name in sys.argv[1:]:
    model = keras.models.load_model(f"{name}/model.keras")
    p = model.predict(rows["x"], verbose=0).ravel().astype(np.float64)
    print(repr(float(-np.mean(np.where(rows["y"] > 0.5, np.log(p), np.log(1 - p))))))
ours = {"sweeps", "objectives", "search_spaces"}
assert not ours & {name.split(".")[0] for name in sys.modules}
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *names],
        cwd=folder,
        env=environment | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    yield from map(float, done.stdout.split())
