"""Sweep LSTM layers that tell two classes of sequences apart."""

from objectives.sequence_binary import SEQUENCE_BINARY
from sweeps import Sweep, main, successive_halving, tpe

SWEEP = Sweep(
    name="sequence_binary",
    help="Sweep LSTM layers that tell two classes of sequences apart.",
    objective=SEQUENCE_BINARY,
    sampler=tpe(),
    pruner=successive_halving(first_rung=8, eta=2),
    n_trials=60,
)

if __name__ == "__main__":
    main(SWEEP)
