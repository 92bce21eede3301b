"""Sweep width, depth, learning rate and ReduceLROnPlateau of a binary classifier."""

from objectives.dense_binary import DENSE_BINARY
from sweeps import Sweep, main, successive_halving, tpe

SWEEP = Sweep(
    name="dense_binary",
    help="Sweep width, depth, learning rate and ReduceLROnPlateau of a binary classifier.",
    objective=DENSE_BINARY,
    sampler=tpe(),
    pruner=successive_halving(first_rung=8, eta=2),
    n_trials=60,
)

if __name__ == "__main__":
    main(SWEEP)
