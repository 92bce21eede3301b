"""A whole sweep on a tiny file system that becomes full; then there is room, and it goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.test_kills import DRIVER, ROOT, TRIALS, curves, finish, found

SEED = 1
SCRIPT = """
set -e
mkdir tiny
mount -t tmpfs -o size={size} tmpfs tiny
cd tiny
"$PYTHON" ../driver.py . {seed} 1 > ../first 2>&1 || true
df --output=avail . | tail -1 > ../room
mount -o remount,size=64m .
cd ..; cd tiny
"$PYTHON" ../driver.py . {seed} 1 > ../second 2>&1
cp -a . ../whole
"""


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(tried, capture_output=True).returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not may_mount(), reason="no file system may be mounted here (unshare -rm)"),
]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calm")
    finish(folder, SEED, 1)
    return folder


@pytest.mark.parametrize("size", ["1m", "3m"])
def test_a_sweep_goes_on_when_there_is_room_again(size: str, calm: Path, tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(DRIVER, encoding="utf-8")
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", SCRIPT.format(size=size, seed=SEED)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    first = (tmp_path / "first").read_text(encoding="utf-8")
    assert done.returncode == 0, done.stderr + (tmp_path / "second").read_text(encoding="utf-8")
    assert "Traceback" not in first
    assert "is missing the last" in first, "the disk was not full"
    assert found(tmp_path / "whole", SEED) == found(calm, SEED)
    assert len(found(calm, SEED)) == TRIALS
    assert curves(tmp_path / "whole") == curves(calm)
