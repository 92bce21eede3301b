"""A fleet on a Ray cluster of three machines, all of them on this one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from objectives import BadInput
from objectives.training import Decision, Outcome, TrialSpec
from sweeps.cluster import ALL, Fleet
from sweeps.cluster.ray_engine import RayEngine
from sweeps.workers import Pool, Reference
from tests.cluster.ray_cluster import QUIET, ROOT, SMALL, RayCluster
from tests.workers import scripts
from tests.workers.scripts import Driver, Script, loss, make_spec
from tests.workers.test_deaths import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra [ray] is not installed"),
]
Start = Callable[..., Pool]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    with RayCluster(3, tmp_path_factory.mktemp("ray") / "log") as found:
        yield found


def on_ray(address: str, folder: Path, workers: int = ALL, **options: Any) -> Pool:
    log = folder / "sweep.log"
    say = options.pop("say", print)
    crew = partial(Fleet, RayEngine(address, log, say=say), say=say)
    reference = options.pop("reference", Reference(module="tests.workers.scripts"))
    options = {"trainer": scripts.TRAINER} | options
    return Pool(reference, workers, log=log, crew=crew, **options)


def right(driver: Driver, trials: int, epochs: int) -> bool:
    return all(driver.epochs(n) == [*range(1, epochs + 1)] for n in range(trials)) and (
        driver.losses == {(n, e): loss(make_spec(n, Script()), e) for n, e in driver.losses}
    )


def test_machines_are_lost_and_come_while_trials_run(
    cluster: RayCluster, arrays: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    with on_ray(cluster.address, tmp_path, say=said.append) as pool:
        assert pool.places == 3
        pool.data(arrays)
        driver, done = Driver(pool), []

        def decide(spec: TrialSpec, epoch: int) -> Decision:
            if epoch == 5 and spec.number in (4, 6) and spec.number not in done:
                done.append(spec.number)
                cluster.do("kill" if spec.number == 4 else "add")
            return Decision.CONTINUE

        driver.decide = decide
        found = driver.train([Script(pause=0.05)] * 16, max_epochs=20, rungs=(10,))
        pids = {result.extra["pid"] for result in found.values()}
        assert pool.evaluate(make_spec(7, Script()))["test_loss"] == 7.0
    assert {result.outcome for result in found.values()} == {Outcome.COMPLETE}
    assert right(driver, 16, 20)
    assert len(pids) > 1
    assert any("is gone: its processes have ended" in line for line in said)
    assert not [pid for pid in pids if psutil.pid_exists(pid) and runs(psutil.Process(pid))]


def test_a_cluster_that_is_taken_is_waited_for(
    cluster: RayCluster, arrays: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    first = on_ray(cluster.address, tmp_path)
    first.data(arrays)
    assert len(Driver(first).train([Script()] * 3)) == 3  # it has all machines

    def hear(line: str) -> None:
        said.append(line)
        first.close()

    with on_ray(cluster.address, tmp_path, say=hear) as second:
        second.data(arrays)
        assert len(Driver(second).train([Script()] * 3)) == 3
    assert any("all of the cluster is taken: waiting" in line for line in said)


def runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


DRIVER = """
import sys
from pathlib import Path
from tests.cluster.test_ray import on_ray
from tests.workers.scripts import Script, make_spec
from objectives.training import Decision

if __name__ == "__main__":
    pool = on_ray(sys.argv[1], Path.cwd(), 2)
    pool.data(Path(sys.argv[2]))
    specs = (make_spec(n, Script(pause=0.01), max_epochs=10**6) for n in range(9))
    seen = set()
    def on_epoch(spec, epoch, logs):
        if spec.number not in seen:
            seen.add(spec.number)
            print(spec.number, flush=True)
        return Decision.CONTINUE
    for _ in pool.train(specs, on_epoch):
        pass
