"""`--print-completion`: a script by which a shell completes commands, options and their values."""

from __future__ import annotations

import argparse
from pathlib import Path

from objectives import BadInput
from objectives.nearest import nearest
from sweeps.cli import CONSOLE
from sweeps.cli.listing import built_in
from sweeps.cli.options import COMMANDS, of_command
from sweeps.study.options import Option

FLAG = "--print-completion"
SHELLS = ("bash", "zsh", "tcsh")


def script(shell: str) -> str:
    """Return the script for a shell. Raises BadInput for another than `SHELLS`."""
    import shtab

    if shell not in SHELLS:
        near = nearest(shell, SHELLS)
        hint = f", did you mean {near[0]}?" if near else ""
        raise BadInput(f"{FLAG} {shell}: it must be one of {', '.join(SHELLS)}{hint}")
    found: str = shtab.complete(_program(), shell=shell)
    return found


def _program() -> argparse.ArgumentParser:
    """Return the whole command line as one parser, which is read and never asked to parse."""
    made = argparse.ArgumentParser(prog=CONSOLE, add_help=False)
    made.add_argument("--help", action="store_true", help="print the help page")
    made.add_argument("--version", action="store_true", help="print the version")
    made.add_argument(FLAG, choices=SHELLS, help="print a script for completion in a shell")
    words = made.add_subparsers()
    words.add_parser("list", help="print the sweeps, and the studies in this folder")
    for sweep in built_in():
        of_sweep = words.add_parser(sweep.name, help=sweep.help, add_help=False)
        _add(of_sweep, "run")
        commands = of_sweep.add_subparsers()
        for name, about in COMMANDS.items():
            _add(commands.add_parser(name, help=about.help, add_help=False), name)
    return made


def _add(parser: argparse.ArgumentParser, command: str) -> None:
    parser.add_argument("--help", action="store_true", help="print the help page")
    for one in of_command(command).values():
        if not one.flag:
            continue
        if not one.metavar:
            parser.add_argument(one.flag, action="store_true", help=one.help)
            continue
        added = parser.add_argument(one.flag, choices=_words(one), help=one.help)
        if one.read is Path or one.metavar == "FILE":
            import shtab

            added.complete = shtab.FILE  # type: ignore[attr-defined]


def _words(one: Option) -> list[str] | None:
    """Return the words that an option takes, None where it takes others too."""
    words = one.metavar.split("|")
    return words if len(words) > 1 and all(word.islower() for word in words) else None
