"""The trainers of this process, held to the contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.objectives.training.conformance import *  # noqa: F403
from tests.objectives.training.conformance import SMALL, data, spec, train
from tests.objectives.training.resuming import *  # noqa: F403

pytestmark = pytest.mark.slow


@pytest.fixture(params=["fit", "auto"])
def factory(request: pytest.FixtureRequest) -> Any:
    from objectives.training import here

    return lambda objective, data: here(objective, data, request.param)


def test_models_of_ended_trials_are_freed(factory: Any) -> None:
    """A compiled program keeps one model for all its trials; nothing else keeps any."""
    import gc

    import keras

    def models() -> int:
        gc.collect()
        return sum(isinstance(thing, keras.Sequential) for thing in gc.get_objects())

    before, trainer = models(), factory(SMALL, data())
    train(trainer, *(spec(number=number, max_epochs=1) for number in range(3)))
    assert models() - before <= 1
