"""Sweep units, layers, optimizer and ReduceLROnPlateau of stacked LSTM layers."""

from objectives.lstm_recall import LSTM_RECALL
from sweeps import Sweep, main, successive_halving, tpe

SWEEP = Sweep(
    name="lstm_recall",
    help="Sweep units, layers, optimizer and ReduceLROnPlateau of stacked LSTM layers.",
    objective=LSTM_RECALL,
    sampler=tpe(),
    pruner=successive_halving(first_rung=16, eta=2),
    n_trials=60,
)

if __name__ == "__main__":
    main(SWEEP)
