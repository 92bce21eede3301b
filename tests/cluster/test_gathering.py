"""Epochs that no worker waits on travel together; everything else is sent at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from objectives.training import Decision, Outcome
from sweeps.cluster import host
from sweeps.workers import Pool
from tests.cluster.in_process import InProcess
from tests.workers.scripts import Driver, Script


class Counting(InProcess):
    """Counts the answers with epochs in them."""

    answers = 0

    def add(self, places: int, **options: Any) -> str:
        key = super().add(places, **options)
        take = self.hosts[key].take

        def counted(after: int) -> Any:
            found = take(after, patience=9000.0)
            self.answers += any(name == "epochs" for name, *_ in found[1])
            return found

        self.hosts[key].take = counted  # type: ignore[method-assign]
        return key


@pytest.mark.parametrize("last", [Decision.CONTINUE, Decision.PRUNE])
def test_what_waits_is_not_held(
    start: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch, last: Decision
) -> None:
    monkeypatch.setattr(host, "GATHER", float("inf"))  # what is held never comes alone
    engine = Counting()
    with start(2, engine) as pool:
        driver = Driver(pool)
        driver.decide = lambda spec, epoch: last if epoch == 40 else Decision.CONTINUE
        found = driver.train([Script(pause=0.025)] * 4, max_epochs=60, rungs=(20, 40))
    epochs = 60 if last is Decision.CONTINUE else 40
    assert {result.epochs for result in found.values()} == {epochs}
    assert {result.outcome for result in found.values()} == {
        Outcome.COMPLETE if last is Decision.CONTINUE else Outcome.PRUNED
    }
    assert all(driver.epochs(n) == list(range(1, epochs + 1)) for n in range(4))
    # Of each trial, two rungs and a result bring what is held; so does a worker that gets ready.
    assert 4 <= engine.answers <= 4 * 3 + 2
