"""The nursery: a process that imports TensorFlow once, and forks a worker whenever one is wanted.

Importing costs 4 to 12 s of one core, forking a hundredth of a second, so N workers start as soon
as one would, and a dead or a swollen worker is replaced at once. What is forked is a process with
one thread that has imported TensorFlow and run nothing of it. Where that does not hold (another
thread is alive, or the system is not Linux), workers are started as new processes instead.

Run as `python -m sweeps.workers.process ROLE FD PARENT TRAINER DEVICE THREADS`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from objectives.training.environment import prepare_environment
from sweeps.workers.wire import COMMAND, HATCH, Channel

PATIENCE = 2.0  # seconds that a worker has to end by itself
# Keras imports these for interfaces that training on arrays has no use for: 3 s of 7 s.
UNNEEDED = ("matplotlib", "pandas", "sklearn")
HARMLESS = {"jemalloc_bg_thd"}  # its library stops and restarts it around a fork


def main(role: str, fd: str, parent: str, *kind: str) -> None:
    """Be a nursery, or a worker of one that does not fork."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what Ctrl-C means
    end = socket.socket(fileno=int(fd))
    end.set_inheritable(False)
    die_with(int(parent))
    if role == "worker":
        import_trainer(*kind)
        be_worker(end)
    nurse(Channel(end), kind)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends (Linux); 0: it lives on."""
    if sys.platform == "linux" and parent:
        death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def import_trainer(trainer: str, device: str, threads: str) -> None:
    """Import all that training needs, and run nothing of it."""
    # NumPy and Keras read these when they are imported; their threads would not outlive a fork.
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = threads
    prepare_environment(int(threads), device)
    if ":" in trainer:
        importlib.import_module("numpy")
        return
    hidden = [name for name in UNNEEDED if name not in sys.modules]
    gc.disable()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not importable
    try:
        importlib.import_module("objectives.training.fit")
        if trainer != "fit":
            importlib.import_module("objectives.training.compiled")
    finally:
        for name in hidden:
            del sys.modules[name]
        gc.enable()


def may_fork() -> bool:
    """Return whether a fork of this process is sound."""
    if sys.platform != "linux":
        return False
    tasks = Path("/proc/self/task")
    others = (task for task in tasks.iterdir() if task.name != str(os.getpid()))
    return all((task / "comm").read_text().strip() in HARMLESS for task in others)


def nurse(control: Channel, kind: Sequence[str]) -> None:
    """Hatch and reap workers until the driver is gone."""
    children: dict[int, int] = {}
    try:
        if sys.platform == "linux":
            import_trainer(*kind)
    except BaseException as error:
        control.send(("broken", f"{type(error).__name__}: {error}"))
        raise
    gc.collect()
    gc.freeze()  # the collector then leaves the shared pages alone
    control.send(("ready",))
    while True:
        data, ends, _, _ = socket.recv_fds(control.socket, COMMAND.size, 1)
        if len(data) < COMMAND.size:
            break
        command, key = COMMAND.unpack(data)
        if command == HATCH:
            children[key] = hatch(ends[0], control, kind)
        else:
            pid = children.pop(key, None)
            control.send(("gone", key, None if pid is None else reap(pid)))
    for pid in children.values():
        os.kill(pid, signal.SIGKILL)
    for pid in children.values():
        os.waitpid(pid, 0)


def hatch(fd: int, control: Channel, kind: Sequence[str]) -> int:
    """Start a worker on a socket; return its pid."""
    nursery = os.getpid()
    if may_fork():
        pid = os.fork()
    else:
        os.set_inheritable(fd, True)
        command = [sys.executable, "-P", "-m", "sweeps.workers.process"]
        command += ["worker", str(fd), str(nursery), *kind]
        pid = os.posix_spawn(sys.executable, command, os.environ)
    if pid:
        os.close(fd)
        return pid
    control.close()
    die_with(nursery)
    return be_worker(socket.socket(fileno=fd))


def be_worker(end: socket.socket) -> NoReturn:
    """Work until the driver is gone, then end at once: nothing of TensorFlow needs an exit."""
    from sweeps.workers.worker import work

    code = 1
    try:
        code = work(Channel(end))
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def reap(pid: int) -> int:
    """Wait for a worker that is to end, kill it where it does not; return its exit status."""
    patience = time.monotonic() + PATIENCE
    while time.monotonic() < patience:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
