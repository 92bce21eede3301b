"""What every competitor of the race shares: the space, the data, the net, and a log of epochs."""

from __future__ import annotations

import argparse
import json
import time
import zlib
from pathlib import Path
from typing import Any

from objectives.dense_binary import DENSE_BINARY
from search_spaces import Dimension, Narrowed, Replay, flat
from search_spaces.dense import SPACE, Dense

BATCH = DENSE_BINARY.batch(SPACE.baseline)


def options() -> argparse.Namespace:
    """Read what `sweep_race.py` says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--max-epochs", type=int, required=True)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--widths", type=int, nargs="+", required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--rank", type=int, default=0)
    given = parser.parse_args()
    given.log = given.log.resolve()  # Ray's trials run in folders of their own
    return given


def suggest(trial: Any, widths: list[int]) -> Dense:
    """Ask a trial for a config of the sweep's own space."""
    narrow = {"width": Dimension("categorical", choices=tuple(widths))}
    return SPACE.suggest(Narrowed(trial, narrow))


def config_of(params: dict[str, Any]) -> Dense:
    """Return the config of flat parameters."""
    return SPACE.suggest(Replay(params))


def baseline() -> dict[str, Any]:
    """Return the flat parameters of the net that this project trains first."""
    return SPACE.params(SPACE.baseline)


def trial_seed(config: Any, seed: int) -> int:
    """Return a seed of initial weights and batch order, the same in whichever process."""
    return zlib.crc32(repr((flat(config), seed)).encode())


def clock(config: Any, log: Path) -> Any:
    """Return a callback that appends one line an epoch: when, of which config, what loss."""
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            line = [time.time(), zlib.crc32(repr(config).encode()), float(logs["val_loss"])]
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    return Clock()


def train(config: Dense, data: Any, given: argparse.Namespace, *callbacks: Any) -> float:
    """Train a config by plain `model.fit`; return its best validation loss."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(trial_seed(config, given.seed))
    history = DENSE_BINARY.build(config, data).fit(
        data.train.x,
        data.train.y,
        batch_size=BATCH,
        epochs=given.max_epochs,
        validation_data=(data.validation.x, data.validation.y),
        callbacks=[*schedule(config), clock(config, given.log), *callbacks],
        verbose=0,
    )
    return float(min(history.history["val_loss"]))


def schedule(config: Dense) -> list[Any]:
    """Return the config's ReduceLROnPlateau, if it has one."""
    assert DENSE_BINARY.callbacks is not None
    return DENSE_BINARY.fresh_callbacks(config, DENSE_BINARY.judged_by)
