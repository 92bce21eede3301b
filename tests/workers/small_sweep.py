"""The conformance suite's objective, where workers can import it."""

from sweeps import Sweep
from tests.objectives.training.small_objective import SMALL

SWEEP = Sweep("small", SMALL)
