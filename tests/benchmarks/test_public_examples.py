"""One of the public examples: at most five lines differ, and Keras alone loads its export."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "public_examples.py"


@pytest.mark.slow
def test_an_example_runs_in_five_lines_and_its_export_in_keras_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "tickets"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert "1 examples, 0 of them wrong" in done.stdout, done.stdout + done.stderr[-2000:]
    assert done.returncode == 0
