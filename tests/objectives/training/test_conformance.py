"""The trainers of this process, held to the contract. By a graph: `test_conformance_graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from objectives.training import Decision, Outcome, Trainer
from tests.objectives.training import resuming
from tests.objectives.training.conformance import *  # noqa: F403
from tests.objectives.training.conformance import SMALL, answer, data, spec, train
from tests.objectives.training.resuming import *  # noqa: F403

pytestmark = pytest.mark.slow


@pytest.fixture(params=["fit", "xla"])
def factory(request: pytest.FixtureRequest) -> Any:
    from objectives.training import here

    return lambda objective, data: here(objective, data, request.param)


@pytest.mark.parametrize(
    ("factory", "kind"),
    [("fit", kind) for kind in resuming.RESUMED if kind != "fit alone"]
    + [("xla", kind) for kind in resuming.RESUMED],
    indirect=["factory"],
)
def test_a_trial_goes_on_from_its_checkpoint_to_the_bit(
    factory: Any, tmp_path: Path, kind: str
) -> None:
    resuming.test_a_trial_goes_on_from_its_checkpoint_to_the_bit(factory, tmp_path, kind)


def test_models_of_ended_trials_are_freed(factory: Any) -> None:
    """A compiled program keeps one model for all its trials; nothing else keeps any."""
    import gc

    import keras

    def models() -> int:
        gc.collect()
        return sum(isinstance(thing, keras.Sequential) for thing in gc.get_objects())

    before, trainer = models(), factory(SMALL, data())
    train(trainer, *(spec(number=number, max_epochs=1) for number in range(2)))
    assert models() - before <= 1


def test_an_epoch_of_a_checkpoint_is_not_judged_again(trainer: Trainer, tmp_path: Path) -> None:
    kept = spec(max_epochs=4, checkpoint=tmp_path / "00000", checkpoint_every=0.0, rungs=(2, 3))
    list(trainer.train(iter([kept]), answer(3, Decision.STOP)))
    (result,) = trainer.train(iter([kept]), answer(2, Decision.PRUNE))
    assert (result.outcome, result.epochs) == (Outcome.COMPLETE, 4)
    (result,) = trainer.train(iter([kept]), answer(2, Decision.STOP))
    assert (result.outcome, result.epochs) == (Outcome.INTERRUPTED, 2)
