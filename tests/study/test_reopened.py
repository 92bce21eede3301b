"""Studies that are opened again: what is told, and what is still there."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Data, Objective, Part, Source
from sweeps.study.connecting import connect
from sweeps.study.ended import ranked
from sweeps.study.identity import stored_identity
from sweeps.study.loop import SweepFailed
from sweeps.study.naming import study_name
from sweeps.study.session import opened
from sweeps.study.settings import ARRAYS, Settings
from sweeps.study.sweep import Sweep, no_pruning
from sweeps.tracking import NoTracker
from tests.scripted import OBJECTIVE, SWEEP, Scripted, load
from tests.study.test_loop import Watching, described, go, session


def test_a_study_that_goes_on_otherwise_says_so(tmp_path: Path, caplog: Any) -> None:
    with caplog.at_level("WARNING", "sweeps"):
        go(tmp_path, trials=2)
        go(tmp_path, trials=3, patience=25)  # what it has anyway
        assert not caplog.text
        go(tmp_path, trials=4, patience=0, pruner=no_pruning())
        assert "--patience: off from here on, 25 before" in caplog.text
        assert "--pruner: none from here on, halving before" in caplog.text
        caplog.clear()
        go(tmp_path, trials=5)
    assert not caplog.text


def test_a_study_can_be_read_when_its_file_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "mine.npy"

    def read(source: Source) -> Data:
        x = np.load(source.path or "")
        parts = [Part(x[rows], x[rows, 0]) for rows in (slice(8), slice(8, 12), slice(12, 16))]
        return Data(*parts, source=source)

    def of(reading: bool, **settings: Any) -> Any:
        return opened(
            dataclasses.replace(SWEEP, objective=dataclasses.replace(OBJECTIVE, load=read)),
            Settings(folder=tmp_path, study="mine", **settings),
            lambda *_: Scripted(),
            lambda *_: NoTracker(),
            reading=reading,
        )

    np.save(file, np.arange(32.0).reshape(16, 2))
    given = Source(path=str(file))
    with of(False, trials=2, seed=7, confirm=0, source=given) as made:
        made.loop(Watching()).run()
        made.data.save(made.folder / ARRAYS)  # as it is done for workers
    with of(False, source=given) as more:  # what is not given is the study's own
        assert (more.settings.seed, more.settings.confirm) == (7, 0)
    file.unlink()
    with of(True) as again:
        assert again.data.digest == made.data.digest
        assert described(again) == described(made)
    with pytest.raises(FileNotFoundError), of(False):
        pass  # who trains on reads what is there
    other = dataclasses.replace(made.data, digest="0" * 40)
    other.save(made.folder / ARRAYS)
    with pytest.raises(FileNotFoundError), of(True):
        pass  # arrays of another study's data are not its own


def build_of(low: float) -> Any:
    def build(trial: Any) -> None:
        trial.suggest_float("rate", low, 0.1, log=True)

    return build


def short(folder: Path, build: Any, trainer: Any = None, **settings: Any) -> Any:
    curves = Scripted(lambda spec, epoch: spec.config["rate"] / epoch)
    curves.rate = lambda spec, epoch: 0.1
    return opened(
        Sweep("short", Objective(load=load, build=build, max_epochs=4)),
        Settings(folder=folder, **{"trials": 3, **settings}),
        lambda *_: trainer or curves,
        lambda *_: NoTracker(),
    )


def test_a_study_that_a_mistake_left_empty_is_made_anew(tmp_path: Path, caplog: Any) -> None:
    with pytest.raises(ValueError, match="low"), short(tmp_path, build_of(0.0), seed=7) as study:
        study.loop(Watching()).run()
    with caplog.at_level("WARNING", "sweeps"), short(tmp_path, build_of(1e-4)) as mended:
        assert mended.settings.seed == 0  # what came with the mistake went with it
        mended.loop(Watching()).run()
        assert len(described(mended)) == 3
    assert not caplog.text
    with (
        pytest.raises(BadInput, match="space of rate"),
        short(tmp_path, build_of(1e-3), trials=4) as other,
    ):
        other.loop(Watching()).run()


def test_a_study_whose_trials_all_failed_is_made_anew_for_another_space(tmp_path: Path) -> None:
    def hook(spec: Any, epoch: int) -> None:
        raise RuntimeError("no such layer")

    with short(tmp_path, build_of(1e-3), Scripted(hook=hook)) as study:
        with pytest.raises(SweepFailed):
            study.loop(Watching()).run()
        assert [t.outcome for t in study.store.ended()] == ["failed"] * 3
    with short(tmp_path, build_of(1e-3)) as same:
        assert len(same.store.ended()) == 3
    with short(tmp_path, build_of(1e-4)) as mended:
        mended.loop(Watching()).run()
        assert [t[4] for t in described(mended)].count("complete") >= 1


def test_an_interrupted_first_trial_goes_on_unless_the_study_is_another(tmp_path: Path) -> None:
    def hook(spec: Any, epoch: int) -> None:
        if epoch == 3:
            raise KeyboardInterrupt

    with (
        session(tmp_path, Scripted(hook=hook), seed=5) as study,
        pytest.raises(KeyboardInterrupt),
    ):
        study.loop(Watching()).run()
    with session(tmp_path) as same:
        assert same.settings.seed == 5
        assert len(same.store.unfinished()) == 1
    assert go(tmp_path, trials=2, seed=6) == go(tmp_path / "other", trials=2, seed=6)


@pytest.mark.parametrize(
    ("file", "stem"),
    [("données.csv", "donnees"), ("größe 2.csv", "groe-2"), ("数据.csv", "data"), ("-.csv", "-")],
)
def test_a_study_is_named_after_its_file_in_plain_letters(file: str, stem: str) -> None:
    data = dataclasses.replace(load(Source()), source=Source(file))
    assert study_name(SWEEP, data, Settings()) == f"toy-{stem}-{data.digest[:6]}"


def test_a_file_in_the_folder_is_found_when_the_folder_moves(tmp_path: Path) -> None:
    inside = Settings(folder=tmp_path / "old", source=Source(path=str(tmp_path / "old/t.csv")))
    outside = Settings(folder=tmp_path / "old", source=Source(path=str(tmp_path / "t.csv")))
    for settings, found in ((inside, "new/t.csv"), (outside, "t.csv")):
        kept = settings.remember()
        again = Settings(folder=tmp_path / "new").resolve(kept).source
        assert again is not None
        assert again.path == str(tmp_path / found)


def older(folder: Path, *keys: str, **identity: str) -> None:
    """Let the study be one that was made before these were kept of it, but others were."""
    storage = connect(Settings(folder=folder).storage_url())
    (study,) = storage.get_all_studies()
    for attr in ("identity", "settings"):
        kept = {k: v for k, v in study.user_attrs[attr].items() if k not in keys}
        kept |= identity if attr == "identity" else {}
        storage.set_study_user_attr(study._study_id, attr, kept)


def test_a_study_that_was_made_without_a_mode_opens_unless_its_direction_was_another(
    tmp_path: Path,
) -> None:
    before = go(tmp_path, trials=2)
    older(tmp_path, "mode")
    assert go(tmp_path, trials=2, mode="min") == before
    older(tmp_path, "mode")
    assert go(tmp_path, trials=2) == before
    with pytest.raises(BadInput, match="mode = min, and this command asks for max"):
        go(tmp_path, trials=2, mode="max")


def test_a_study_keeps_the_mode_of_its_own_metric(tmp_path: Path) -> None:
    def script(spec: Any, epoch: int) -> float:
        return -float(spec.number)

    with pytest.raises(BadInput, match="'val_gain'"), session(tmp_path, monitor="val_gain"):
        pass
    named = dataclasses.replace(OBJECTIVE, monitor="val_loss", mode="max")
    sweep = dataclasses.replace(SWEEP, objective=named)

    def of(**given: Any) -> Any:
        settings = Settings(folder=tmp_path, trials=3, **given)
        return opened(sweep, settings, lambda *_: Scripted(script), lambda *_: NoTracker())

    with of() as study:
        study.loop(Watching()).run()
        assert study.monitor.mode == "max"
        assert ranked(study.store.ended(), study.monitor)[0].number == 0
    with of(mode="max") as again:
        assert again.monitor.mode == "max"


def test_a_study_that_kept_its_data_as_a_sentence_opens_for_the_same_arrays_alone(
    tmp_path: Path,
) -> None:
    before = go(tmp_path, trials=2)
    older(tmp_path, "mode", "digest", data=f"embedded ({load(Source()).digest[:12]})")
    assert go(tmp_path, trials=2) == before
    with session(tmp_path) as study:
        study.data.save(study.folder / ARRAYS)
        kept = stored_identity(connect(study.settings.storage_url()), "toy")
        assert (kept["data"], kept["digest"]) == ("embedded", study.data.digest[:12])
    older(tmp_path, "mode", "digest", data=f"renamed.csv (2) ({load(Source()).digest[:12]})")
    assert go(tmp_path, trials=2) == before
    older(tmp_path, "mode", "digest", data="embedded (0123456789ab)")
    with pytest.raises(
        BadInput, match=r"data = built-in data \(0123456789ab\), and now it is data from load\(\)"
    ):
        go(tmp_path, trials=2)


def test_the_digest_of_a_study_is_kept_whole(tmp_path: Path) -> None:
    with session(tmp_path) as study:
        assert study.store.study.user_attrs["identity"]["digest"] == study.data.digest
        assert study.store.study.user_attrs["identity"]["data"] == "data from load()"
