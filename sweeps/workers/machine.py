"""Cores, memory and GPUs of this machine, and how many workers fit."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

MOST = 8
BYTES_EACH = 1.5e9


def default_count(device: str = "cpu", per_gpu: int = 1) -> int:
    """Return how many workers to start: one per core, with 1.5 GB of memory each.

    On GPUs, `per_gpu` on each. At least 1 and at most 8. On Windows 0, for training in this
    process: it has neither fork nor sockets that can be passed to another process.
    """
    if sys.platform == "win32":
        return 0
    most = gpus() * per_gpu if device == "gpu" else MOST
    return max(1, min(cores(), most, MOST, int(memory() / BYTES_EACH)))


def gpus() -> int:
    """Return the number of NVIDIA GPUs that this process may use, without loading a driver."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return len([name for name in chosen.split(",") if name.strip() not in ("", "-1")])
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def cores() -> int:
    """Return the number of cores that this process may use, by affinity and control groups."""
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    quotas = [
        int(quota) / int(period)
        for folder in _groups("cpu")
        for quota, period in [_cpu_limit(folder)]
        if quota.isdecimal() and period.isdecimal() and int(period)
    ]
    return max(1, int(min([usable, *quotas])))


def memory() -> float:
    """Return the bytes of memory that this process may use, by control groups too."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [
        int(text)
        for folder in _groups("memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (text := _read(folder / name)).isdecimal()
    ]
    return float(min([total, *limits]))


def resident() -> float:
    """Trim free memory, and return this process's resident MB (outside Linux, the peak)."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # not every C library has it
            ctypes.CDLL(None).malloc_trim(0)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) / (1e6 if sys.platform == "darwin" else 1e3)


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control groups, versions 1 and 2, innermost first."""
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        root = Path("/sys/fs/cgroup")
        if controllers:
            if controller not in controllers.split(","):
                continue
            root /= controllers
        inner = root / path.lstrip("/")
        yield from [inner, *(folder for folder in inner.parents if folder.is_relative_to(root))]


def _cpu_limit(folder: Path) -> tuple[str, str]:
    found = _read(folder / "cpu.max").split()
    if len(found) == 2:
        return found[0], found[1]
    return _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""
