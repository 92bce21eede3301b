"""The command line: reads options, calls the engine, prints, and returns an exit code."""

from __future__ import annotations

import gc
import json
import logging
import os
import shlex
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from objectives import BadInput
from sweeps.tracking.redact import redact

if TYPE_CHECKING:
    from sweeps.study.sweep import Sweep

STDOUT = Path("-")
CONSOLE = "keras-sweeps"
PACKAGES = ("sweeps", "objectives", "search_spaces")
HINT = "hint: import keras inside load and build, and TensorFlow's chatter goes to sweep.log"


def run_command_line(
    sweep: Sweep, argv: list[str] | None = None, program: str | None = None
) -> int:
    """Run one command; return 0 done, 1 failed, 2 bad input, 3 not sent, 130 interrupted.

    program: how the sweep is started, where the start of this process does not say.
    """
    argv = sys.argv[1:] if argv is None else argv
    print_anything()
    try:
        return _dispatch(sweep, argv, program or program_name())
    except BadInput as error:
        print(redact(f"error: {error}"), file=sys.stderr)
        return 2
    except BrokenPipeError:
        return unread()
    except KeyboardInterrupt:
        print("interrupted: run the same command to resume", file=sys.stderr)
        return 130
    except Exception as error:  # of a training, of the user's own file, or of this package
        logging.getLogger("sweeps").exception("the command failed")
        print(redact(f"failed: {_said(error)}"), file=sys.stderr)
        return 1


def leave(code: int) -> NoReturn:
    """End the process, sparing it a last search for garbage: a fifth of a large study's report."""
    gc.freeze()
    raise SystemExit(code)


def unread() -> int:
    """Say nothing more, since `... | head` has read enough; return the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def starting(name: str) -> str:
    """Return the first line of a sweep, said before NumPy or anything slower is imported."""
    return f"{name}: starting (loading TensorFlow takes a few seconds)"


def print_anything() -> None:
    """Show what a terminal that is no UTF-8 cannot show as escapes, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _said(error: Exception) -> str:
    """Return what an error says and where it comes from.

    That is the last line of the user's own that it came through, else the last one of all. A
    RuntimeError of this package (a worker that cannot start) says all that there is to say.
    """
    import traceback

    if type(error).__module__.startswith("mlflow."):
        from sweeps.tracking.client import reason

        return f"MLflow cannot be used ({reason(error)}; more in sweep.log)"
    frames = traceback.extract_tb(error.__traceback__)
    ours = tuple(f"{Path(__file__).parents[2] / package}{os.sep}" for package in PACKAGES)
    if isinstance(error, RuntimeError) and frames[-1].filename.startswith(ours):
        from objectives.training.errors import error_line

        return error_line(str(error))
    named = [(f, f.filename) for f in frames]
    own = [f for f, name in named if "site-packages" not in name and not name.startswith(ours)]
    last = (own[1:] or own or frames)[-1]  # the first one is the call of main
    what = " ".join([f"{type(error).__name__}:", *str(error).split()]).removesuffix(":")
    return f"{what} ({Path(last.filename).name}, line {last.lineno}; more in sweep.log)"


def _dispatch(sweep: Sweep, argv: list[str], program: str) -> int:
    from sweeps import __version__
    from sweeps.cli import logs, options
    from sweeps.cli.notices import notices

    named = bool(argv) and not argv[0].startswith("-")
    command = argv[0] if named else "run"
    if command not in options.COMMANDS:
        raise BadInput(options.no_command(command))
    if "--version" in argv:
        print(f"keras-sweeps {__version__}")
        return 0
    if "--help" in argv or "-h" in argv:
        with logs.chatter_to(Path(os.devnull)):  # build(trial) is asked for its parameters
            text = (
                options.page(sweep, program, command)
                if named
                else options.overview(sweep, program)
            )
        print(text, end="")
        return 0
    settings = options.given(sweep, program, command, argv[named:])
    if (line := namesake()) is not None:
        print(line, file=sys.stderr)
    path = logs.to_file(settings.folder, settings.verbose)
    if imports_keras():
        print(HINT, file=sys.stderr)
    with (
        nullcontext() if settings.verbose else logs.chatter_to(path),
        redirect_stdout(sys.stderr) if settings.json == STDOUT else nullcontext(),
        notices(shown=not settings.quiet and not settings.verbose),  # verbose shows the log
    ):
        if command == "run" and not settings.quiet:
            print(starting(settings.study or sweep.name), flush=True)
        code, plain = options.function_of(command)(sweep, settings, program)
    if settings.json is not None and plain is not None:
        write_json(settings.json, plain)
    return code


def write_json(path: Path, plain: Any) -> None:
    """Write plain data, `-` to standard output. Raises BadInput where it cannot be written."""
    text = json.dumps(plain, indent=2, default=str) + "\n"
    if path == STDOUT:
        print(text, end="")
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write --json {path}: {error.strerror}") from None


def imports_keras() -> bool:
    """Return whether the file that was started imports Keras or TensorFlow at its top."""
    values = list(vars(sys.modules["__main__"]).values())
    homes = (getattr(v, "__module__", None) or getattr(v, "__name__", None) for v in values)
    return any(str(home).partition(".")[0] in ("keras", "tensorflow") for home in homes)


def namesake() -> str | None:
    """Return what to say where the other package called `sweeps` is installed beside this one."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        other = distribution("sweeps")
    except PackageNotFoundError:
        return None
    return (
        f"warning: another package called sweeps ({other.version}) shares this one's folder: "
        "pip uninstall sweeps, then pip install --force-reinstall keras-sweeps"
    )


def typed(program: str) -> str:
    """Return how a program of this environment is started from this folder.

    Beside a Python that was named by its path (`.venv/bin/python`), the others are there too.
    """
    beside = Path(sys.argv[0] if is_console_command() else sys.orig_argv[0])
    named = len(beside.parts) > 1 and not beside.is_absolute()
    return shlex.quote(str(beside.with_name(program))) if named else program


def is_console_command() -> bool:
    """Return whether this process was started as `keras-sweeps`."""
    return Path(sys.argv[0]).name == CONSOLE


def program_name() -> str:
    """Return how this program was started: `python -m sweeps.dense_binary`."""
    if is_console_command():
        return typed(CONSOLE)
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None and spec.name:
        return f"{typed('python')} -m {spec.name.removesuffix('.__main__')}"
    return f"{typed('python')} {shlex.quote(sys.argv[0])}"
