"""What a trial's epoch costs: `model.fit`, `fit` with steps_per_execution=50, and by XLA.

    python benchmarks/epoch_cost.py

Every process has one thread. With P processes at once, the figure is the time over the epochs of
all of them. Rows: as the two questions have them (40,000 + 10,000 in batches of 200; 202 + 1,000
in batches of 32), and 1,888 + 472 sequences of 100 steps x 6 channels in batches of 32.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
MODES = ("fit", "fit x50", "compiled")


@dataclass(frozen=True)
class Net:
    """units: of the hidden layers. steps: of a sequence, 0 for a table. target: times faster."""

    units: tuple[int, ...]
    steps: int
    inputs: int
    outputs: int
    rows: tuple[int, int]
    epochs: tuple[int, int]  # measured with fit, compiled
    target: float

    def flops(self) -> float:
        """Return the matrix products' operations in an epoch: forward, backward, validation."""
        sizes = [self.inputs, *self.units]
        gates = 4 if self.steps else 1
        layers = [
            (max(self.steps, 1), (fan_in + (units if self.steps else 0)) * units * gates)
            for fan_in, units in zip(sizes, self.units, strict=False)
        ]
        layers.append((1, sizes[-1] * self.outputs))
        forward = sum(2.0 * times * products for times, products in layers)
        inputs = 2.0 * max(self.steps, 1) * self.inputs * self.units[0] * gates  # no gradient
        training, validation = self.rows
        return training * (3.0 * forward - inputs) + validation * forward


TABLE, DIGITS, SERIES = (40_000, 10_000), (202, 1_000), (1_888, 472)
NETS = {
    "64-16-16-1": Net((16, 16), 0, 64, 1, TABLE, (5, 60), 15),
    "64-64-64-1": Net((64, 64), 0, 64, 1, TABLE, (5, 40), 8),
    "64-128-128-128-1": Net((128,) * 3, 0, 64, 1, TABLE, (5, 15), 2.5),
    "LSTM(15) x 3, 3 steps": Net((15,) * 3, 3, 1, 2, DIGITS, (8, 100), 18),
    "LSTM(32), 100 steps": Net((32,), 100, 6, 2, SERIES, (3, 8), 4),
}


def case(net: Net) -> tuple[Any, Any, Any]:
    """Return the objective, its data and the config of a net."""
    import numpy as np

    from objectives import Data, Part
    from objectives.dense_binary import DENSE_BINARY
    from objectives.lstm_recall import LSTM_RECALL
    from search_spaces.dense import Dense
    from search_spaces.lstm import Lstm

    if not net.steps:
        return DENSE_BINARY, DENSE_BINARY.embedded, Dense(net.units[0], len(net.units))
    config = Lstm(units=net.units[0], layers=len(net.units))
    if net.steps == 3:
        return LSTM_RECALL, LSTM_RECALL.embedded, config
    rng = np.random.default_rng(0)

    def part(rows: int) -> Part:
        x = rng.standard_normal((rows, net.steps, net.inputs), dtype=np.float32)
        return Part(x, (x[..., 0].sum(axis=1) > 0).astype(np.int32))

    training, validation = map(part, net.rows)
    data = Data(training, validation, validation, details={"classes": ["0", "1"]})
    return LSTM_RECALL, data, config


def seconds(name: str, mode: str) -> float:
    """Return the median time of an epoch, the first one left out."""
    import keras

    from objectives.training import Decision, TrialSpec, here

    net = NETS[name]
    objective, data, config = case(net)
    took: list[float] = []
    epochs = 1 + net.epochs[mode == "compiled"]
    if mode == "compiled":

        def on_epoch(_: TrialSpec, __: int, logs: dict[str, float]) -> Decision:
            took.append(logs["epoch_seconds"])
            return Decision.CONTINUE

        (result,) = here(objective, data, "xla").train(
            iter([TrialSpec(0, config, 1, epochs)]), on_epoch
        )
        if result.error or result.fallback:
            raise RuntimeError(result.error or result.fallback)
        return statistics.median(took[1:])

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            took.append(time.perf_counter() - self.started)

    keras.utils.set_random_seed(1)
    model = objective.build(config, data)
    if mode == "fit x50":
        model.steps_per_execution = 50
    model.fit(
        data.train.x,
        data.train.y,
        batch_size=objective.batch(config),
        epochs=epochs,
        validation_data=(data.validation.x, data.validation.y),
        callbacks=[Watch()],
        verbose=0,
    )
    return statistics.median(took[1:])


def peak(*_: str) -> float:
    """Return the seconds of one floating-point operation in a large matrix product."""
    import numpy as np

    size, best = 1024, float("inf")
    a = np.ones((size, size), np.float32)
    for _round in range(20):
        started = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - started)
    return best / (2.0 * size**3)


def worker(tasks: Any, answers: Any) -> None:
    """Measure what is asked for, until None is."""
    from objectives.training.environment import prepare_environment
    from sweeps.cli.logs import chatter_to

    prepare_environment(threads=1, device="cpu")
    with chatter_to(Path(os.devnull)):
        import keras  # noqa: F401  (before the first measurement)

        while (task := tasks.get()) is not None:
            answers.put({"peak": peak, "epoch": seconds}[task[0]](*task[1:]))


class Team:
    """Processes of one thread each, kept for the whole run."""

    def __init__(self, size: int) -> None:
        os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        spawn = multiprocessing.get_context("spawn")
        self.tasks = [spawn.Queue() for _ in range(size)]
        self.answers = spawn.Queue()
        self.processes = [
            spawn.Process(target=worker, args=(tasks, self.answers), daemon=True)
            for tasks in self.tasks
        ]
        for process in self.processes:
            process.start()

    def measure(self, size: int, *task: str) -> float:
        """Return the seconds of one unit of work, over all of `size` processes at once."""
        for tasks in self.tasks[:size]:
            tasks.put(task)
        return 1.0 / sum(1.0 / self.answers.get(timeout=1800) for _ in range(size))

    def close(self) -> None:
        """End the processes."""
        for tasks in self.tasks:
            tasks.put(None)
        for process in self.processes:
            process.join(30)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    team = Team(max(options.processes))
    for size in options.processes:
        team.measure(size, "peak")  # all are there now
        flop = team.measure(size, "peak")
        print(f"\n{size} process(es) of one thread, {1e-9 / flop:.0f} GFLOP/s in large products")
        heads = "".join(f"{mode:>10}" for mode in MODES)
        print(
            f"{'ms an epoch, one trial':25}{heads}{'fit/compiled':>14}{'target':>8}{'of peak':>9}"
        )
        for name in options.nets:
            took = [team.measure(size, "epoch", name, mode) for mode in MODES]
            net = NETS[name]
            share = net.flops() * flop / took[-1]
            print(
                f"{name:25}{''.join(f'{1e3 * each:10.1f}' for each in took)}"
                f"{took[0] / took[-1]:13.1f}x{net.target:7g}x{share:9.0%}",
                flush=True,
            )
    team.close()


if __name__ == "__main__":
    main()
