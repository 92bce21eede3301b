"""The probes of `dense_binary explain` once more in plain Keras, to see whether they agree.

    python -m benchmarks.plain_keras --seeds 10

Only the data are the project's. A Keras model, Keras's Adam and a `tf.function` over one epoch's
batches; initial weights by `keras.utils.set_random_seed`, a fresh order of the rows every epoch.
"One order" repeats the first epoch's order in all of them, as `fit(shuffle=True)` does after
`set_random_seed`. Differences are in pairs, of the least `val_loss`, with a 95% interval.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives.dense_binary import DENSE_BINARY
from objectives.training.environment import prepare_environment
from sweeps.study.statistics import paired

EPOCHS, BATCH, RATE = 100, 200, 0.01


@dataclass(frozen=True)
class Change:
    """What is not as in the baseline."""

    width: int = 16
    depth: int = 2
    epochs: int = EPOCHS
    one_order: bool = False


CHANGES = {
    "baseline": Change(),
    "width 16 -> 32": Change(width=32),
    "depth 2 -> 3": Change(depth=3),
    "100 -> 300 epochs": Change(epochs=300),
    "one order of the rows": Change(one_order=True),
}


def net(width: int, depth: int) -> Any:
    """Return a fresh net."""
    import keras

    hidden = [keras.layers.Dense(width, "relu") for _ in range(depth)]
    out = keras.layers.Dense(1, "sigmoid")
    return keras.Sequential([keras.Input((DENSE_BINARY.embedded.train.x.shape[1],)), *hidden, out])


def trainer(width: int, depth: int) -> Callable[[int, int, bool], list[float]]:
    """Return a function of (seed, epochs, one order) that gives the curve of `val_loss`."""
    import keras
    import tensorflow as tf

    data = DENSE_BINARY.embedded
    x, y = tf.constant(data.train.x), tf.constant(data.train.y[:, None])
    held_x, held_y = tf.constant(data.validation.x), tf.constant(data.validation.y[:, None])
    rows = len(data.train)
    model, loss = net(width, depth), keras.losses.BinaryCrossentropy()
    adam = keras.optimizers.Adam(RATE)
    adam.build(model.trainable_variables)
    unused = [variable.numpy() for variable in adam.variables]

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def epoch(order: Any) -> Any:
        for step in tf.range(rows // BATCH):
            at = tf.slice(order, [step * BATCH], [BATCH])
            with tf.GradientTape() as tape:
                value = loss(tf.gather(y, at), model(tf.gather(x, at), training=True))
            gradients = tape.gradient(value, model.trainable_variables)
            adam.apply(gradients, model.trainable_variables)
        return loss(held_y, model(held_x, training=False))

    def train(seed: int, epochs: int, one_order: bool) -> list[float]:
        keras.utils.set_random_seed(seed)
        model.set_weights(net(width, depth).get_weights())
        for variable, value in zip(adam.variables, unused, strict=True):
            variable.assign(value)
        rng = np.random.default_rng(seed)
        order, curve = rng.permutation(rows), []
        for _ in range(epochs):
            curve.append(float(epoch(tf.constant(order, tf.int32))))
            order = order if one_order else rng.permutation(rows)
        return curve

    return train


def main() -> int:
    """Train every change on every seed, and print the paired differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10, help="two at least")
    parser.add_argument("--first", type=int, default=100)
    options = parser.parse_args()
    prepare_environment(threads=1, device="cpu")
    least: dict[str, list[float]] = {}
    trainers: dict[tuple[int, int], Callable[[int, int, bool], list[float]]] = {}
    for name, change in CHANGES.items():
        shape = (change.width, change.depth)
        trainers[shape] = trainers.get(shape) or trainer(*shape)
        for seed in range(options.first, options.first + options.seeds):
            found = min(trainers[shape](seed, change.epochs, change.one_order))
            least.setdefault(name, []).append(found)
            print(f"{name}, seed {seed}: {found:.4f}", file=sys.stderr)
    base = least.pop("baseline")
    print(f"baseline: {np.mean(base):.4f}, {min(base):.4f} to {max(base):.4f}")
    print("| change | val_loss | 95% interval | seeds |\n|---|---|---|---|")
    for name, values in least.items():
        d = paired(values, base)
        print(f"| {name} | {d.mean:+.4f} | [{d.low:+.4f}, {d.high:+.4f}] | {d.n} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
