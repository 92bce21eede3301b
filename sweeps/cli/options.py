"""The table of options as parsers, as help pages, and as `Settings`."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn

from objectives import BadInput
from objectives.nearest import nearest
from search_spaces import Dimension
from sweeps.cli.layout import columns, fit
from sweeps.cli.source import source_of
from sweeps.study.options import DATA, OPTIONS, Option
from sweeps.study.readers import epochs, share
from sweeps.study.settings import Settings
from sweeps.study.sweep import Sweep, pruner_named, sampler_named
from sweeps.tracking.redact import redact, remember

WIDTH = 99  # of a help page, on a terminal that has as much


@dataclass(frozen=True)
class Command:
    """function: of a module in this folder. example: what is written after the command."""

    help: str
    function: str
    example: str = ""


COMMANDS = {
    "run": Command("start a study, or resume it (the default)", "first.run", "--trials 20"),
    "show": Command("print a study's summary", "run.show"),
    "report": Command("write one HTML report of a study", "report.report", "--to report.html"),
    "watch": Command("serve the report on this machine while a sweep runs", "watch.watch"),
    "export": Command("write a trial's config and model", "files.export", "--to best/"),
    "train": Command(
        "train an exported config again", "files.train_config", "--config best/config.yaml"
    ),
    "explain": Command("find out why a trial's curve flattens", "explain.explain"),
    "compare": Command("compare two studies on the same data", "share.compare", "one other"),
    "sync": Command("upload metrics that were kept while MLflow was unreachable", "share.sync"),
}


def width() -> int:
    """Return the width of a help page."""
    return min(WIDTH, columns() or WIDTH)


def no_command(word: str) -> str:
    """Return that there is no such command."""
    near = nearest(word, COMMANDS, cutoff=0.7)
    hint = f" (did you mean {near[0]}?)" if near else ""
    if word == "list":
        hint = " of a sweep (python -m sweeps list prints all sweeps and studies)"
    return f"no command {word!r}{hint}; there are: {', '.join(COMMANDS)}"


def function_of(command: str) -> Callable[[Sweep, Settings, str], tuple[int, Any]]:
    """Return what does a command: its exit code, and what `--json` writes or None."""
    module, name = COMMANDS[command].function.split(".")
    found: Callable[..., tuple[int, Any]] = getattr(import_module(f"sweeps.cli.{module}"), name)
    return found


def of_command(command: str) -> dict[str, Option]:
    """Return the options of a command."""
    return {name: one for name, one in OPTIONS.items() if command in one.commands}


class _Parser(argparse.ArgumentParser):
    """Takes text alone: what it stands for, the table reads."""

    def __init__(self, sweep: Sweep, program: str, command: str) -> None:
        options, about = of_command(command), COMMANDS[command]
        self.command = command
        places = " STUDY STUDY" if command == "compare" else ""
        super().__init__(
            prog=program,
            usage=f"{program} {command}{places} [options]",
            description=f"{about.help[0].upper()}{about.help[1:]}.",
            epilog=f"example: {program} {command} {about.example}".rstrip(),
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
                prog, max_help_position=32, width=width()
            ),
            add_help=False,
            allow_abbrev=False,
        )
        groups: dict[str, Any] = {}
        for name, one in options.items():
            if one.group not in groups:
                groups[one.group] = self.add_argument_group(one.group)
            add, text = groups[one.group].add_argument, help_of(one, sweep)
            if one.group == DATA and command != "run":  # there they only find the study
                text = f"{one.help}, with the data options of run"
                text = text if name == "data" else argparse.SUPPRESS
            if not one.flag:
                add(name, nargs="*", metavar=one.metavar, help=text)
            elif not one.metavar:
                add(one.flag, dest=name, action="store_const", const=True, help=text)
            else:
                action = "append" if one.many else "store"
                add(one.flag, dest=name, action=action, metavar=one.metavar, help=text)

    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown == message:  # "argument --trials: expected one argument"
            message = message.removeprefix("argument ")
            message = message.replace("expected one argument", "needs a value")
        else:
            message = refusal(self.prog, self.command, unknown)
        raise BadInput(redact(f"{message} (see {self.prog} {self.command} --help)"))


def refusal(program: str, command: str, unknown: str) -> str:
    """Return why a command does not take what was typed."""
    flag = unknown.split()[0].partition("=")[0]
    if flag in COMMANDS:
        return f"{flag} is a command, which comes first: {program} {flag} ..."
    for one in OPTIONS.values():
        if one.flag == flag:
            others = ", ".join(one.commands)
            return f"{command} does not take {unknown}: it is an option of {others}"
    if not flag.startswith("-"):
        return f"{command} does not take {unknown!r}"
    known = [one.flag for one in of_command(command).values() if one.flag]
    near = nearest(flag, [*known, "--help", "--version"], cutoff=0.7)
    return f"unknown option {unknown}" + (f"; did you mean {near[0]}?" if near else "")


def help_of(one: Option, sweep: Sweep) -> str:
    """Return what a help page says of an option, with the default of a new study."""
    default = one.declared(sweep)
    if default is None or (isinstance(default, bool | float) and one.read is not share):
        return one.help
    return f"{one.help} ({'off' if one.read is epochs and not default else default})"


def given(sweep: Sweep, program: str, command: str, argv: list[str]) -> Settings:
    """Return the settings that a command line stands for. Raises BadInput."""
    for word in argv:
        remember(word)  # before a message repeats it
    found = vars(_Parser(sweep, program, command).parse_args(argv))
    if found.get("quiet") and found.get("verbose"):
        raise BadInput("--quiet and --verbose: give one of them")
    return settings(sweep, found, lambda one, value: f"{one.flag} {value}")


def settings(sweep: Sweep, found: Mapping[str, Any], spelled: Any, **more: Any) -> Settings:
    """Return the settings that values of options stand for, None for those not given.

    spelled: an option and a value, as whoever gave it did. Raises BadInput.
    """

    def read(one: Option, value: Any) -> Any:
        if not isinstance(value, str) and isinstance(value, one.takes):
            return value
        try:
            if isinstance(value, list | tuple | dict | set):
                raise ValueError("it must be one value")
            return one.read(str(value))
        except ValueError as error:
            raise BadInput(redact(f"{spelled(one, value)}: {error}")) from None

    values: dict[str, Any] = {
        name: tuple(read(OPTIONS[name], v) for v in value)
        if OPTIONS[name].many
        else read(OPTIONS[name], value)
        for name, value in found.items()
        if value is not None
    }
    for name, make in (("sampler", sampler_named), ("pruner", pruner_named)):
        if isinstance(kind := values.get(name), str):
            values[name] = make(kind, getattr(sweep, name))
    return Settings(**values, source=source_of(values), **more)


def page(sweep: Sweep, program: str, command: str) -> str:
    """Return the help of one command."""
    return _Parser(sweep, program, command).format_help()


def overview(sweep: Sweep, program: str) -> str:
    """Return the help of all: the commands, the options of `run` and the search space."""
    from search_spaces import dimensions

    space = dimensions(sweep.objective.space.suggest)
    lines = [
        f"usage: {program} [COMMAND] [options]",
        sweep.help or f"Sweep {sweep.name}.",
        "",
        f"commands ({program} COMMAND --help lists the options of one)",
        *(f"  {name:<9} {one.help}" for name, one in COMMANDS.items()),
        "",
        "options of run",
    ]
    groups: dict[str, list[str]] = {}
    for one in of_command("run").values():
        groups.setdefault(one.group, []).append(f"{one.flag} {one.metavar}".strip())
    for group, flags in groups.items():
        whole = "  ".join(flag.replace(" ", "\0") for flag in flags)
        head, rest = f"  {group:<9} ", " " * 12
        wrapped = textwrap.wrap(
            whole, width(), initial_indent=head, subsequent_indent=rest, break_on_hyphens=False
        )
        lines += [line.replace("\0", " ") for line in wrapped]
    wide = max(map(len, space), default=0) + 2
    lines += [
        "",
        "examples",
        f"  {program} --trials 20 --max-epochs 30",
        f"  {program} --range {_example(space)} --study narrower",
        f"  {program} export --to best/",
        "",
        "parameters (for --fix and --range)",
        *(f"  {name:<{wide}}{space[name]}" for name in space),
    ]
    return "\n".join(fit(lines, width())) + "\n"


def _example(space: Mapping[str, Dimension]) -> str:
    if "learning_rate" in space:
        return "learning_rate=3e-3:3e-2"
    for name, one in space.items():
        if one.low is not None and one.high is not None:
            return f"{name}={one.low:g}:{one.high:g}"
        if one.choices is not None and len(one.choices) > 1:
            return f"{name}={one.choices[0]},{one.choices[1]}"
    return "NAME=LO:HI"
