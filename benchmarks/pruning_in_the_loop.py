"""What a pruning rule does to a search whose sampler learns: simulated sweeps of `dense_binary`.

    python benchmarks/pruning_in_the_loop.py --folder curves

`pruning_rules.py` judges trials that are given. Here TPE proposes them, and what a rule has cut
short is all that it learns from. A model answers in place of training: randomised trees, grown on
the recorded curves of three sweeps that were trained to the end, from parameters to a curve and to
seconds per epoch. A trial's curve is the mean of two trees that are drawn for it, so that equal
configs differ as they do by their seeds. Two trials run at once. The columns are means over
`--seeds` searches, with their standard errors: the best value and the epochs of so many trials,
then the best value after so much time, however many trials that takes.
"""

from __future__ import annotations

import argparse
import functools
import heapq
import itertools
import math
import multiprocessing
import statistics
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pruning_rules import SWEEPS, end, record

PLACES = 2
Step = tuple[float, int, float]  # seconds, epochs, best value so far


class Answers:
    """Curves and seconds per epoch for parameters that nobody trained."""

    def __init__(self, folder: Path, trials: int) -> None:
        import numpy as np
        from sklearn.ensemble import ExtraTreesRegressor

        import sweeps

        chosen = [sweep for sweep in SWEEPS if sweep[0] == "dense_binary"]
        banks = record(folder, trials, chosen)
        params, curves, paces = [], [], []
        for name, found in banks.items():
            study = sweeps.load("dense_binary", folder=folder / name)
            self.space = study.sweep.objective.space
            for number, row in study.trials.iterrows():
                asked_for = {k: v for k, v in row.items() if k.startswith("params_")}
                had = {k: v for k, v in asked_for.items() if v == v and v is not None}
                params.append({k.removeprefix("params_"): v for k, v in had.items()})
                curves.append(np.log(found[number]))
                paces.append(math.log(row["seconds"] / row["epochs"]))
        config = self.space.params(self.space.baseline)
        names = {name for one in params for name in one}
        asked = {name for one in params for name in one if name.startswith("plateau")}
        self._names = sorted(names & (set(config) | asked))
        rows = np.array([self._row(one) for one in params])
        self._trees = ExtraTreesRegressor(200, max_features=0.7, random_state=0).fit(rows, curves)
        self._pace = ExtraTreesRegressor(200, random_state=0).fit(rows, paces)
        self.epochs = len(curves[0])

    def _row(self, params: Any) -> list[float]:
        found = []
        for name in self._names:
            value = params.get(name, -1.0)
            if isinstance(value, str):
                value = float(sum(map(ord, value)))
            number = float(value)
            small = number > 0 and name.rpartition("_")[2] in ("rate", "delta", "lr")
            found.append(math.log10(number) if small else number)
        return found

    def curve(self, params: Any, source: Any) -> list[float]:
        """Return the best value so far after each epoch."""
        import numpy as np

        row = np.array([self._row(params)], dtype=np.float32)
        two = source.choice(len(self._trees.estimators_), 2)
        logs = [self._trees.estimators_[i].predict(row)[0] for i in two]
        return list(np.minimum.accumulate(np.exp(np.mean(logs, axis=0))))

    def pace(self, params: Any) -> float:
        """Return the seconds of an epoch."""
        return math.exp(self._pace.predict([self._row(params)])[0])


@dataclass
class Running:
    """A trial in training: its curve, its last epoch, the epochs that it has run."""

    trial: Any
    curve: Sequence[float]
    last: int
    pace: float
    epoch: int = 0


