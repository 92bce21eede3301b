"""A Ray cluster on this machine, run as a process of its own; it ends with its standard input.

`python ray_cluster.py NODES PORT` prints its address, then does what is asked, a line each: `kill`
(the oldest machine, at once), `add` (a machine). It takes drivers from outside at PORT, if that is
not 0; of two clusters on a machine only one can, since Ray has fixed ports for it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]
SMALL = {"object_store_memory": 150 << 20, "include_dashboard": False}
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1"}


def serve(count: int, port: int) -> None:
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "ray_client_server_port": port or None, **SMALL}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=1, **SMALL) for _ in range(count)]
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(nodes.pop(0), allow_graceful=False)
        else:
            nodes.append(cluster.add_node(num_cpus=1, **SMALL))
        print("done", flush=True)
    cluster.shutdown()


class RayCluster:
    """The process above."""

    def __init__(self, nodes: int, log: Path, *, outside: bool = False) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1] if outside else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(nodes), str(port)],
                env={**os.environ, **QUIET, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        self.pid = self._process.pid
        self.address = self._answer()
        assert ":" in self.address, log.read_text()
        if outside:
            self.address = f"ray://127.0.0.1:{port}"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def do(self, what: str) -> None:
        """Kill or add a machine."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        assert self._answer() == "done"

    def __enter__(self) -> RayCluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=60)


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:]))
