"""Sweep LSTM layers that predict a number for each sequence."""

from objectives.sequence_regression import SEQUENCE_REGRESSION
from sweeps import Sweep, main, successive_halving, tpe

SWEEP = Sweep(
    name="sequence_regression",
    help="Sweep LSTM layers that predict a number for each sequence.",
    objective=SEQUENCE_REGRESSION,
    sampler=tpe(),
    pruner=successive_halving(first_rung=8, eta=2),
    n_trials=60,
)

if __name__ == "__main__":
    main(SWEEP)