"""


def working(*parents: int) -> list[psutil.Process]:
    """The processes of workers, of their fork servers and of Ray's agent below others."""
    found = []
    for parent in parents:
        for process in psutil.Process(parent).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                command = " ".join(process.cmdline())
                if "sweeps.workers.process" in command or "sweeps.cluster.ray_agent" in command:
                    found.append(process)
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_of_a_driver_that_ends(
    cluster: RayCluster, arrays: Path, tmp_path: Path, how: signal.Signals
) -> None:
    (tmp_path / "driver.py").write_text(DRIVER, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "driver.py", cluster.address, str(arrays)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert {process.stdout.readline(), process.stdout.readline()} == {"0\n", "1\n"}
        family = working(process.pid, cluster.pid)
        assert len(family) == 5  # the agent, and on each of two machines a server and a worker
        process.send_signal(how)
    wait_for(lambda: not any(map(runs, family)), 30)


def test_what_is_wrong_with_a_cluster_is_said_in_one_line(
    cluster: RayCluster, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for address, workers, expected in (
        (f"127.0.0.1:{port}", 1, "nothing answers there"),
        ("head", 1, "it must be auto, HOST:PORT or ray://HOST:PORT"),
    ):
        with pytest.raises(BadInput, match=expected) as error:
            on_ray(address, tmp_path, workers)
        assert "\n" not in str(error.value)
    with pytest.raises(BadInput, match="the cluster has no GPU"):
        on_ray(cluster.address, tmp_path, device="gpu")


def test_a_sweep_that_is_a_file_reaches_the_machines(
    cluster: RayCluster, arrays: Path, tmp_path: Path
) -> None:
    """Its own folder is not theirs: they import a copy, and know its classes by the same name."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "helper.py").write_text("from tests.workers.scripts import *\n", encoding="utf-8")
    (home / "mine.py").write_text(
        "import dataclasses\nimport os\n"
        "from helper import OBJECTIVE, Script, Scripted, Sweep\n\n"
        "@dataclasses.dataclass(frozen=True)\nclass Mine(Script):\n    pass\n\n"
        "class Here(Scripted):\n    def evaluate(self, spec, model=None):\n"
        "        return {'test_loss': float(type(spec.config).__module__ == __name__),\n"
        "                'here': float(__file__ == " + repr(str(home / "mine.py")) + ")}\n\n"
        "SWEEP = Sweep('mine', OBJECTIVE)\n",
        encoding="utf-8",
    )
    (home / "large.csv").write_bytes(b"x" * (2 << 20))
    reference = Reference(file=str(home / "mine.py"))
    mine = reference.imported()
    trainer = f"{mine.__name__}:Here"
    with on_ray(cluster.address, tmp_path, 1, reference=reference, trainer=trainer) as pool:
        pool.data(arrays)
        assert pool.evaluate(make_spec(1, mine.Mine())) == {"test_loss": 1.0, "here": 0.0}


def head(port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    command += [f"--port={port}", "--num-cpus=1", "--include-dashboard=false"]
    command += [f"--object-store-memory={SMALL['object_store_memory']}"]
    return subprocess.Popen(
        command,
        env={**os.environ, **QUIET, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family.append(psutil.Process(process.pid))
        family += family[0].children(recursive=True)
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def test_a_cluster_that_starts_anew_is_waited_for(arrays: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    heads, said = [head(port)], []
    try:
        while not listens(port):
            time.sleep(0.2)
        time.sleep(5.0)
        with on_ray(f"127.0.0.1:{port}", tmp_path, 1, say=said.append) as pool:
            pool.data(arrays)
            driver = Driver(pool)

            def decide(spec: TrialSpec, epoch: int) -> Decision:
                if (spec.number, epoch) == (1, 5) and len(heads) == 1:
                    end(heads[0])
                    heads.append(head(port))
                return Decision.CONTINUE

            driver.decide = decide
            found = driver.train([Script(pause=0.05)] * 3, max_epochs=10, rungs=(5,))
    finally:
        for one in heads:
            end(one)
    assert {result.outcome for result in found.values()} == {Outcome.COMPLETE}
    assert right(driver, 3, 10)
    assert any("is gone: waiting up to 300 s until it is back" in line for line in said)
    assert any("is back" in line for line in said)
