"""Commands run as a user runs them: in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def environment() -> dict[str, str]:
    """Return the variables of a process that finds this tree's packages."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


def python(argv: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `python ARGV` in a folder; return how it ended and what it printed."""
    return subprocess.run(
        [sys.executable, *argv],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
