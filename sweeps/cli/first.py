"""Run a sweep: the workers are started before the driver imports what it needs itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweeps.cli.notify import notifying
from sweeps.cli.readable import require_writable
from sweeps.cli.trainers import trainers

if TYPE_CHECKING:
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep


def run(sweep: Sweep, settings: Settings, program: str) -> tuple[int, Any]:
    """Bring a study to its total."""
    require_writable(settings.folder)
    with (
        notifying(sweep, settings) as told,
        trainers(sweep, settings, early=True) as make_trainer,
    ):
        from sweeps.cli.run import run_with  # imports NumPy

        return run_with(sweep, settings, program, make_trainer, told)
