"""Epochs as TensorFlow graphs, held to what the contract says of their numbers and state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.objectives.training import resuming
from tests.objectives.training.conformance import (  # noqa: F401
    test_a_diverged_trial_keeps_its_finite_epochs,
    test_a_schedule_of_the_optimizer_works,
    test_a_spec_repeats_to_the_bit_whatever_ran_before,
    test_logistic_regression_by_hand,
    test_the_kept_weights_are_those_of_the_best_epoch,
    trainer,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def factory() -> Any:
    from objectives.training import here

    return lambda objective, data: here(objective, data, "graph")


@pytest.mark.parametrize("kind", [kind for kind in resuming.RESUMED if kind != "fit alone"])
def test_a_trial_goes_on_from_its_checkpoint_to_the_bit(
    factory: Any, tmp_path: Path, kind: str
) -> None:
    resuming.test_a_trial_goes_on_from_its_checkpoint_to_the_bit(factory, tmp_path, kind)
