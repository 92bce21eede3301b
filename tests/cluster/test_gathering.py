"""Epochs that no worker waits on travel together; everything else is sent at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from objectives.training import Decision, Outcome
from sweeps.cluster import host
from sweeps.workers import Pool
from tests.cluster.in_process import InProcess
from tests.workers.scripts import Driver, Script, make_spec


class Counting(InProcess):
    """Notes the names of the messages of every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[list[str]] = []

    def add(self, places: int, **options: Any) -> str:
        key = super().add(places, **options)
        take = self.hosts[key].take

        def counted(after: int) -> Any:
            found = take(after, patience=9000.0)
            self.taken.append([name for name, *_ in found[1]])
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
    assert 4 <= sum("epochs" in names for names in engine.taken) <= 4 * 3 + 2


def test_a_result_and_what_its_trial_has_written_come_together(
    start: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(host, "GATHER", 0.0)  # nothing is held
    engine = Counting()
    with start(1, engine) as pool:
        for number in range(5):
            spec = make_spec(number, Script(), weights=tmp_path / f"{number}.weights.h5")
            list(pool.train(iter([spec]), lambda *_: Decision.CONTINUE))
    ended = [names for names in engine.taken if "files" in names or "result" in names]
    assert len(ended) == 5
    assert all(names[-2:] == ["files", "result"] for names in ended)
