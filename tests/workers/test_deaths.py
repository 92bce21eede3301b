"""Any process may be killed at any moment: no trial is lost, no epoch is told twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from objectives import BadInput, Data, Part
from objectives.training import Decision, Outcome, TrialSpec
from sweeps.workers import Pool, Reference
from sweeps.workers.crew import Crew
from tests.workers.scripts import Driver, Script, loss, make_spec

Start = Callable[..., Pool]
HERE = Path(__file__).parent


def server_pid(pool: Pool) -> int:
    crew: Any = pool._crew
    if not isinstance(crew, Crew):  # a fleet in this process: its first machine's
        crew = next(iter(crew._engine.hosts.values()))._crew
    return int(crew._server._process.pid)


def wait_for(what: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def whole(driver: Driver, trials: int, epochs: int) -> bool:
    return all(driver.epochs(n) == list(range(1, epochs + 1)) for n in range(trials))


def test_a_trial_goes_on_where_its_dead_worker_left_it(three: Pool, tmp_path: Path) -> None:
    driver, calm = Driver(three), Driver(three)
    scripts = [Script(die=1 + n, folder=str(tmp_path), pause=0.001) for n in range(6)]
    found = driver.train(scripts, rungs=(2, 4))
    expected = calm.train([Script()] * 6, rungs=(2, 4))
    assert whole(driver, 6, 6)
    assert driver.losses == calm.losses
    for number, result in found.items():
        assert result.outcome is Outcome.COMPLETE
        assert (result.value, result.best_epoch) == (
            expected[number].value,
            expected[number].best_epoch,
        )


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (signal.SIGKILL, "killed by SIGKILL, often for lack of memory"),
        (signal.SIGSEGV, "killed by SIGSEGV"),
    ],
)
def test_a_trial_that_kills_three_workers_fails_with_the_reason(
    start: Start, tmp_path: Path, how: signal.Signals, reason: str
) -> None:
    deadly = Script(die=3, deaths=3, signal=how, folder=str(tmp_path))
    with start(2) as pool:
        driver = Driver(pool)
        found = driver.train([Script(), deadly, Script()])
    assert found[1].outcome is Outcome.FAILED
    assert found[1].error == f"its worker died 3 times; the last time, it was {reason}"
    assert driver.epochs(1) == [1, 2]
    assert found[1].value == min(driver.losses[1, 1], driver.losses[1, 2])
    assert found[0].outcome is found[2].outcome is Outcome.COMPLETE


def test_a_trial_that_ends_its_process_fails_with_the_exit_code(one: Pool) -> None:
    result = Driver(one).train([Script(fault="exit")])[0]
    assert result.outcome is Outcome.FAILED
    assert "exit code 1" in (result.error or "")


def test_a_pruned_trial_whose_worker_dies_is_pruned(start: Start, tmp_path: Path) -> None:
    # Epochs 1 to 3 arrive together; the worker dies before it can read the decision on them.
    script = Script(die=3, folder=str(tmp_path))
    with start(1) as pool:
        driver = Driver(pool)
        driver.decide = lambda s, e: Decision.PRUNE if e == 1 else Decision.CONTINUE
        result = driver.train([script])[0]
    assert (result.outcome, result.epochs) == (Outcome.PRUNED, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_workers_killed_at_random_lose_and_double_nothing(start: Start, seed: int) -> None:
    rng, killed = random.Random(seed), 0
    with start(3) as pool:
        driver = Driver(pool)

        def decide(spec: TrialSpec, epoch: int) -> Decision:
            nonlocal killed
            if rng.random() < 0.01 and killed < 15:
                victims = psutil.Process(server_pid(pool)).children()
                if victims:
                    rng.choice(victims).kill()
                    killed += 1
            return Decision.CONTINUE

        driver.decide = decide
        found = driver.train([Script(pause=0.004)] * 25, max_epochs=40, rungs=(5, 10, 20))
    assert killed > 3
    assert len(found) == 25
    for number, result in found.items():
        if result.outcome is Outcome.FAILED:  # hit three times
            assert "SIGKILL" in (result.error or "")
        else:
            assert result.epochs == 40
        assert driver.epochs(number) == list(range(1, result.epochs + 1))
    assert driver.losses == {(n, e): loss(make_spec(n, Script()), e) for n, e in driver.losses}


def test_the_fork_server_is_replaced_with_its_workers(start: Start) -> None:
    with start(2) as pool:
        driver, killed = Driver(pool), []

        def decide(spec: TrialSpec, epoch: int) -> Decision:
            if (spec.number, epoch) == (2, 3):
                killed.append(server_pid(pool))
                os.kill(killed[0], signal.SIGKILL)
            return Decision.CONTINUE

        driver.decide = decide
        found = driver.train([Script(pause=0.005)] * 5)
        assert {r.outcome for r in found.values()} == {Outcome.COMPLETE}
        assert whole(driver, 5, 6)
        assert server_pid(pool) not in killed


def test_an_idle_worker_that_dies_is_replaced(start: Start) -> None:
    with start(1) as pool:
        assert len(Driver(pool).train([Script()])) == 1
        (victim,) = psutil.Process(server_pid(pool)).children()
        victim.kill()
        assert pool.evaluate(make_spec(5, Script()))["test_loss"] == 5.0
        assert len(Driver(pool).train([Script()])) == 1


def test_scoring_outlives_two_deaths_and_not_three(start: Start, tmp_path: Path) -> None:
    with start(1) as pool:
        twice = Script(die=1, deaths=2, folder=str(tmp_path))
        assert pool.evaluate(make_spec(5, twice))["test_loss"] == 5.0
        thrice = Script(die=1, deaths=3, folder=str(tmp_path))
        with pytest.raises(RuntimeError, match=r"trial 6 cannot be scored.*SIGKILL"):
            pool.evaluate(make_spec(6, thrice))


def test_closing_leaves_no_process(start: Start) -> None:
    pool = start(3)
    results = Driver(pool).results([Script(), *[Script(pause=5.0)] * 5])
    next(results)
    family = [psutil.Process(server_pid(pool))]
    family += family[0].children()
    began = time.monotonic()
    pool.close()
    assert not [p for p in family if p.is_running()]
    assert time.monotonic() - began < 4.0


DRIVER = """
    import sys
    from pathlib import Path
    from tests.workers import scripts
    from tests.workers.scripts import make_spec
    from objectives.training import Decision
    from sweeps.workers import Pool, Reference

    pool = Pool(Reference.of(scripts.SWEEP), 2, trainer=scripts.TRAINER, log=Path("sweep.log"))
    pool.data(Path(sys.argv[1]))
    specs = (make_spec(n, scripts.Script(pause=0.01), max_epochs=10**6) for n in range(9))
    def on_epoch(spec, epoch, logs):
        if epoch == 3:
            print(spec.number, flush=True)
        return Decision.CONTINUE
    for _ in pool.train(specs, on_epoch):
        pass
