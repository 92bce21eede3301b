"""Hyperparameter sweeps for Keras models: the whole public API.

A public `.py` file in this folder is a sweep that can be run; a folder is a part of the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from objectives import BadInput
from objectives.hypermodels import from_keras_tuner
from sweeps.study.sweep import (
    Pruner,
    Sampler,
    Sweep,
    no_pruning,
    percentile,
    random,
    successive_halving,
    tpe,
)

if TYPE_CHECKING:
    from sweeps.cli.python import load, run
    from sweeps.cli.studies import Study
    from sweeps.export.score import scorer

__version__ = "0.1.0"
__all__ = [
    "BadInput",
    "Pruner",
    "Sampler",
    "Study",
    "Sweep",
    "from_keras_tuner",
    "load",
    "main",
    "no_pruning",
    "percentile",
    "random",
    "run",
    "scorer",
    "successive_halving",
    "tpe",
]


def __getattr__(name: str) -> Any:
    # Late, so that declaring a sweep imports none of what running one needs.
    if name == "scorer":
        from sweeps.export import score

        return score.scorer
    if name == "Study":
        from sweeps.cli import studies

        return studies.Study
    if name in ("run", "load"):
        from sweeps.cli import python

        return getattr(python, name)
    raise AttributeError(f"module 'sweeps' has no attribute {name!r}")


def main(sweep: Sweep, argv: list[str] | None = None) -> None:
    """Run the command line of a sweep and exit with its code."""
    from sweeps.workers.reference import loading

    if loading():  # a worker imports a script that has no `if __name__ == "__main__"`
        raise SystemExit(0)
    from sweeps.cli import leave, run_command_line

    leave(run_command_line(sweep, argv))
