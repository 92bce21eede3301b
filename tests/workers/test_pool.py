"""A pool of real processes keeps a trainer's contract; nothing here needs TensorFlow."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectives import BadInput, Monitor
from objectives.training import Decision, Outcome, TrialResult, TrialSpec, UnknownMonitor
from sweeps.workers import Pool
from tests.workers import scripts
from tests.workers.scripts import Driver, Script, Scripted, make_spec

SLOW = Script(pause=0.02)
Start = Callable[..., Pool]


def alone() -> Driver:
    """Drive a trainer in this process."""
    return Driver(Scripted(scripts.OBJECTIVE, scripts.load(None)))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    decisions=st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(1, 6)),
        st.sampled_from([Decision.PRUNE, Decision.PRUNE, Decision.STOP]),
        max_size=4,
    ),
    rungs=st.sets(st.integers(1, 6)).map(lambda found: tuple(sorted(found))),
)
def test_one_worker_shows_what_a_trainer_in_this_process_shows(
    one: Pool, decisions: dict[tuple[int, int], Decision], rungs: tuple[int, ...]
) -> None:
    pooled, here = Driver(one), alone()
    ends = []
    for driver in (pooled, here):
        driver.decide = lambda s, e: decisions.get((s.number, e), Decision.CONTINUE)
        found = driver.train([Script()] * 4, rungs=rungs).values()
        ends.append([(r.outcome, r.value, r.best_epoch, r.epochs) for r in found])
    assert ends[0] == ends[1]
    assert pooled.events == here.events
    assert pooled.losses == here.losses


def test_many_workers_give_the_same_curves_each_in_order(three: Pool) -> None:
    pooled, here = Driver(three), alone()
    scripts = [Script(pause=0.002 * (n % 3)) for n in range(12)]
    found, expected = pooled.train(scripts), here.train(scripts)
    assert pooled.losses == here.losses
    assert {n: r.value for n, r in found.items()} == {n: r.value for n, r in expected.items()}
    assert all(pooled.epochs(n) == [1, 2, 3, 4, 5, 6] for n in range(12))
    assert len({r.extra["pid"] for r in found.values()}) > 1


def test_a_spec_is_taken_only_where_a_place_is_free(three: Pool) -> None:
    driver = Driver(three)
    driver.train([Script(pause=0.01 + 0.001 * (n % 4)) for n in range(15)])
    running = [0]
    for name, _, _ in driver.events:
        running.append(running[-1] + {"ask": 1, "tell": -1}.get(name, 0))
    assert max(running) == 3, "every place is filled"
    assert [name for name, _, _ in driver.events].count("tell") == 15


def test_a_result_is_told_before_its_place_is_filled(three: Pool) -> None:
    driver = Driver(three)
    told = 0
    for told, _ in enumerate(driver.results([Script()] * 9), 1):
        asked = sum(name == "ask" for name, _, _ in driver.events)
        assert asked <= told + 2
    assert told == 9


def test_rungs_stop_a_trial_where_it_is_and_others_as_soon_as_may_be(three: Pool) -> None:
    driver = Driver(three)
    driver.decide = lambda s, e: Decision.PRUNE if e == 3 and s.number else Decision.CONTINUE
    scripts = [Script(), Script(), SLOW]
    specs = [make_spec(n, s, max_epochs=50, rungs=(3,) * (n == 1)) for n, s in enumerate(scripts)]
    found = {r.spec.number: r for r in three.train(iter(specs), driver.on_epoch)}
    assert found[0].outcome is Outcome.COMPLETE
    for number in (1, 2):
        assert (found[number].outcome, found[number].epochs) == (Outcome.PRUNED, 3)
        assert driver.epochs(number) == [1, 2, 3]
        assert found[number].value == min(driver.losses[number, e] for e in (1, 2, 3))


def test_a_stop_interrupts_every_trial_and_takes_no_further_one(three: Pool) -> None:
    driver = Driver(three)
    stopped = False

    def decide(spec: TrialSpec, epoch: int) -> Decision:
        nonlocal stopped
        stopped = stopped or (spec.number, epoch) == (1, 2)
        return Decision.STOP if stopped else Decision.CONTINUE

    driver.decide = decide
    found = driver.train([SLOW] * 9, max_epochs=1000)
    assert {r.outcome for r in found.values()} == {Outcome.INTERRUPTED}
    assert set(found) == {0, 1, 2}
    for number, result in found.items():
        assert driver.epochs(number) == list(range(1, result.epochs + 1))
        assert result.epochs < 100


def test_a_closed_generator_leaves_idle_workers_that_train_again(three: Pool) -> None:
    driver = Driver(three)
    results = driver.results([Script()] + [Script(pause=0.01)] * 5, max_epochs=500)
    next(results)
    results.close()  # type: ignore[attr-defined]
    three.train(iter([]), driver.on_epoch)
    again, seen = Driver(three), len(driver.events)
    found = again.train([Script()] * 6)
    assert {r.outcome for r in found.values()} == {Outcome.COMPLETE}
    assert len(driver.events) == seen


def test_an_error_of_the_driver_passes_through_and_workers_go_on(three: Pool) -> None:
    driver = Driver(three)

    def decide(spec: TrialSpec, epoch: int) -> Decision:
        raise LookupError("the driver's own")

    driver.decide = decide
    with pytest.raises(LookupError, match="own"):
        driver.train([Script()] * 5)
    assert len(Driver(three).train([Script()] * 5)) == 5


def test_an_exception_of_a_trial_fails_it_alone(three: Pool) -> None:
    found = Driver(three).train([Script(), Script(fault="raise"), Script()])
    assert found[1].outcome is Outcome.FAILED
    assert (found[1].error or "").strip().endswith("ZeroDivisionError: scripted")
    assert found[0].outcome is found[2].outcome is Outcome.COMPLETE


def test_the_users_mistakes_are_raised_as_they_are(one: Pool) -> None:
    with pytest.raises(UnknownMonitor, match=r"'val_auc' is not a metric.*val_loss"):
        Driver(one).train([Script()], monitor=Monitor("val_auc", "max"))
    with pytest.raises(BadInput, match="no such weights"):
        Driver(one).train([Script(fault="bad")])
    with pytest.raises(BadInput, match="plain data"):
        Driver(one).train([Script(pinned=threading.Lock())])
    assert Driver(one).train([Script()])[0].outcome is Outcome.COMPLETE


def test_scores_come_from_any_idle_worker_even_between_two_results(one: Pool) -> None:
    spec = make_spec(7, Script())
    assert one.evaluate(spec)["test_loss"] == 7.0
    driver = Driver(one)
    for _ in driver.results([Script()] * 3):
        assert one.evaluate(spec)["test_loss"] == 7.0
    with pytest.raises(BadInput, match="no such weights"):
        one.evaluate(make_spec(7, Script(fault="bad")))
    with pytest.raises(RuntimeError, match="scripted"):
        one.evaluate(make_spec(7, Script(fault="raise")))


def test_an_average_comes_from_a_worker_and_is_empty_where_its_trainer_has_none(
    start: Start, one: Pool, tmp_path: Path
) -> None:
    nets = [TrialResult(make_spec(n, Script()), Outcome.COMPLETE, 0.5) for n in (4, 2)]
    assert one.average(nets, tmp_path) == {}
    with start(1, trainer=f"{scripts.TRAINER.partition(':')[0]}:Averaging") as pool:
        found = pool.average(nets, tmp_path, most=3, weights={4: 1.0}, model=tmp_path / "m")
        assert found.pop("pid") != os.getpid()
        # Of the paths the last part: on another machine they lead elsewhere.
        assert (found.pop("folder").name, found.pop("model").name) == (tmp_path.name, "m")
        assert found == {"numbers": [4, 2], "most": 3, "weights": {4: 1.0}}
        broken = [TrialResult(make_spec(1, Script(fault="raise")), Outcome.COMPLETE, 0.5)]
        with pytest.raises(RuntimeError, match="scripted"):
            pool.average(broken, tmp_path)
        assert pool.evaluate(make_spec(7, Script()))["test_loss"] == 7.0


def test_scores_are_refused_while_every_worker_trains(one: Pool) -> None:
    driver = Driver(one)
    driver.decide = lambda *_: one.evaluate(make_spec(1, Script())) and Decision.CONTINUE
    with pytest.raises(RuntimeError, match="every worker is training"):
        driver.train([Script()])


def test_a_known_structure_goes_to_the_worker_that_has_it(start: Start) -> None:
    with start(3) as pool:
        Driver(pool).train([SLOW] * 9)  # until all three are idle
        homes: dict[int, set[int]] = {}
        for turn, width in enumerate([7, 7, 8, 9, 9, 7, 8]):
            script = Script(width=width, rate=0.1 * turn)
            (result,) = Driver(pool).train([script]).values()
            homes.setdefault(width, set()).add(result.extra["pid"])
    # The second 7 shows that the rate is no part of a structure.
    assert len(homes[8]) == len(homes[9]) == 1
    assert len(homes[7]) <= 2


def test_a_swollen_worker_is_replaced_and_nothing_is_lost(start: Start) -> None:
    with start(2, growth=-1e6) as pool:
        driver = Driver(pool)
        found = driver.train([Script(pause=0.01)] * 50)
    pids = [result.extra["pid"] for result in found.values()]
    assert len(set(pids[:20])) == 2
    assert len(set(pids)) > 3  # both were replaced, or one of them twice
    assert all(driver.epochs(n) == [1, 2, 3, 4, 5, 6] for n in range(50))


def test_data_may_be_told_again_at_any_time(start: Start, arrays: Path) -> None:
    with start(2) as pool:
        for _ in range(3):
            pool.data(arrays)
            assert pool.evaluate(make_spec(4, Script()))["test_loss"] == 4.0
            pool.data(arrays)
            pool.data(arrays)
            assert len(Driver(pool).train([Script()] * 3)) == 3


def test_data_told_while_a_trial_is_given_up_are_not_lost(start: Start, arrays: Path) -> None:
    with start(1) as pool:
        driver = Driver(pool)
        for _ in range(5):
            results = driver.results([Script(), Script(pause=0.02)], max_epochs=20)
            next(results)
            results.close()  # type: ignore[attr-defined]
            pool.data(arrays)
            assert len(Driver(pool).train([Script()] * 2)) == 2


def test_what_a_dropped_end_left_behind_is_removed(one: Pool, tmp_path: Path) -> None:
    driver = Driver(one)
    driver.decide = lambda s, e: Decision.PRUNE if e == 1 else Decision.CONTINUE
    weights = tmp_path / "weights.npz"
    driver.train([Script(pause=0.0)], weights=weights)
    assert not weights.exists()


def test_a_pool_says_what_it_needs(start: Start, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="0 workers"):
        start(0)
    pool = start(1)
    pool.close()
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        pool.evaluate(make_spec(1, Script()))
    assert list(itertools.islice(tmp_path.iterdir(), 1)) == []
