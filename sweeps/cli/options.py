"""The options: read into `Settings`, and the help, written by hand so that it reads well."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from objectives import BadInput
from objectives.monitor import MODES
from objectives.nearest import nearest
from objectives.training import CHECKPOINT_EVERY, TRAINERS
from search_spaces import Dimension
from sweeps.cli.source import DATA_HELP, add_options, source
from sweeps.study.settings import Settings
from sweeps.study.sweep import (
    PRUNERS,
    SAMPLERS,
    Pruner,
    Sweep,
    no_pruning,
    percentile,
    sampler_named,
    successive_halving,
)

COMMANDS = ("run", "show", "export", "train", "compare", "explain", "report", "sync")

HELP = """\
usage: {program} [COMMAND] [options]
{help}

commands  (none) run, or go on      show     the summary again
          export config + model     train    from a config
          explain why it flattens   compare  two studies: compare A B
          report  one HTML file     sync     what MLflow lacks
{data}budget    --trials {trials} (total)  --max-epochs {epochs}  --timeout 30m
          --patience {patience}|off (epochs without a better value that end a trial)
          --confirm 5 (fresh seeds for the best and the baseline; 0: none)
search    --fix NAME=V  --range NAME=LO:HI  --try CONFIG  --seed 0
          --sampler tpe|gp|cmaes|qmc|random  --pruner halving|percentile|none
          --monitor {monitor}  --mode min|max (which is better, of a metric of your own)
machine   --workers N (0: in this process)  --device cpu|gpu  --trainer auto|xla|graph|fit
          --checkpoint-every 60s|off (how often a long trial is kept on disk)
          --check on|off (compare the first steps of a model of yours with fit)
storage   --study NAME  --storage URL  --tracking-uri URL
output    --quiet  --verbose (every epoch, and the log on the terminal)  --json FILE
explain   --trial baseline|best|N  --budget 5m  --all (every probe)
export    --to DIR  --trial N  --register (in MLflow's registry; champion if better)
train     --config FILE  --to DIR  --seed S            report  --to FILE
examples  {program} --trials 20 --max-epochs 30
          {program} --range {example} --study narrower
          {program} export --to best/
parameters (for --fix and --range)
{parameters}
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            word = unknown.split()[0].partition("=")[0]
            if word in COMMANDS:
                raise BadInput(f"{word} is a command, which comes first: {self.prog} {word} ...")
            near = nearest(word, self._option_string_actions, cutoff=0.7)
            message = f"there is no {unknown}" + (f", did you mean {near[0]}?" if near else "")
        message = message.removeprefix("argument ").replace(
            "expected one argument", "needs a value"
        )
        raise BadInput(f"{message} (see --help)")


def whole(low: int) -> Any:
    """Return a reader of whole numbers from `low` on."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < low:
            raise argparse.ArgumentTypeError(f"{text!r} is less than {low}")
        return value

    return read


def duration(text: str) -> float:
    """Return seconds from `90`, `90s`, `30m`, `1.5h` or `2d`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    units = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
    if not match or not 0 < float(match[1]) < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: write 90s, 30m or 2h")
    return float(match[1]) * units[match[2]]


def interval(text: str) -> float:
    """Return seconds as `duration` does, infinity for `off`."""
    return math.inf if text == "off" else duration(text)


def patience(text: str) -> int:
    """Return epochs, 0 for `off`."""
    try:
        return 0 if text == "off" else int(whole(0)(text))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of epochs nor off"
        ) from None


def parser(sweep: Sweep, program: str, command: str = "run") -> argparse.ArgumentParser:
    """Return the parser of every command's options."""
    found = _Parser(prog=program, add_help=False, allow_abbrev=False)
    add = found.add_argument
    if command == "compare":
        add("names", nargs="*")
    add("--help", "-h", action="store_true")
    add("--trials", type=whole(1))
    add("--max-epochs", type=whole(1))
    add("--patience", type=patience, metavar="EPOCHS|off")
    add("--timeout", type=duration)
    add("--confirm", type=whole(0), metavar="SEEDS")
    add("--fix", action="append", default=[], metavar="NAME=VALUE")
    add("--range", action="append", default=[], metavar="NAME=LO:HI")
    add("--sampler", choices=tuple(SAMPLERS))
    add("--pruner", choices=PRUNERS)
    add("--monitor")
    add("--mode", choices=MODES)
    add("--seed", type=whole(0))
    add("--workers", type=whole(0))
    add("--checkpoint-every", type=interval, default=CHECKPOINT_EVERY, metavar="TIME|off")
    add("--device", choices=("cpu", "gpu"), default="cpu")
    add("--trainer", choices=TRAINERS, default=None)
    add("--check", choices=("on", "off"), default="on")
    add_options(found, whole)
    add("--study")
    add("--storage")
    add("--tracking-uri")
    loudness = found.add_mutually_exclusive_group().add_argument
    loudness("--quiet", action="store_true")
    loudness("--verbose", action="store_true")
    add("--json", type=Path, metavar="FILE")
    add("--to", type=Path, metavar="DIR")
    add("--trial", metavar="baseline|best|N")
    add("--budget", type=duration, default=300.0)
    add("--all", action="store_true")
    add("--register", action="store_true")
    add("--try", action="append", default=[], type=Path, metavar="CONFIG", dest="tries")
    add("--config", type=Path, metavar="FILE")
    return found


def help_text(sweep: Sweep, program: str) -> str:
    """Return the whole help."""
    from search_spaces import dimensions

    space = dimensions(sweep.objective.space.suggest)
    width = max(map(len, space), default=0) + 2
    return HELP.format(
        program=program,
        data=DATA_HELP,
        example=_example(space),
        help=sweep.help or f"Sweep {sweep.name}.",
        trials=sweep.n_trials,
        epochs=sweep.objective.max_epochs,
        patience=sweep.objective.patience_in_epochs or "off",
        monitor=sweep.objective.monitor,
        parameters="\n".join(f"  {name:<{width}}{space[name]}" for name in space),
    )


def _example(space: Mapping[str, Dimension]) -> str:
    if "learning_rate" in space:
        return "learning_rate=3e-3:3e-2"
    for name, one in space.items():
        if one.low is not None and one.high is not None:
            return f"{name}={one.low:g}:{one.high:g}"
        if one.choices is not None and len(one.choices) > 1:
            return f"{name}={one.choices[0]},{one.choices[1]}"
    return "NAME=LO:HI"


def settings(options: argparse.Namespace, sweep: Sweep) -> Settings:
    """Return the settings that the options stand for."""
    own = sweep.pruner if isinstance(sweep.pruner, Pruner) else successive_halving()
    pruners: dict[str, Pruner] = {
        "halving": own if own.kind == "halving" else successive_halving(first_rung=own.first_rung),
        "percentile": percentile(first_rung=own.first_rung),
        "none": no_pruning(),
    }
    return Settings(
        trials=options.trials,
        confirm=options.confirm,
        max_epochs=options.max_epochs,
        patience=options.patience,
        timeout=options.timeout,
        seed=options.seed,
        study=options.study,
        storage=options.storage,
        tracking_uri=options.tracking_uri,
        sampler=sampler_named(options.sampler, sweep.sampler) if options.sampler else None,
        pruner=pruners[options.pruner] if options.pruner else None,
        monitor=options.monitor,
        mode=options.mode,
        fix=tuple(options.fix) or None,
        ranges=tuple(options.range) or None,
        source=source(options),
        trainer=options.trainer,
        workers=options.workers,
        device=options.device,
        checkpoint_every=options.checkpoint_every,
        check=options.check == "on",
    )
