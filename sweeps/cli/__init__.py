"""The command line: reads options, calls the engine, prints, and returns an exit code."""

from __future__ import annotations

from sweeps.study.sweep import Sweep


def run_command_line(sweep: Sweep, argv: list[str] | None = None) -> int:
    """Run one command; return 0 done, 1 failed, 2 bad input, 130 interrupted."""
    raise NotImplementedError
