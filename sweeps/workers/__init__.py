"""Trainers in worker processes, on every core, with the interface of a single trainer."""

from sweeps.workers.machine import default_count
from sweeps.workers.pool import Pool
from sweeps.workers.reference import Reference

__all__ = ["Pool", "Reference", "default_count"]
