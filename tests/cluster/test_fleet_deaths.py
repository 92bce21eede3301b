"""What dies, what is lost and what comes late: no trial is lost, none is told twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from objectives.training import Decision, Outcome, TrialSpec
from sweeps.cluster.engine import Answered, Ended, Gone, Joined, Said
from sweeps.cluster.host import Host
from sweeps.workers import Pool, Reference
from sweeps.workers.orders import Orders
from tests.cluster.in_process import InProcess
from tests.workers import scripts
from tests.workers.scripts import Driver, Script, loss, make_spec
from tests.workers.test_deaths import (  # noqa: F401  # the same tests
    test_a_module_that_cannot_be_imported_ends_the_pool,
    test_a_pruned_trial_whose_worker_dies_is_pruned,
    test_a_trial_goes_on_where_its_dead_worker_left_it,
    test_a_trial_that_ends_its_process_fails_with_the_exit_code,
    test_a_trial_that_kills_three_workers_fails_with_the_reason,
    test_an_idle_worker_that_dies_is_replaced,
    test_bad_data_are_bad_input,
    test_closing_leaves_no_process,
    test_scoring_outlives_two_deaths_and_not_three,
    test_the_fork_server_is_replaced_with_its_workers,
    test_workers_that_die_as_they_start_end_the_pool,
    wait_for,
)

Start = Callable[..., Pool]
SLOW = Script(pause=0.02)


def whole(driver: Driver, numbers: Any, epochs: int) -> bool:
    return all(driver.epochs(n) == list(range(1, epochs + 1)) for n in numbers)


@pytest.mark.parametrize("seed", range(3))
def test_calls_that_are_lost_lose_and_double_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("sweeps.cluster.fleet.AGAIN", 0.005)
    monkeypatch.setattr("sweeps.cluster.fleet.TICK", 0.01)
    engine = InProcess(lost=0.6, seed=seed)
    with start(3, engine) as pool:
        driver = Driver(pool)
        driver.decide = lambda s, e: (
            Decision.PRUNE if (s.number % 3, e) == (1, 2) else Decision.CONTINUE
        )
        found = driver.train([Script(pause=0.001)] * 12, rungs=(2, 4))
    assert engine.missed > 10
    assert whole(driver, [n for n in range(12) if n % 3 != 1], 6)
    assert whole(driver, [n for n in range(12) if n % 3 == 1], 2)
    assert driver.losses == {(n, e): loss(make_spec(n, Script()), e) for n, e in driver.losses}
    tells = [number for name, number, _ in driver.events if name == "tell"]
    assert sorted(tells) == list(range(12))
    assert len(found) == 12


def test_the_trials_of_a_lost_machine_are_not_blamed(start: Start) -> None:
    engine, said = InProcess(each=1), []
    with start(2, engine, say=said.append) as pool:
        driver, killed = Driver(pool), []

        def decide(spec: TrialSpec, epoch: int) -> Decision:
            if spec.number == 1 and epoch == 2 + len(killed) and len(killed) < 4:
                slot = next(s for s, task in pool._run.at.items() if task.spec.number == 1)  # type: ignore[union-attr]
                killed.append(slot.machine.key)
                engine.kill(killed[-1])
                engine.add(1)
            return Decision.CONTINUE

        driver.decide = decide
        found = driver.train([SLOW] * 4, max_epochs=8, rungs=(2, 3, 4, 5))
    assert len(killed) == 4  # more often than a trial may kill its worker
    assert {result.outcome for result in found.values()} == {Outcome.COMPLETE}
    assert whole(driver, range(4), 8)
    assert driver.losses == {(n, e): loss(make_spec(n, Script()), e) for n, e in driver.losses}
    assert sum("is gone: it was killed; 1 of its trials run again" in line for line in said) == 4


def test_a_trial_that_takes_every_machine_with_it_fails(start: Start) -> None:
    engine = InProcess(each=1)
    with start(1, engine) as pool:
        driver, killed = Driver(pool), []

        def decide(spec: TrialSpec, epoch: int) -> Decision:
            if spec.number == 0:
                killed.append(next(iter(engine.hosts)))
                engine.kill(killed[-1])
                engine.add(1)
            return Decision.CONTINUE

        driver.decide = decide
        found = driver.train([SLOW] * 2, max_epochs=30)
    assert found[0].outcome is Outcome.FAILED
    assert "its machine was lost 10 times" in (found[0].error or "")
    assert found[1].outcome is Outcome.COMPLETE


def test_late_words_of_a_machine_that_is_gone_are_ignored(start: Start) -> None:
    engine = InProcess(each=1)
    with start(2, engine) as pool:
        driver, lost = Driver(pool), []

        def decide(spec: TrialSpec, epoch: int) -> Decision:
            if (spec.number, epoch) == (0, 3) and not lost:
                # The network to it is gone: it trains on, and is heard again later.
                lost.append(next(iter(engine.hosts)))
                engine.say(Gone(lost[0], "no network"))
                late = [("epochs", 1, 4, [{"val_loss": -9.0, "learning_rate": 0.1}], False)]
                engine.say(Answered(lost[0], "take", (1, late)))
            return Decision.CONTINUE

        driver.decide = decide
        found = driver.train([SLOW] * 4)
    assert {result.outcome for result in found.values()} == {Outcome.COMPLETE}
    assert whole(driver, range(4), 6)
    assert min(driver.losses.values()) > 0


def test_a_repeated_answer_is_heard_once(start: Start) -> None:
    with start(1) as pool:
        driver, fleet = Driver(pool), pool._crew
        told = fleet._engine.wait  # type: ignore[attr-defined]

        def twice(seconds: float) -> list[Any]:
            return [
                event for event in told(seconds) for _ in range(1 + isinstance(event, Answered))
            ]

        fleet._engine.wait = twice  # type: ignore[attr-defined]
        assert len(driver.train([Script()] * 5)) == 5
    assert whole(driver, range(5), 6)


def test_machines_that_come_later_are_used(start: Start) -> None:
    engine = InProcess(each=1)
    with start(1, engine) as pool:
        driver = Driver(pool)
        assert pool.places == 1

        def decide(spec: TrialSpec, epoch: int) -> Decision:
            if (spec.number, epoch) == (0, 1):
                engine.add(2)
            return Decision.CONTINUE

        driver.decide = decide
        results, pids = driver.results([Script(pause=0.005)] * 10_000), set()
        while len(pids) < 3:
            pids.add(next(results).extra["pid"])
        assert pool.places == 3


def test_a_sweep_without_machines_waits_says_so_and_ends(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.cluster.fleet.PATIENCE", 0.3)
    engine, said = InProcess(), []
    with start(1, engine, say=said.append) as pool:
        driver = Driver(pool)
        driver.decide = lambda s, e: (engine.hosts and engine.kill("host-0")) or Decision.CONTINUE
        with pytest.raises(RuntimeError, match="no machine of the cluster is there for"):
            driver.train([SLOW], rungs=(2,))
        with pytest.raises(RuntimeError, match="closed"):
            driver.train([SLOW])
    assert any("no machine is left: waiting" in line for line in said)


class Full(InProcess):
    """Has no room until somebody adds a machine."""

    def start(self, orders: Orders, places: int) -> int:
        self._orders = orders
        return 0


def test_a_sweep_for_which_there_is_no_room_waits_and_says_so(start: Start) -> None:
    engine, said = Full(), []
    with start(2, engine, say=said.append) as pool:
        assert said == ["no machine has room for a worker: waiting up to 600 s for one"]
        engine.add(1)
        assert len(Driver(pool).train([Script()] * 2)) == 2


def test_a_time_limit_ends_the_wait_for_the_first_machine(start: Start) -> None:
    late = threading.Event()
    late.set()
    with (
        start(1, Full(), over=late.is_set) as pool,
        pytest.raises(RuntimeError, match="the time limit is reached, and no machine"),
    ):
        Driver(pool).train([SLOW])
    with start(1, InProcess(), over=late.is_set) as pool:  # then the loop looks at the time
        assert len(Driver(pool).train([Script()])) == 1


def test_what_the_engine_says_is_passed_on_and_its_end_ends_the_sweep(start: Start) -> None:
    engine, said = InProcess(), []
    with start(1, engine, say=said.append) as pool:
        driver = Driver(pool)
        assert len(driver.train([Script()])) == 1
        engine.say(Said("the cluster is busy"))
        engine.say(Ended("it was taken down"))
        with pytest.raises(RuntimeError, match="it was taken down"):
            driver.train([SLOW] * 3, max_epochs=10**6)
    assert "the cluster is busy" in said


def test_a_machine_with_other_versions_is_named_once(start: Start) -> None:
    engine, said = InProcess(each=1), []
    with start(1, engine, say=said.append) as pool:
        for key in ("a", "b"):
            engine.say(Joined(key, "node-7", 1, "/nowhere", {"keras": "3.0.0"}))
        Driver(pool).train([Script()] * 3)
        engine.say(Gone("a", "over"))
        engine.say(Gone("b", "over"))
    (line,) = [line for line in said if "versions" in line]
    assert line.startswith("machine node-7 has other versions, so its curves may differ: keras-sw")
    assert "keras 3.0.0 (" in line


def test_a_host_ends_itself_when_its_driver_is_silent(tmp_path: Path) -> None:
    left: list[bool] = []
    orders = Orders(
        Reference(module="tests.workers.scripts"), scripts.TRAINER, "cpu", 1, tmp_path / "log"
    )
    host = Host(orders, 1, lambda name, to: None, deserted=lambda: left.append(True), lease=900.0)
    wait_for(lambda: host._crew is not None)
    server = psutil.Process(host._crew._server._process.pid)  # type: ignore[union-attr]
    assert host.take(0, patience=0.0) == (1, [])
    host._heard_of -= 800.0
    assert host.tell(1, []) == 0  # a word of the driver
    host._heard_of -= 800.0
    assert not left
    host._heard_of -= 800.0
    wait_for(lambda: bool(left))
    wait_for(lambda: not server.is_running() or server.status() == "zombie")
    assert not host.root.exists()
