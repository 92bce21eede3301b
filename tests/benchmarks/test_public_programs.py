"""The quick subset of the public programs: the default trainer's curves are `fit`'s."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "public_programs.py"


@pytest.mark.slow
def test_no_quick_program_differs_from_fit(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert re.search(r"^\d+ programs, 0 of them wrong or slow$", done.stdout, re.MULTILINE), (
        done.stdout + done.stderr[-2000:]
    )
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []
