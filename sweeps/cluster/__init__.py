"""The workers of a pool on many machines: `Fleet`, over a cluster's `Engine`."""

from sweeps.cluster.engine import ALL
from sweeps.cluster.fleet import Fleet

__all__ = ["ALL", "Fleet"]
