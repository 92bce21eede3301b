"""What Ray's autoscaler is asked for: tasks that wait for a core or a GPU, and then do nothing.

They end with the process that asks, whatever ends it. `ray.autoscaler.sdk.request_resources` asks
until someone else does: a driver that dies would leave machines running that nobody uses, and two
sweeps would take back what the other has asked for.
"""

from __future__ import annotations

from typing import Any

import ray

from sweeps.workers.orders import Orders


class Demand:
    """Room for workers that a cluster lacks."""

    def __init__(self, orders: Orders) -> None:
        gpu = orders.device == "gpu"
        self._each = orders.per_gpu if gpu else 1  # workers that a task stands for
        self._task = ray.remote(_nothing).options(
            num_cpus=0 if gpu else 1, num_gpus=1 if gpu else 0, max_retries=0
        )
        self._waiting: list[Any] = []

    def bring_to(self, workers: int) -> None:
        """Ask for room for so many workers, no more and no less."""
        if self._waiting:
            every = len(self._waiting)
            _, self._waiting = ray.wait(self._waiting, num_returns=every, timeout=0)
        tasks = max(0, -(-workers // self._each))
        while len(self._waiting) > tasks:
            ray.cancel(self._waiting.pop())
        while len(self._waiting) < tasks:
            self._waiting.append(self._task.remote())


def _nothing() -> None:
    """Run where there is room."""
