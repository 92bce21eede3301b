"""Sweep width, depth, learning rate and ReduceLROnPlateau of a multi-class classifier."""

from objectives.dense_multiclass import DENSE_MULTICLASS
from sweeps import Sweep, main, successive_halving, tpe

SWEEP = Sweep(
    name="dense_multiclass",
    help="Sweep width, depth, learning rate and ReduceLROnPlateau of a multi-class classifier.",
    objective=DENSE_MULTICLASS,
    sampler=tpe(),
    pruner=successive_halving(first_rung=8, eta=2),
    n_trials=60,
)

if __name__ == "__main__":
    main(SWEEP)
