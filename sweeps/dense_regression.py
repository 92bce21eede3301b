"""Sweep width, depth, learning rate and ReduceLROnPlateau of a regression."""

from objectives.dense_regression import DENSE_REGRESSION
from sweeps import Sweep, main, successive_halving, tpe

SWEEP = Sweep(
    name="dense_regression",
    help="Sweep width, depth, learning rate and ReduceLROnPlateau of a regression.",
    objective=DENSE_REGRESSION,
    sampler=tpe(),
    pruner=successive_halving(first_rung=8, eta=2),
    n_trials=60,
)

if __name__ == "__main__":
    main(SWEEP)
