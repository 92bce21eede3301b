"""What a trial costs besides its epochs, part by part, and what scoring its kept model costs.

Processor milliseconds, user and system, of one process with one thread: medians over trials of
one structure, each with a seed and a learning rate of its own. "built": the model is built for
every trial, as a `build` of the user's own asks for. "taken": the trial takes the model that an
earlier one has left, as those of the built-in objectives do.

    python benchmarks/fixed_cost.py [--trials 15]
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from objectives import Objective
from objectives.training import Decision, TrialSpec
from objectives.training.environment import prepare_environment
from search_spaces.dense import Dense
from search_spaces.lstm import Lstm

EPOCHS = 5
PARTS = ("build", "take", "key", "first call")  # and what is left: callbacks, bookkeeping
Spent = dict[str, float]


def nets() -> dict[str, tuple[Objective[Any], Any]]:
    """Return the nets that are measured."""
    from objectives.dense_binary import DENSE_BINARY
    from objectives.dense_multiclass import DENSE_MULTICLASS
    from objectives.lstm_recall import LSTM_RECALL

    return {
        "digits, 64x1": (DENSE_MULTICLASS, Dense(width=64, depth=1, batch_size=32)),
        "40,000 rows, 64x3": (DENSE_BINARY, Dense(width=64, depth=3)),
        "202 rows, LSTM(15) x 3": (LSTM_RECALL, Lstm()),
    }


def watched() -> Spent:
    """Return what functions spend from now on, in milliseconds, by the part of a trial."""
    from objectives.training.compiled import CompiledTrainer
    from objectives.training.nets import Net, Nets
    from objectives.training.tracing import Tracer

    spent = dict.fromkeys(PARTS, 0.0)

    def watch(kind: Any, name: str, part: str) -> None:
        call: Callable[..., Any] = getattr(kind, name)

        def measured(*args: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return call(*args, **named)
            finally:
                spent[part] += 1e3 * (time.process_time() - began)

        setattr(kind, name, measured)

    watch(CompiledTrainer, "build", "build")
    watch(Nets, "plan", "take")
    watch(Net, "begin", "take")
    watch(Tracer, "__call__", "key")
    watch(CompiledTrainer, "_run", "first call")
    return spent


def building(objective: Objective[Any]) -> Objective[Any]:
    """Return an objective with a `build` that does not tell what it is about to make."""
    build: Any = objective.build
    return dataclasses.replace(objective, build=lambda c, d, metrics=(): build(c, d, metrics))


def specs(config: Any, count: int, epochs: int, folder: Path) -> Iterator[TrialSpec]:
    """Return trials of one structure."""
    for number in range(count):
        rated = dataclasses.replace(config.optimizer, learning_rate=1e-3 * (1 + number))
        own = dataclasses.replace(config, optimizer=rated)
        weights = folder / f"{number}.npz"
        yield TrialSpec(number, own, 100 + number, epochs, weights=weights, check=False)


def trials(trainer: Any, config: Any, count: int, epochs: int, spent: Spent) -> list[Spent]:
    """Return what each trial cost, by its parts, as a whole and to score."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        for spec in specs(config, count, epochs, Path(name)):
            spent |= dict.fromkeys(PARTS, 0.0)
            began = time.process_time()
            (result,) = trainer.train(iter([spec]), lambda *_: Decision.CONTINUE)
            cost = {"whole": 1e3 * (time.process_time() - began), **spent}
            if result.error or result.fallback:
                raise SystemExit(result.error or result.fallback)
            began = time.process_time()
            trainer.evaluate(spec)
            found.append(cost | {"score": 1e3 * (time.process_time() - began)})
    return found


def row(kind: str, objective: Objective[Any], config: Any, count: int, spent: Spent) -> str:
    """Return the costs of one net as a line."""
    from objectives.training.compiled import CompiledTrainer

    trainer = CompiledTrainer(objective, objective.embedded, "xla")
    trials(trainer, config, 3, 1, spent)  # traced, compiled, left for the next ones
    short = trials(trainer, config, count, 1, spent)
    long = trials(trainer, config, count, EPOCHS, spent)
    typical = {part: median(one[part] for one in short) for part in short[0]}
    epoch = (median(one["whole"] for one in long) - typical["whole"]) / (EPOCHS - 1)
    typical["first call"] -= epoch
    fixed = typical["whole"] - epoch
    rest = fixed - sum(typical[part] for part in PARTS)
    trainer.close()
    numbers = [epoch, fixed, *(typical[part] for part in PARTS), rest, typical["score"]]
    return f"  {kind:<7}" + "".join(f"{max(0.0, number):>11.1f}" for number in numbers)


def main() -> None:
    """Print a table a net."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=15)
    options = parser.parse_args()
    prepare_environment(1, "cpu")
    spent = watched()
    heads = ["an epoch", "fixed", *PARTS, "rest", "scoring"]
    for name, (objective, config) in nets().items():
        print(f"\n{name}: processor ms a trial\n{'':9}" + "".join(f"{h:>11}" for h in heads))
        for kind, of in (("built", building(objective)), ("taken", objective)):
            print(row(kind, of, config, options.trials, spent), flush=True)


if __name__ == "__main__":
    main()
