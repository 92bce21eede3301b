"""What an autoscaler is asked for: the room that lacks, and nothing once it is there."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeps.workers import Reference
from sweeps.workers.orders import Orders

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="[ray] is not installed")


@dataclass(eq=False)
class Task:
    resources: dict[str, Any]
    done: bool = False


class Tasks:
    """Ray, as far as tasks go: they wait until they are done here, or cancelled."""

    def __init__(self) -> None:
        self.waiting: list[Task] = []

    def remote(self, function: Any) -> Any:
        def options(**given: Any) -> Any:
            return SimpleNamespace(remote=lambda: self._made(given))

        return SimpleNamespace(options=options)

    def _made(self, resources: dict[str, Any]) -> Task:
        self.waiting.append(Task(resources))
        return self.waiting[-1]

    def wait(self, tasks: list[Task], *, num_returns: int, timeout: float) -> Any:
        assert (num_returns, timeout) == (len(tasks), 0)
        return [one for one in tasks if one.done], [one for one in tasks if not one.done]

    def cancel(self, task: Task) -> None:
        self.waiting.remove(task)

    def run(self, count: int) -> None:
        """A machine has come with room for so many."""
        for task in self.waiting[:count]:
            task.done = True
        del self.waiting[:count]


@pytest.mark.parametrize(
    ("device", "per_gpu", "tasks"), [("cpu", 1, 10), ("gpu", 1, 10), ("gpu", 4, 3)]
)
def test_tasks_wait_for_the_room_that_lacks(
    monkeypatch: pytest.MonkeyPatch, device: str, per_gpu: int, tasks: int
) -> None:
    from sweeps.cluster import ray_demand

    cluster = Tasks()
    monkeypatch.setattr(ray_demand, "ray", cluster)
    reference = Reference(module="tests.workers.scripts")
    orders = Orders(reference, "auto", device, 1, Path("log"), 100.0, per_gpu)
    demand = ray_demand.Demand(orders)
    for _ in range(3):
        demand.bring_to(10)
        assert len(cluster.waiting) == tasks
    needs = cluster.waiting[0].resources
    assert (needs["num_cpus"], needs["num_gpus"]) == ((1, 0) if device == "cpu" else (0, 1))
    cluster.run(2)
    demand.bring_to(10 - 2 * per_gpu)
    assert len(cluster.waiting) == tasks - 2
    demand.bring_to(per_gpu)
    assert len(cluster.waiting) == 1
    demand.bring_to(0)
    demand.bring_to(-3)  # more workers fit on the last machine than were wanted
    assert cluster.waiting == []
