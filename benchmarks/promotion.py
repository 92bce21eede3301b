"""Does pausing trials and resuming the most promising find good nets sooner? Real sweeps.

The default rule prunes the worse half at each rung, for good. Promotion (ASHA as Li et al. have
it) pauses a trial there instead, unless it is in the best third, and resumes it as soon as it is:
the highest rung first, a new trial only where nobody can be promoted. Its state is a checkpoint in
memory, and it goes on to the last digit. What protects trials on their initial plateau from
pruning protects them from pausing. TPE sees a paused trial as a pruned one, by its reports.

    python benchmarks/promotion.py --only digits --seeds 5 --out promotion.jsonl
    python benchmarks/promotion.py --table promotion.jsonl

All rules begin with the same proposals, and have the same data and programs. They run in one
process of one thread by turns, the one with the least processor time next, so that a busy machine
slows all of them alike. The default trains `--trials` trials and half as many again; the others
get as much time. Compiling is not counted, since all share the programs. The target of a task is
the median over seeds of the best value that the default has after `--trials` trials; only trials
that went to their end, or to that of their patience, count. Who does not get there is taken to get
there when the time is over.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import math
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from promotion_report import table

from objectives.training import Best, Decision, Logs, Outcome, TrialResult, TrialSpec
from objectives.training.environment import prepare_environment

TASKS = ("built-in", "digits", "diabetes", "LSTM", "hastie", "friedman1", "stepped", "blobs")
RULES = {  # first rung, None: the default's; whether trials are paused
    "default": (None, False),
    "promotion": (None, True),
    "promotion from 3": (3, True),
    "thirds": (None, False),
}
MORE = 1.5  # times the trials that the target is set by
MEMORY = "/dev/shm"


@dataclass
class Running:
    """A trial that has begun. paused: the rung at which it waits."""

    trial: Any
    spec: TrialSpec
    best: Best
    epochs: int = 0
    paused: int = 0


@dataclass
class Search:
    """One sweep by one rule, in this process. `log` has a line for every time a trial stops."""

    sweep: Any
    trainer: Any
    pruner: Any
    promotes: bool
    seed: int
    folder: Path
    log: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        import optuna

        from sweeps.study.pruning import keep_share, make_pruner
        from sweeps.study.samplers import make_sampler

        self.most = self.sweep.objective.max_epochs
        self.rungs, self.keep = self.pruner.rungs(self.most), keep_share(self.pruner)
        self.all: list[Running] = []
        self.study = optuna.create_study(
            sampler=make_sampler(self.sweep.sampler, self.seed),
            pruner=make_pruner(self.pruner, self.most),
            storage=shown(self.all) if self.promotes else None,
        )
        space = self.sweep.objective.space
        self.study.enqueue_trial(space.params(space.baseline))
        self.at: dict[int, dict[int, float]] = {rung: {} for rung in self.rungs}
        self.spent = dict.fromkeys(("epochs", "pauses", "resumed"), 0)
        self.best = math.inf  # of the trials that were trained to their end
        self.firsts: list[float] = []
        self.seconds = 0.0  # of the processor, without compiling

    def promotable(self) -> Running | None:
        """Return the best paused trial of the highest rung that has one in its best share."""
        for rung in reversed(self.rungs):
            ranked = sorted(self.at[rung], key=self.at[rung].__getitem__)
            for number in ranked[: max(1, math.floor(self.keep * len(ranked)))]:
                if self.all[number].paused == rung:
                    return self.all[number]
        return None

    def step(self) -> None:
        """Train the next trial, or one that was paused, until it stops."""
        began = time.process_time()
        running = self.promotable() or self._new()
        self.spent["resumed"] += bool(running.paused)
        first, begun, running.paused = 0.0, running.epochs, 0

        def on_epoch(spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
            nonlocal first
            if epoch <= begun:  # kept with the checkpoint, and reported again
                return Decision.CONTINUE
            first = first or time.process_time() - began
            return self._judge(running, epoch, logs)

        running.spec = dataclasses.replace(running.spec, checkpoint_every=math.inf)
        (result,) = self.trainer.train(iter([running.spec]), on_epoch)
        if result.error or result.fallback:
            raise SystemExit(result.error or result.fallback)
        self._end(running, result)
        self.seconds += time.process_time() - began
        if result.extra["compiled"]:
            self.seconds -= first - (statistics.median(self.firsts) if self.firsts else 0.0)
        elif not begun:
            self.firsts.append(first)
        now = {"seconds": self.seconds, "trials": len(self.all), "complete": self.best}
        self.log.append(now | self.spent)

    def _new(self) -> Running:
        from sweeps.study.samplers import seed_of

        trial, space = self.study.ask(), self.sweep.objective.space
        config = space.suggest(trial)
        number = trial.number
        if number == 0:
            trial.set_user_attr("role", "baseline")
        spec = TrialSpec(
            number,
            config,
            seed_of(self.seed, number),
            self.most,
            monitor=self.sweep.objective.judged_by,
            rungs=self.rungs,
            patience=self.sweep.objective.patience_in_epochs if number else 0,
            weights=self.folder / f"{number}.npz",
            checkpoint=self.folder / f"{number}",
        )
        self.all.append(Running(trial, spec, Best(spec.monitor)))
        return self.all[-1]

    def _judge(self, running: Running, epoch: int, logs: Logs) -> Decision:
        running.best.update(epoch, logs)
        running.epochs = epoch
        self.spent["epochs"] += 1
        if epoch != 1 and epoch not in self.rungs:
            return Decision.CONTINUE
        trial, number = running.trial, running.spec.number
        trial.report(running.best.value, epoch)
        if epoch not in self.rungs:
            return Decision.CONTINUE
        self.at[epoch][number] = running.spec.monitor.sign * running.best.value
        if number == 0:
            return Decision.CONTINUE
        if not self.promotes:
            return Decision.PRUNE if trial.should_prune() else Decision.CONTINUE
        if not self._hopeless(number, epoch):
            return Decision.CONTINUE
        running.paused = epoch
        # Only here is a checkpoint wanted, and the trainer asks for it after this answer.
        object.__setattr__(running.spec, "checkpoint_every", 0.0)
        return Decision.STOP

    def _hopeless(self, number: int, rung: int) -> bool:
        from sweeps.study.pruning import should_stop

        trials = self.study.get_trials(deepcopy=False)
        sign = self.sweep.objective.judged_by.sign
        return should_stop(trials[number], trials, rung, self.most, self.keep, sign, self.rungs)

    def _end(self, running: Running, result: TrialResult) -> None:
        from optuna.trial import TrialState

        trial, number = running.trial, running.spec.number
        value = math.inf if result.value is None else running.spec.monitor.sign * result.value
        if result.outcome is Outcome.INTERRUPTED:
            self.spent["pauses"] += 1
            return
        for left in self.folder.glob(f"{number}.*npz"):
            left.unlink()
        if result.value is None:
            self.study.tell(trial, state=TrialState.FAIL)
        elif result.outcome is Outcome.COMPLETE:
            self.best = min(self.best, value)
            trial.set_user_attr("result", {"outcome": "complete", "epochs": result.epochs})
            for rung in self.rungs:  # beyond its patience it counts with its value
                self.at[rung].setdefault(number, value)
            self.study.tell(trial, result.value)
        else:
            if running.epochs not in (1, *self.rungs):
                trial.report(running.best.value, running.epochs)
            self.study.tell(trial, state=TrialState.PRUNED)


def shown(running: Sequence[Running]) -> Any:
    """Return a storage that shows paused trials as pruned ones, which TPE learns from."""
    import optuna

    class Shown(optuna.storages.InMemoryStorage):
        def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> Any:
            found = list(super().get_all_trials(study_id, deepcopy))
            for number in (one.trial.number for one in running if one.paused):
                found[number] = copy.copy(found[number])
                found[number].state = optuna.trial.TrialState.PRUNED
            return [trial for trial in found if states is None or trial.state in states]

    return Shown()


def searches(options: argparse.Namespace, name: str) -> Iterator[dict[str, Any]]:
    """Yield what each rule has found on a task, seed by seed."""
    from benchmarks.search_quality.contestants import data_of, sweep_of
    from benchmarks.search_quality.tables import TABLES
    from objectives.training.compiled import CompiledTrainer
    from sweeps import successive_halving

    table = TABLES[name]
    sweep, data = sweep_of(table), data_of(table, 0)
    epochs = options.max_epochs or sweep.objective.max_epochs
    objective = dataclasses.replace(sweep.objective, max_epochs=epochs)
    sweep = dataclasses.replace(sweep, objective=objective)
    shared = CompiledTrainer(sweep.objective, data, "xla")
    for seed in range(options.first, options.seeds):
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
            found: dict[str, Search] = {}
            for rule in options.rules:
                first, promotes = RULES[rule]
                pruner = successive_halving(first_rung=first or sweep.pruner.first_rung, eta=3)
                pruner = sweep.pruner if rule == "default" else pruner
                own = Path(folder) / rule
                own.mkdir()
                found[rule] = Search(sweep, shared.on(data), pruner, promotes, seed + 1, own)
            side_by_side(found, MORE * options.trials)
        about = {"task": name, "seed": seed, "max_epochs": epochs, "trials": options.trials}
        for rule, search in found.items():
            yield about | {"rule": rule, "log": search.log}


def side_by_side(found: dict[str, Search], trials: float) -> None:
    """Bring the default to its trials, and the others to as much time, by turns."""
    default = found["default"]
    going = list(found.values())
    while going:
        min(going, key=lambda one: one.seconds).step()
        if len(default.all) >= trials:
            going = [one for one in going if one.seconds < default.seconds]


def main() -> None:
    """Search and write down what is found, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--rules", nargs="+", default=list(RULES)[:3], choices=list(RULES))
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--max-epochs", type=int, help="of a trial; else as the sweep has it")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="seed to begin with")
    parser.add_argument("--out", type=Path, default=Path("promotion.jsonl"))
    parser.add_argument("--table", type=Path, help="print the table of such a file")
    options = parser.parse_args()
    if options.table is not None:
        print(table(options.table))
        return
    warnings.simplefilter("ignore")
    prepare_environment(1, "cpu")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name in options.only:
        for found in searches(options, name):
            with options.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
            print(name, found["seed"], found["rule"], found["log"][-1], flush=True)


if __name__ == "__main__":
    main()
