"""Every option, in one table: a row is a field of `Options`.

The command line's parsers and help pages, what a study remembers, the Python signature, the
parameters of MLflow's parent run and the printed "same sweep" command are made from it. To add an
option, add a row, and read its value where it is used.
"""

# ruff: noqa: RUF009  # a row is a field

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import Source
from objectives.monitor import MODES, Mode
from objectives.training import CHECKPOINT_EVERY, TRAINERS
from sweeps.study.limits import limit, texts_of
from sweeps.study.readers import (
    Reader,
    duration,
    engine,
    epochs,
    interval,
    one_of,
    share,
    switch,
    validated,
    whole,
)
from sweeps.study.sweep import PRUNERS, SAMPLERS, AnySampler, Pruner, kind_of

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

    from sweeps.study.sweep import Sweep

STRIDE = 100  # of the numbers of confirming runs: repeat 2 of trial 41 is run 4102
CONFIRM = 5  # fresh seeds at most, on which the best and the baseline are trained again
STUDY = ("run", "show", "report", "watch", "export", "explain")  # the commands that open a study
DATA = "data"  # the group of the options that make a `Source`


@dataclass(frozen=True)
class Option:
    """What is known of an option.

    name: in Python. group: a heading of the help. read: its value, from text. metavar: what help
    shows for the value, nothing for an option without one. flag: on the command line, nothing for
    what its place tells. commands: those that use it. default: of a new study. of: what a sweep
    declares of it, in place of a default. kept: whether a study remembers it, so that the same
    sweep needs it. param: whether it is a parameter of MLflow's parent run. many: whether it may
    be given several times. takes: what Python may give in place of text.
    """

    name: str
    group: str
    read: Reader
    metavar: str
    help: str
    flag: str
    commands: tuple[str, ...] = ("run",)
    default: Any = None
    of: Callable[[Sweep], Any] | None = None
    kept: bool = False
    param: bool = False
    many: bool = False
    takes: tuple[type, ...] = ()

    @property
    def remembered(self) -> bool:
        """Whether a study remembers its value as it is; those that make a `Source` it keeps so."""
        return self.kept and self.group != DATA

    @property
    def python(self) -> bool:
        """Whether `sweeps.run` takes it."""
        return "run" in self.commands and self.group != "output"

    def declared(self, sweep: Sweep) -> Any:
        """Return what a new study of a sweep takes."""
        return self.default if self.of is None else self.of(sweep)


def row(
    group: str,
    read: Reader | tuple[str, ...],
    metavar: str,
    help: str,  # noqa: A002
    **more: Any,
) -> Any:
    """Return a field. Where None is "not given", its default is what resolves it.

    read: a reader, or the words that may be given.
    """
    if isinstance(read, tuple):
        metavar, read = "|".join(read), one_of(read)
    known = {"group": group, "read": read, "metavar": metavar, "help": help, **more}
    empty = () if more.get("many") else more.get("default")
    return field(default=None if more.get("kept") else empty, metadata=known)


of_data = partial(row, DATA, commands=STUDY, kept=True)


