"""What every trainer must do with the checkpoint of a trial. Imported as `conformance` is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from objectives.training import Decision, Outcome, Trainer
from tests.objectives.training.conformance import Factory, answer, spec, train
from tests.objectives.training.small_objective import SMALL, Small, data

RESUMED = {
    "random layers": Small(dropout=0.3, normalized=True, optimizer="nadam"),
    "schedules": Small(optimizer="sgd", momentum=0.9, schedule=True),
    "plateau": Small(dropout=0.2, weight_decay=0.01, callbacks=("plateau",)),
    "early stopping": Small(callbacks=("early", "halve"), net="lstm"),
    "half precision": Small(policy="mixed_float16", dropout=0.3),
    "fit alone": Small(fault="python", dropout=0.3),
}


@pytest.mark.parametrize("kind", RESUMED)
def test_a_trial_goes_on_from_its_checkpoint_to_the_bit(
    factory: Factory, tmp_path: Path, kind: str
) -> None:
    weights, config = tmp_path / "w.npz", RESUMED[kind]
    # A rung, so that a worker waits there for the answer.
    whole = spec(config, max_epochs=6, rungs=(2,), weights=tmp_path / "whole.npz")
    kept = dataclasses.replace(
        whole, weights=weights, checkpoint=tmp_path / "00000", checkpoint_every=0.0
    )
    first = factory(SMALL, data())
    (undisturbed,), (expected,) = train(first, whole)
    (stopped,) = first.train(iter([kept]), answer(2, Decision.STOP))
    first.close()
    assert stopped.outcome is Outcome.INTERRUPTED
    assert not weights.exists()
    second = factory(SMALL, data())
    (result,), (curve,) = train(second, kept)
    second.close()
    assert result.extra["resumed_epoch"] == 2
    assert curve == expected
    assert (result.best_epoch, result.epochs) == (undisturbed.best_epoch, undisturbed.epochs)
    with np.load(weights) as mine, np.load(tmp_path / "whole.npz") as theirs:
        assert mine.files == theirs.files
        assert all(np.array_equal(mine[name], theirs[name]) for name in mine.files)


def test_a_bad_checkpoint_is_set_aside_with_a_word(trainer: Trainer, tmp_path: Path) -> None:
    kept = spec(max_epochs=4, checkpoint=tmp_path / "00000", checkpoint_every=0.0)
    other = dataclasses.replace(kept, seed=7)
    list(trainer.train(iter([other]), answer(3, Decision.STOP)))
    (file,) = tmp_path.iterdir()
    aside, curves = file.with_suffix(".aside"), []
    for harm in ("of another trial", "torn"):
        if harm == "torn":  # the checkpoint that is the trial's own now
            file.write_bytes(file.read_bytes()[:-100])
        (result,), (curve,) = train(trainer, kept)
        assert harm in result.extra["checkpoint"]
        assert "resumed_epoch" not in result.extra
        assert aside.exists()
        aside.unlink()
        curves.append(curve)
    assert curves == [train(trainer, spec(max_epochs=4))[1][0]] * 2
