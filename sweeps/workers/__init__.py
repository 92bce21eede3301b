"""Trainers in worker processes: the same contract, on every core."""

from sweeps.workers.local import Pool
from sweeps.workers.machine import default_count
from sweeps.workers.reference import Reference

__all__ = ["Pool", "Reference", "default_count"]