# fmt: off
@dataclass(frozen=True)
class Options:
    """One row an option. None leaves the study's own value, or the sweep's."""

    trials: int | None = row(
        "budget", whole(1), "N",
        "total number of finished trials: complete, pruned, infeasible or failed",
        kept=True, of=lambda sweep: sweep.n_trials)
    max_epochs: int | None = row(
        "budget", whole(1), "N", "epochs of one trial",
        kept=True, param=True, of=lambda sweep: sweep.objective.max_epochs)
    patience: int | None = row(
        "budget", epochs, "N|off", "epochs without improvement that end a trial; off: never",
        kept=True, param=True, of=lambda sweep: sweep.objective.patience_in_epochs)
    timeout: float | None = row(
        "budget", duration, "TIME",
        "stop after this time, such as 30m; run the same command to resume")
    confirm: int | None = row(
        "budget", whole(0, STRIDE - 1), "SEEDS",
        "repeat the best trials and the baseline on at most this many fresh seeds; by default "
        f"{CONFIRM}, within a third of the epochs",
        kept=True)

    peers: str | None = row(
        "budget", ("auto", "on", "off"), "",
        "compare with a linear model and HistGradientBoosting at the end; auto: where quick",
        kept=True, default="auto")

    fix: tuple[str, ...] | None = row(
        "search", str, "NAME=VALUE", "set a hyperparameter to one value", kept=True, many=True)
    ranges: tuple[str, ...] | None = row(
        "search", str, "NAME=LO:HI", "search this range, or these choices: NAME=A,B",
        flag="--range", kept=True, many=True)
    limit: tuple[str, ...] | None = row(
        "search", limit, "COST=MOST", "leave out models that cost more: params or flops",
        kept=True, many=True, of=lambda sweep: texts_of(sweep.limits) if sweep.limits else None)
    tries: tuple[Path, ...] = row(
        "search", Path, "CONFIG", "run a config file as the next trial, to its last epoch",
        flag="--try", many=True)
    sampler: AnySampler | None = row(
        "search", tuple(SAMPLERS), "", "the algorithm that proposes trials",
        kept=True, param=True, of=lambda sweep: kind_of(sweep.sampler), takes=(object,))
    pruner: Pruner | BasePruner | None = row(
        "search", PRUNERS, "", "the rule that stops hopeless trials",
        kept=True, param=True, of=lambda sweep: kind_of(sweep.pruner), takes=(object,))
    prune_by: str | None = row(
        "search", str, "METRIC",
        "with several monitors: prune by the first one alone, which is named here",
        kept=True, param=True, of=lambda sweep: sweep.prune_by)
    seed: int | None = row(
        "search", whole(0), "N", "seed of the study, or of the training (train)",
        commands=("run", "train"), kept=True, param=True, default=0)
    monitor: str | None = row(
        "search", validated, "METRIC",
        "the metric that decides; its name begins with val_. Several: val_loss,params",
        kept=True, param=True, of=lambda sweep: sweep.objective.monitor)
    mode: Mode | None = row(
        "search", MODES, "", "the better direction of a metric of your own",
        commands=("run", "train"), kept=True)

    data: Any = row(
        DATA, str, "FILE", "your own data: CSV, TSV, Parquet, NPZ",
        commands=(*STUDY, "train"), kept=True, takes=(object,))
    target: str | None = of_data(str, "NAME", "the column to predict")
    positive: str | None = of_data(str, "VALUE", "the label that counts as class 1")
    group: str | None = of_data(str, "NAME", "rows with one value of this column stay together")
    time_order: bool | None = of_data(switch, "", "the last rows are the test set")
    validation: float | None = of_data(
        share, "SHARE", "the validation set's share of the rows", default=Source.validation)
    test: float | None = of_data(
        share, "SHARE", "the test set's share of the rows", default=Source.test)
    folds: int | None = of_data(
        whole(2), "K", "cross-validation: a trial's value is the mean over this many folds")
    split_seed: int | None = of_data(
        whole(0), "N", "seed of the random split", default=Source.seed)
    ignore: str | None = of_data(str, "A,B", "columns to leave out")
    categorical: str | None = of_data(str, "A,B", "columns to read as categories")
    numeric: str | None = of_data(str, "A,B", "columns to read as numbers")
    nan: str | None = of_data(("impute", "refuse"), "", "what to do with missing numbers")
    threshold_for: str | None = of_data(
        ("balanced_accuracy", "f1", "none"), "",
        "the score that the threshold between two classes maximizes")
    weights: str | None = of_data(("off", "balanced"), "", "weights of the classes in the loss")
    id: str | None = of_data(str, "NAME", "the column that names a sequence of a long table")
    time: str | None = of_data(str, "NAME", "the column that orders the steps of a sequence")

    workers: int | None = row(
        "machine", whole(0), "N",
        "worker processes; by default one per core, at most 8 (with --cluster, all); 0: train in "
        "this process",
        commands=("run", "explain"))
    cluster: str | None = row(
        "machine", str, "ADDRESS",
        "train on the machines of a Ray cluster: ray://HOST:10001, HOST:6379 or auto",
        commands=("run", "explain"))
    device: str = row(
        "machine", ("cpu", "gpu"), "", "the device to train on",
        commands=("run", "explain", "export", "train"), default="cpu")
    per_gpu: int = row(
        "machine", whole(1), "N", "trials at once on one GPU, with --device gpu",
        commands=("run", "explain"), default=1)
    trainer: str | None = row(
        "machine", engine, "|".join(TRAINERS), "how epochs are run", kept=True, default="auto")
    checkpoint_every: float = row(
        "machine", interval, "TIME|off", "how often a long trial is saved (60s)",
        commands=("run", "explain"), default=CHECKPOINT_EVERY)
    check: bool = row(
        "machine", switch, "on|off", "check the first batches of your own model against fit (on)",
        commands=("run", "explain"), default=True)

    study: str | None = row(
        "storage", str, "NAME", "the study's name, if it is not the sweep's",
        commands=(*STUDY, "sync"))
    storage: str | None = row(
        "storage", str, "URL", "Optuna's storage (optuna.db in this folder)",
        commands=(*STUDY, "compare"))
    tracking_uri: str | None = row(
        "storage", str, "URL", "MLflow's tracking URI (mlflow.db in this folder)",
        commands=(*STUDY, "sync"))

    names: tuple[str, ...] = row(
        "command", str, "STUDY", "the two studies", flag="", commands=("compare",), many=True)
    trial: str | None = row(
        "command", str, "best|baseline|N", "the trial; by default export takes the best, and "
        "explain the baseline", commands=("export", "explain"))
    to: Path | None = row(
        "command", Path, "PATH", "where to write: a folder, or the report's HTML file",
        commands=("export", "report", "train"))
    config: Path | None = row(
        "command", Path, "FILE", "an exported config.yaml", commands=("train",))
    register: bool = row(
        "command", switch, "", "put the model into MLflow's registry",
        commands=("export",), default=False)
    ensemble: bool = row(
        "command", switch, "", "the average of nets (the default where it won)",
        commands=("export",), default=False)
    single: bool = row(
        "command", switch, "", "the best net alone, where the average won",
        commands=("export",), default=False)
    members: int | None = row(
        "command", whole(2, 100), "N", "the most nets in the average (10)",
        commands=("export",))
    refit: bool = row(
        "command", switch, "", "train it again, on the validation rows too",
        commands=("export",), default=False)
    force: bool = row(
        "command", switch, "", "replace another trial's export in the folder",
        commands=("export",), default=False)
    budget: float = row(
        "command", duration, "TIME", "time limit (5m)",
        commands=("explain",), default=300.0)
    all: bool = row(
        "command", switch, "", "try every probe", commands=("explain",), default=False)

    quiet: bool = row(
        "output", switch, "", "print only the result",
        commands=("run", "explain", "train"), default=False)
    verbose: bool = row(
        "output", switch, "", "print the log, and every epoch",
        commands=(*STUDY, "train", "compare", "sync"), default=False)
    port: int | None = row(
        "command", whole(1, 65535), "N", "the port on 127.0.0.1 (8642, or any that is free)",
        commands=("watch",))
    notify: str | None = row(
        "output", str, "COMMAND",
        "run this when the sweep ends or stops, with its summary as JSON on standard input")
    json: Path | None = row(
        "output", Path, "FILE", "write the result as JSON; -: to standard output",
        commands=("run", "show", "compare", "explain"))
# fmt: on


OPTIONS = {
    one.name: Option(
        **{"name": one.name, "flag": f"--{one.name.replace('_', '-')}", **one.metadata}
    )
    for one in dataclasses.fields(Options)
}
