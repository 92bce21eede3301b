"""The trainers of this process, held to the contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.objectives.training.conformance import *  # noqa: F403

pytestmark = pytest.mark.slow


@pytest.fixture(params=["fit", "auto"])
def factory(request: pytest.FixtureRequest) -> Any:
    from objectives.training import here

    return lambda objective, data: here(objective, data, request.param)
