"""Nets of several folds in turn, held to what the contract says of the end of a trial."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Data, Source
from objectives.reading.simple import split
from objectives.training import here
from tests.objectives.training import resuming
from tests.objectives.training.conformance import (  # noqa: F401
    test_a_pruned_trial_ends_at_once_and_keeps_no_weights,
    test_a_result_names_the_best_epoch,
    test_a_trial_that_raises_fails_with_its_traceback_and_the_next_goes_on,
    test_a_trial_whose_patience_is_over_is_complete,
    test_an_unknown_monitor_raises_and_names_the_metrics,
    test_keras_callbacks_stop_and_schedule,
    test_stop_interrupts_and_takes_no_further_spec,
    test_the_next_spec_is_taken_only_when_the_last_result_was_consumed,
    test_what_on_epoch_raises_is_the_callers,
    trainer,
)

pytestmark = pytest.mark.slow


def folded(found: Data, count: int = 2) -> Data:
    """Return the same rows in folds; those of the test part stay."""
    x, y = found.train.x, found.train.y.astype(np.int64)
    made = split(x, y, Source(folds=count), found.train.sample_weight)
    folds = (dataclasses.replace(fold, test=found.test, digest="") for fold in made.folds)
    return dataclasses.replace(made, test=found.test, folds=tuple(folds), digest="")


@pytest.fixture
def factory() -> Any:
    return lambda objective, data: here(objective, folded(data), "graph")


@pytest.mark.parametrize("kind", ["plateau", "early stopping"])
def test_a_trial_goes_on_from_one_checkpoint_of_its_nets(
    factory: Any, tmp_path: Path, kind: str
) -> None:
    resuming.test_a_trial_goes_on_from_its_checkpoint_to_the_bit(factory, tmp_path, kind)
