"""The sweep of the race with Ray Tune's own rule of stopping: what the machinery alone is worth.

ASHA with Ray's defaults: from epoch 1 on, a quarter continues, whatever plateau a trial sits on,
and no patience. Not for use: it ends worse than the default (`pruning_in_the_loop.py`).
"""

from dataclasses import replace

from sweeps import main, successive_halving
from sweeps.dense_binary import SWEEP as DEFAULT
from sweeps.study import pruning

SWEEP = replace(
    DEFAULT,
    pruner=successive_halving(first_rung=1, eta=4),
    objective=replace(DEFAULT.objective, patience=0),
)

if __name__ == "__main__":
    pruning.on_first_plateau = lambda trial, rung: False  # Ray has no such guard
    main(SWEEP)