"""


def drive(arrays: Path, folder: Path) -> subprocess.Popen[str]:
    script = folder / "driver.py"
    script.write_text(textwrap.dedent(DRIVER), encoding="utf-8")
    path = os.pathsep.join([str(HERE.parents[1])])
    return subprocess.Popen(
        [sys.executable, str(script), str(arrays)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    assert process.stdout is not None
    assert {process.stdout.readline(), process.stdout.readline()} == {"0\n", "1\n"}
    found = psutil.Process(process.pid).children(recursive=True)
    assert len(found) == 3
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_driver(arrays: Path, tmp_path: Path, how: signal.Signals) -> None:
    with drive(arrays, tmp_path) as process:
        family = children(process)
        process.send_signal(how)
        wait_for(lambda: not [p for p in family if p.is_running() and p.status() != "zombie"])


def test_a_stopped_worker_ends_with_its_driver(arrays: Path, tmp_path: Path) -> None:
    with drive(arrays, tmp_path) as process:
        family = children(process)
        for one in family:
            one.suspend()
        process.kill()
        wait_for(lambda: not [p for p in family if p.is_running() and p.status() != "zombie"])


def test_a_module_that_cannot_be_imported_ends_the_pool(start: Start, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import no_such_module_at_all\n", encoding="utf-8")
    reference = Reference(file=str(tmp_path / "broken.py"))
    log = tmp_path / "sweep.log"
    with start(2, reference=reference, log=log) as pool:
        expected = "workers cannot start: ModuleNotFoundError: No module named .*sweep.log"
        with pytest.raises(RuntimeError, match=expected):
            Driver(pool).train([Script()])
    assert "broken.py" in log.read_text(encoding="utf-8")


def test_bad_data_are_bad_input(start: Start, tmp_path: Path) -> None:
    part = Part(np.zeros((3, 1)), np.zeros(3))
    Data(part, part, part).save(tmp_path)
    with start(1) as pool:
        pool.data(tmp_path)
        with pytest.raises(BadInput, match="3 rows: this trainer wants 2"):
            Driver(pool).train([Script()])


def test_workers_that_die_as_they_start_end_the_pool(start: Start, tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text("import os\nos.abort()\n", encoding="utf-8")
    reference = Reference(file=str(tmp_path / "deadly.py"))
    with start(2, reference=reference) as pool:
        with pytest.raises(RuntimeError, match="cannot start: it was killed by SIGABRT, 3 times"):
            Driver(pool).train([Script()])
        with pytest.raises(RuntimeError, match="closed"):
            Driver(pool).train([Script()])
