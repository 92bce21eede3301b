"""The fork server: a process that imports TensorFlow once and forks a worker on request.

Importing takes 4 to 12 s of one core, forking 10 ms. So N workers start as fast as one would, and
a worker that died or grew too large is replaced at once. The forked process has a single thread,
and has imported TensorFlow without running any of it. Where that is not so (another thread is
alive, or the system is not Linux), workers are started as new processes instead.

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
from sweeps.workers.wire import COMMAND, SPAWN, Channel

PATIENCE = 2.0  # seconds that a worker has to exit by itself
# Keras imports these for interfaces that training on arrays does not use: 3 s of 7 s.
UNNEEDED = ("matplotlib", "pandas", "sklearn")
HARMLESS = {"jemalloc_bg_thd"}  # its library stops and restarts it around a fork


def main(role: str, fd: str, parent: str, *kind: str) -> None:
    """Run as the fork server, or as a worker started by one that cannot fork."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what Ctrl-C means
    end = socket.socket(fileno=int(fd))
    end.set_inheritable(False)
    die_with(int(parent))
    if role == "worker":
        import_trainer(*kind)
        be_worker(end)
    serve(Channel(end), kind)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends (Linux only; not with parent 0)."""
    if sys.platform == "linux" and parent:
        death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def import_trainer(trainer: str, device: str, threads: str) -> None:
    """Import everything that training needs, without running any of it."""
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
    """Return whether this process can be forked safely."""
    if sys.platform != "linux":
        return False
    tasks = Path("/proc/self/task")
    others = (task for task in tasks.iterdir() if task.name != str(os.getpid()))
    return all((task / "comm").read_text().strip() in HARMLESS for task in others)


def serve(control: Channel, kind: Sequence[str]) -> None:
    """Spawn and reap workers until the driver is gone."""
    children: dict[int, int] = {}
    try:
        if sys.platform == "linux":
            import_trainer(*kind)
    except BaseException as error:
        control.send(("broken", f"{type(error).__name__}: {error}"))
        raise
    gc.collect()
    gc.freeze()  # so that the collector does not touch, and copy, shared pages
    control.send(("ready",))
    while True:
        data, ends, _, _ = socket.recv_fds(control.socket, COMMAND.size, 1)
        if len(data) < COMMAND.size:
            break
        command, key = COMMAND.unpack(data)
        if command == SPAWN:
            children[key] = spawn(ends[0], control, kind)
        else:
            pid = children.pop(key, None)
            control.send(("gone", key, None if pid is None else reap(pid)))
    for pid in children.values():
        os.kill(pid, signal.SIGKILL)
    for pid in children.values():
        os.waitpid(pid, 0)


def spawn(fd: int, control: Channel, kind: Sequence[str]) -> int:
    """Start a worker on a socket; return its pid."""
    server = os.getpid()
    if may_fork():
        pid = os.fork()
    else:
        os.set_inheritable(fd, True)
        command = [sys.executable, "-P", "-m", "sweeps.workers.process"]
        command += ["worker", str(fd), str(server), *kind]
        pid = os.posix_spawn(sys.executable, command, os.environ)
    if pid:
        os.close(fd)
        return pid
    control.close()
    die_with(server)
    return be_worker(socket.socket(fileno=fd))


def be_worker(end: socket.socket) -> NoReturn:
    """Work until the driver is gone, then exit at once, without TensorFlow's slow teardown."""
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
    """Wait for a worker to exit, or kill it after PATIENCE; return its exit code."""
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