class Search:
    """A simulated sweep; `ended` yields (seconds, epochs, best value) so far as trials end."""

    def __init__(self, answers: Answers, kind: Any, seed: int, setup: float) -> None:
        import numpy as np
        import optuna

        from sweeps import tpe
        from sweeps.study.pruning import make_pruner

        self.answers = answers
        self.setup = setup
        self.source = np.random.default_rng(seed)
        sampler = optuna.samplers.TPESampler(seed=seed, **tpe().options)
        self.study = optuna.create_study(
            sampler=sampler, pruner=make_pruner(kind, answers.epochs), study_name="simulated"
        )
        self.study.enqueue_trial(answers.space.params(answers.space.baseline))
        self.stops = (1, *kind.rungs(answers.epochs))
        self.waiting: list[tuple[float, int, Running]] = []  # until when, in which order
        self.order = itertools.count()

    def ended(self) -> Iterator[Step]:
        """Go on for as long as somebody asks."""
        total, best = 0, math.inf
        for _ in range(PLACES):
            self._start(0.0)
        while True:
            now, _, running = heapq.heappop(self.waiting)
            value = running.curve[running.epoch - 1]
            if self._goes_on(running, value):
                self._train(running, now)
                continue
            total, best = total + running.epoch, min(best, value)
            yield now, total, best
            self._start(now)

    def _start(self, now: float) -> None:
        trial, answers = self.study.ask(), self.answers
        params = answers.space.params(answers.space.suggest(trial))
        curve = answers.curve(params, self.source)
        if trial.number == 0:
            trial.set_user_attr("role", "baseline")
        last = end(curve) if trial.number else answers.epochs
        self._train(Running(trial, curve, last, answers.pace(params)), now + self.setup)

    def _train(self, running: Running, now: float) -> None:
        epoch = min([stop for stop in self.stops if stop > running.epoch] + [running.last])
        now += (epoch - running.epoch) * running.pace
        running.epoch = epoch
        heapq.heappush(self.waiting, (now, next(self.order), running))

    def _goes_on(self, running: Running, value: float) -> bool:
        from optuna.trial import TrialState

        trial = running.trial
        trial.report(value, running.epoch)
        if running.epoch < running.last and not trial.should_prune():
            return True
        if running.epoch == running.last:
            trial.set_user_attr("result", {"outcome": "complete", "epochs": running.epoch})
            self.study.tell(trial, value)
        else:
            self.study.tell(trial, state=TrialState.PRUNED)
        return False


def rules() -> dict[str, Any]:
    """Return the rules that are compared."""
    from sweeps import no_pruning, successive_halving

    others = {
        f"successive_halving({first}, eta={eta})": successive_halving(first_rung=first, eta=eta)
        for first, eta in ((16, 2), (4, 2), (4, 3), (1, 4))
    }
    return {
        "no pruning": no_pruning(),
        "successive_halving() (default)": successive_halving(),
        **others,
    }


def searched(
    answers: Answers, kind: Any, options: argparse.Namespace, seed: int
) -> tuple[Step, list[float]]:
    """Return where a search is after its trials, and its best values after so many seconds."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")  # an experimental argument of Optuna's
    steps: list[Step] = []
    for step in Search(answers, kind, seed, options.setup).ended():
        steps.append(step)
        if len(steps) >= options.trials and step[0] > max(options.seconds):
            break
    timed = [min(best for now, _, best in steps if now <= limit) for limit in options.seconds]
    return steps[options.trials - 1], timed


def mean(values: Sequence[float]) -> str:
    """Return a mean and its standard error."""
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{statistics.fmean(values):.4f} ± {error:.4f}"


def main() -> None:
    """Simulate, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("curves"))
    parser.add_argument("--recorded", type=int, default=60, help="trials of a recorded sweep")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0, 100.0])
    parser.add_argument("--setup", type=float, default=1.0, help="a trial's fixed cost, seconds")
    options = parser.parse_args()
    answers = Answers(options.folder, options.recorded)
    pool = multiprocessing.get_context("fork").Pool(options.processes)
    heads = "".join(f"{f'best in {s:g} s':>22}" for s in options.seconds)
    print(f"\n{options.seeds} searches a rule; value: mean ± standard error")
    print(f"{'':34}{f'best of {options.trials} trials':>22}{'epochs':>8}{'seconds':>9}{heads}")
    for name, kind in rules().items():
        one = functools.partial(searched, answers, kind, options)
        ended, timed = zip(*pool.map(one, range(options.seeds)), strict=True)
        seconds, epochs, best = zip(*ended, strict=True)
        print(
            f"{name:34}{mean(best):>22}{statistics.fmean(epochs):8.0f}"
            f"{statistics.fmean(seconds):9.0f}"
            + "".join(f"{mean(v):>22}" for v in zip(*timed, strict=True)),
            flush=True,
        )


if __name__ == "__main__":
    main()
