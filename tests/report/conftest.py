"""An explanation with every part, made once."""

from __future__ import annotations

from typing import Any

import pytest

from sweeps.explain.explanation import Explanation
from tests.explain.planted import Net, explained, reference, waiting


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    def script(spec: Any, epoch: int) -> float:
        steps = 1.0 / spec.config.optimizer.learning_rate
        return waiting(lambda s: steps, low=0.05)(spec, epoch)

    return explained(script, tmp_path_factory.mktemp("why"), reference(Net()), all_probes=True)
