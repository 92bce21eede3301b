"""The conformance suite's objective, where workers can import it."""

from small_objective import SMALL

from sweeps import Sweep

SWEEP = Sweep("small", SMALL)
