"""The machines of a Ray cluster, and how many places each one gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.workers.machine import BYTES_EACH
from sweeps.workers.orders import Orders


@dataclass(frozen=True)
class Node:
    """A machine. cores: that are free. places: that fit there now. total: if it were idle."""

    key: str
    name: str
    cores: int
    places: int
    total: int


def free_of(orders: Orders) -> list[Node]:
    """Return the machines of the cluster that this process is connected to."""
    import ray
    from ray._private.state import available_resources_per_node

    free = available_resources_per_node()
    found = []
    for node in ray.nodes():
        if not node["Alive"]:
            continue
        key, all_of = node["NodeID"], node["Resources"]
        now = free.get(key, {})
        found.append(
            Node(
                key,
                f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})",
                int(now.get("CPU", 0)),
                _places(now, orders),
                _places(all_of, orders),
            )
        )
    return found


def _places(resources: dict[str, float], orders: Orders) -> int:
    """Return the workers that fit: one per core, or so many per GPU, with 1.5 GB each."""
    if orders.device == "gpu":
        return int(resources.get("GPU", 0)) * orders.per_gpu
    return min(int(resources.get("CPU", 0)), int(resources.get("memory", 0) / BYTES_EACH))


def plan(nodes: Sequence[Node], wanted: int) -> list[tuple[Node, int]]:
    """Spread places over machines as evenly as their room allows."""
    room = sorted((node for node in nodes if node.places > 0), key=lambda node: node.places)
    found = []
    for done, node in enumerate(room):
        places = min(node.places, -(-wanted // (len(room) - done)))
        wanted -= places
        if places > 0:
            found.append((node, places))
    return found
