"""The average of nets, from a real sweep to a model in bare Keras, and trained again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import sweeps
from objectives import BadInput
from objectives.judging.threshold import best, chance_of, labels_of
from sweeps.cli import files, python, run_command_line
from sweeps.dense_binary import SWEEP
from sweeps.study.average import ATTR, Average
from sweeps.study.sweep import no_pruning
from sweeps.tracking import NoTracker

pytestmark = pytest.mark.slow
BARE = (
    "import keras, json, tensorflow as tf\n"
    "model = keras.models.load_model('model.keras')\n"
    "rows = json.load(open('rows.json'))\n"
    "said = model.predict({k: tf.constant(v) for k, v in rows.items()}, verbose=0)\n"
    "json.dump(said.ravel().tolist(), open('said.json', 'w'))\n"
)


def table(folder: Path) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((700, 3)).astype(np.float32), columns=list("abc"))
    frame["kind"] = rng.choice(["x", "y"], len(frame))
    score = frame["a"] * frame["b"] + (frame["kind"] == "x") + 0.5 * rng.standard_normal(700)
    frame["label"] = np.where(score > 1.2, "yes", "no")
    frame.to_csv(folder / "table.csv", index=False)
    return frame


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("averaged")
    table(folder)
    patch = pytest.MonkeyPatch()
    patch.setattr(python, "make_tracker", lambda *_: NoTracker())
    found = sweeps.run(
        SWEEP,
        data=str(folder / "table.csv"),
        target="label",
        trials=4,
        max_epochs=6,
        pruner=no_pruning(),
        confirm=0,
        workers=0,
        folder=folder,
        verbose=False,
    )
    yield found
    patch.undo()


def of_table(study: Any) -> Path:
    return Path(study._settings.folder)


def test_the_summary_has_the_average_beside_the_best_net(study: Any) -> None:
    average = study.ensemble
    assert sum(average.members.values()) == pytest.approx(1.0)
    shown = study.summary["average"]
    assert shown["won"] == average.won
    assert shown["scores"]["test_loss"] == average.scores["test_loss"]
    assert f"average of {len(average.members)} nets" in repr(study)
    single = study.best
    assert shown["number"] == single.number
    assert shown["single"]["val_loss"] == pytest.approx(single.value, rel=1e-3)
    gap = shown["on_test"]["mean"]
    assert gap == pytest.approx(
        average.scores["test_loss"] - shown["single"]["test_loss"], abs=1e-5
    )
    kept = of_table(study) / ".sweeps" / study.name / "predictions"
    assert len(list(kept.glob("*.npz"))) == len(study.trials)


def test_the_model_predicts_the_mean_of_its_nets_and_decides_by_its_own_threshold(
    study: Any, tmp_path: Path
) -> None:
    average = study.ensemble
    average.export(tmp_path / "out")
    frame = pd.read_csv(of_table(study) / "table.csv")[:50]
    nets = {number: study.trial(number).model().predict(frame) for number in average.members}
    mean = sum(average.members[number] * said for number, said in nets.items())
    rows = {name: [[value] for value in frame[name].tolist()] for name in ("a", "b", "c", "kind")}
    (tmp_path / "out" / "rows.json").write_text(json.dumps(rows))
    done = subprocess.run(
        [sys.executable, "-I", "-c", BARE], cwd=tmp_path / "out", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = json.loads((tmp_path / "out" / "said.json").read_text())
    np.testing.assert_allclose(said, mean.ravel(), atol=1e-6)
    scorer = sweeps.scorer(tmp_path / "out")
    np.testing.assert_allclose(scorer.predict(frame).ravel(), said, atol=1e-6)
    written = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    cut = written["decision"]["threshold"]
    assert scorer.plan["threshold"] == cut
    kept = of_table(study) / ".sweeps" / study.name / "predictions"
    chances = sum(
        weight * np.load(kept / f"{number:05d}.npz")["validation"]
        for number, weight in average.members.items()
    )
    truth = labels_of(study.data.validation.y)
    assert cut == pytest.approx(best(truth, chance_of(chances), "balanced_accuracy"), abs=1e-6)
    assert [one["trial"] for one in written["members"]] == list(average.members)
    assert written["scores"]["test_loss"] == pytest.approx(average.scores["test_loss"], rel=1e-6)


def test_its_config_trains_all_nets_again_to_the_digit(
    study: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study.ensemble.export(tmp_path / "out", members=2)
    argv = ["train", "--config", str(tmp_path / "out" / "config.yaml"), "--trainer", "auto"]
    argv = [*argv[:3], "--to", str(tmp_path / "again")]
    capsys.readouterr()
    assert run_command_line(SWEEP, argv) == 0
    out = capsys.readouterr().out
    assert "the recorded value was reached exactly" in out
    one, other = (
        yaml.safe_load((tmp_path / name / "config.yaml").read_text()) for name in ("out", "again")
    )
    assert one == other
    assert len(one["members"]) == 2
    assert run_command_line(SWEEP, [*argv, "--seed", "3"]) == 2


def test_which_of_the_two_is_exported(study: Any, tmp_path: Path) -> None:
    """The single net where nothing was gained, or where it is asked for."""
    study.export(tmp_path / "best", trial="best")
    written = yaml.safe_load((tmp_path / "best" / "config.yaml").read_text())
    assert "members" not in written
    study.export(tmp_path / "default")
    written = yaml.safe_load((tmp_path / "default" / "config.yaml").read_text())
    assert ("members" in written) == study.ensemble.won
    for options, reason in (
        ({"ensemble": True, "single": True}, "leave one out"),
        ({"members": 3, "trial": "1"}, "no one trial"),
    ):
        with pytest.raises(BadInput, match=reason):
            study._do(files.export, to=tmp_path / "no", **options)
    report = study.report(tmp_path / "report.html").read_text()
    assert "Average of nets" in report


def test_a_study_of_before_has_no_average_and_still_shows_and_exports(
    study: Any, tmp_path: Path
) -> None:
    """Nor has one whose average is of other trials than those that lead now."""
    inner = study.optuna
    known = inner.user_attrs[ATTR]
    for before in ({}, {**known, "of": [99]}):
        inner.set_user_attr(ATTR, before)
        assert "average of" not in repr(study)
        assert study.summary["average"] is None
        study.export(tmp_path / "out")
        with pytest.raises(BadInput, match="no average of nets"):
            _ = study.ensemble
    inner.set_user_attr(ATTR, known)


def test_the_average_wins_unless_rows_that_did_not_choose_it_tell_that_it_is_worse() -> None:
    found = {
        "members": [[3, 0.5], [1, 0.5]],
        "average": {"val_loss": 0.1},
        "single": {"val_loss": 0.2},
        "number": 3,
        "adds": {},
        "seconds": 1.0,
        "on_test": {"mean": -1.0, "spread": 0.1, "rows": 100},
    }
    from objectives import Monitor

    loss = Monitor("val_loss", "min")
    for mean, spread, apart, won in (
        (-0.1, 0.01, 0.15, True),
        (-0.1, 10.0, 0.15, True),
        (0.1, 0.01, 0.25, False),
        (0.1, 10.0, 0.25, True),  # these rows chose the single net, and do not tell
    ):
        held_out = {"mean": mean, "spread": spread, "rows": 100}
        told = found | {"held_out": held_out, "chosen_apart": [apart, 0.2]}
        assert Average.of(told, loss).won is won
        alone = told | {"members": [[1, 1.0]]}
        assert Average.of(alone, loss).won is False


def test_a_difference_over_rows_is_the_one_of_paired_values() -> None:
    from sweeps.study.statistics import of_moments, paired

    gaps = np.random.default_rng(0).normal(0.1, 1.0, 50)
    mine = of_moments(float(gaps.mean()), float(gaps.std(ddof=1)), 50)
    theirs = paired(gaps.tolist(), [0.0] * 50)
    for name in ("mean", "low", "high", "p"):
        assert getattr(mine, name) == pytest.approx(getattr(theirs, name))
    assert mine.word == theirs.word
    assert of_moments(0.1, 0.0, 1).word == "undecided"
