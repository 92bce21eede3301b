"""A whole sweep on a tiny file system that becomes full; then there is room, and it goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
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


def test_a_sweep_goes_on_when_there_is_room_again(tmp_path: Path) -> None:
    """Disks that are full at the beginning and later, side by side: both wait for a while."""
    with contextlib.ExitStack() as stack:
        folders = {size: tmp_path / size for size in ("1m", "3m")}
        running = {s: stack.enter_context(started(folder, s)) for s, folder in folders.items()}
        calm = tmp_path / "calm"
        calm.mkdir()
        finish(calm, SEED, 1)
        assert len(found(calm, SEED)) == TRIALS
        for size, folder in folders.items():
            _, trouble = running[size].communicate()
            first = (folder / "first").read_text(encoding="utf-8")
            second = folder / "second"
            assert running[size].returncode == 0, trouble + second.read_text(encoding="utf-8")
            assert "Traceback" not in first
            log = (folder / "whole" / "sweep.log").read_text(encoding="utf-8")
            # Whether room comes back in time, as a store drops what it kept besides, is luck.
            full = "is missing the last" in first or "disk is full" in log
            assert full, f"the disk of {size} was not full"
            assert found(folder / "whole", SEED) == found(calm, SEED)
            assert curves(folder / "whole") == curves(calm)


@contextlib.contextmanager
def started(folder: Path, size: str) -> Iterator[subprocess.Popen[str]]:
    """Run the script; whatever of it still runs after the block is killed."""
    folder.mkdir()
    (folder / "driver.py").write_text(DRIVER, encoding="utf-8")
    with subprocess.Popen(
        ["unshare", "-rm", "bash", "-c", SCRIPT.format(size=size, seed=SEED)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
