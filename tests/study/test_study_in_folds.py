"""A study whose values are means over folds: what is kept, shown, remembered and refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Source
from objectives.training import OnEpoch, TrialResult, TrialSpec
from sweeps.cli.again import same
from sweeps.cli.frames import trials_frame
from sweeps.cli.progress import Watcher
from sweeps.cli.source import source_of
from sweeps.cli.text import summary_lines
from sweeps.study.session import opened
from sweeps.study.settings import Settings
from sweeps.study.summary import summarise
from sweeps.tracking import NoTracker
from tests.scripted import OBJECTIVE, SWEEP, Scripted


class InFolds(Scripted):
    """Plays curves with a standard error, which is known by its epoch."""

    def train(
        self, specs: Iterator[TrialSpec], on_epoch: OnEpoch
    ) -> Generator[TrialResult, None, None]:
        def told(spec: TrialSpec, epoch: int, logs: Any) -> Any:
            return on_epoch(spec, epoch, logs | {"val_loss_se": epoch / 100})

        yield from super().train(specs, told)


def study(folder: Path, **settings: Any) -> Any:
    x, y = np.arange(120.0).reshape(60, 2), np.arange(60) % 2
    objective = dataclasses.replace(OBJECTIVE, load=lambda _: (x, y))
    return opened(
        dataclasses.replace(SWEEP, objective=objective),
        Settings(folder=folder, **settings),
        lambda *_: InFolds(),
        lambda *_: NoTracker(),
    )


def test_the_standard_error_is_that_of_the_best_epoch(tmp_path: Path, capsys: Any) -> None:
    with study(tmp_path, trials=6, source=Source(folds=4)) as made:
        made.loop(Watcher(6, 0)).run()
        trials = made.store.ended()
        frame = trials_frame(made)
        summary = summarise(made)
        lines = summary_lines(summary, None, {}, made.data, made.store.space)
        assert "--folds 4" in same(made)
    said = capsys.readouterr().out
    for trial in trials:
        assert trial.metrics["standard_error"] == (trial.best_epoch or 0) / 100
        assert trial.value_text == f"{trial.value:.4g} ± {(trial.best_epoch or 0) / 100:.2g}"
        assert f"val_loss {trial.value_text} after" in said
    assert frame["standard_error"].tolist() == [t.metrics["standard_error"] for t in trials]
    text = "\n".join(lines)
    assert "60 x 2; 48 in 4 folds / test 12" in text
    assert "folds: a trial trains 4 nets, one for each fold; its val_loss is their mean" in text
    assert f"best on one seed: #{summary.top[0].number} {summary.top[0].value_text}" in text


def test_a_study_goes_on_with_its_folds_and_refuses_others(tmp_path: Path) -> None:
    with study(tmp_path, trials=2, source=Source(folds=4)) as made:
        made.loop(Watcher(2, 0, quiet=True)).run()
    with study(tmp_path, trials=3) as again:
        assert len(again.data.folds) == 4
    for other in (3, 0):
        with (
            pytest.raises(BadInput, match=r"with split of .*, and this command asks for"),
            study(tmp_path, source=Source(folds=other)),
        ):
            pass


def test_folds_are_asked_for_with_and_without_data() -> None:
    assert source_of({"folds": 5}) == Source(folds=5)
    assert source_of({"folds": 5, "data": "a.csv", "group": "g"}) == Source(
        "a.csv", group="g", folds=5
    )
    with pytest.raises(BadInput, match="--group g says how to read data"):
        source_of({"group": "g"})
