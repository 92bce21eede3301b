"""A network that is slow or cut: calls hang, and no trial is lost, doubled or blamed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from objectives.training import Decision, Outcome, TrialSpec
from sweeps.workers import Pool
from tests.workers.scripts import Driver, Script, loss, make_spec
from tests.workers.test_deaths import wait_for

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="[ray] is not installed")
Start = Callable[..., Pool]
TRIALS, EPOCHS = 4, 12


def whole(driver: Driver) -> bool:
    every = {(n, e) for n in range(TRIALS) for e in range(1, EPOCHS + 1)}
    expected = {(n, e): loss(make_spec(n, Script()), e) for n, e in every}
    asks = [number for name, number, _ in driver.events if name == "ask"]
    epochs = [(number, epoch) for name, number, epoch in driver.events if name == "epoch"]
    return driver.losses == expected and asks == [*range(TRIALS)] and len(epochs) == len(every)


@pytest.mark.parametrize(
    ("seconds", "ends", "lost"),
    [(25, False, False), (45, True, True), (90, True, True)],
    ids=["shorter than a host waits", "longer than a host waits", "longer than the driver waits"],
)
def test_a_network_that_is_cut(
    start: Start, monkeypatch: pytest.MonkeyPatch, seconds: int, ends: bool, lost: bool
) -> None:
    from tests.cluster.over_agent import OverAgent

    engine, said, cut = OverAgent(monkeypatch, machines=2), [], []

    def away() -> None:
        network = engine.networks["node-0"]
        engine.pass_time(seconds)
        if ends:
            wait_for(lambda: engine.actors[0].ended)
        network.up.set()  # what was on its way arrives now
        engine.pass_time(10)

    with start(2, engine, say=said.append) as pool:
        driver = Driver(pool)

        def decide(spec: TrialSpec, epoch: int) -> Decision:
            slot = next(s for s, task in pool._run.at.items() if task.spec is spec)  # type: ignore[union-attr]
            if epoch == 3 and slot.machine.name == "node-0" and not cut:
                engine.networks["node-0"].up.clear()
                cut.append(threading.Thread(target=away))
                cut[0].start()
            return Decision.CONTINUE

        driver.decide = decide
        found = driver.train([Script(pause=0.03)] * TRIALS, max_epochs=EPOCHS, rungs=(6,))
        cut[0].join()
        assert engine.actors[0].ended is ends
    assert {result.outcome for result in found.values()} == {Outcome.COMPLETE}
    assert whole(driver)
    assert engine.stuck == []
    gone = [line for line in said if "is gone" in line]
    assert len(gone) == lost
    assert all("machine node-0 is gone" in line and "1 of its trials run" in line for line in gone)


def test_a_network_that_is_slow(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cluster.over_agent import OverAgent

    engine, said = OverAgent(monkeypatch, machines=3, slow=0.1), []
    with start(3, engine, say=said.append) as pool:
        driver = Driver(pool)
        found = driver.train([Script()] * TRIALS, max_epochs=EPOCHS, rungs=(2, 6))
    assert {result.outcome for result in found.values()} == {Outcome.COMPLETE}
    assert whole(driver)
    assert engine.stuck == []
    assert said == []
