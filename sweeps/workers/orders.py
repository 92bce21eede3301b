"""What all workers of a pool have in common, wherever they are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sweeps.workers.reference import Reference

# XLA never frees a program. What all workers have grown by after the first trials (10 per worker,
# at least 20) is what the structures need. Beyond that, every two workers may grow by this many
# MB.
GROWTH = 150.0


@dataclass(frozen=True)
class Orders:
    """Settings that all workers share. growth: in MB, see GROWTH. per_gpu: workers on one GPU."""

    reference: Reference
    trainer: str
    device: str
    threads: int
    log: Path
    growth: float = GROWTH
    per_gpu: int = 1

    def setup(self, place: int) -> tuple[Reference, str, dict[str, str]]:
        """Return the first message to the worker at a place, which may assign it a GPU."""
        own = {}
        if self.device == "gpu":
            number = place // self.per_gpu
            chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
            gpus = chosen.split(",") if chosen else [str(n) for n in range(number + 1)]
            own["CUDA_VISIBLE_DEVICES"] = gpus[number] if number < len(gpus) else "-1"
        return self.reference, self.trainer, own
