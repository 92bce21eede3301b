"""The phases of a sweep, for the command line and for Python: train, score, confirm, report."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path

from objectives import BadInput
from objectives.reading import counted
from sweeps.cli import notebook
from sweeps.cli.again import further, hidden
from sweeps.cli.front import front_numbers, monitor_lines
from sweeps.cli.layout import columns, fit
from sweeps.cli.progress import Watcher
from sweeps.cli.source import data_lines, data_text, few_text, folds_text, split_text
from sweeps.cli.text import baseline_text, curves_text, summary_lines
from sweeps.cli.unsent import FAILED, on_server, settled, tracked
from sweeps.study.average import average, stale
from sweeps.study.candidates import most_runs
from sweeps.study.confirm import Confirm, Confirmed, confirmed
from sweeps.study.elimination import FIRST, SHARE
from sweeps.study.final import score
from sweeps.study.importance import keep_importances
from sweeps.study.loop import Loop, SweepFailed
from sweeps.study.parent import parent_run, repair
from sweeps.study.session import Session
from sweeps.study.summary import Summary
from sweeps.study.winner import ATTR, winner
from sweeps.tracking import NoTracker, Tracker
from sweeps.workers.machine import cores
from sweeps.workers.versions import versions

DONE, NO_WORKERS, INTERRUPTED = 0, -1, 130
Say = Callable[[str], None]


def make_tracker(uri: str, folder: Path) -> Tracker:
    """Return the MLflow tracker of a study."""
    from sweeps.tracking.mlflow_tracker import MlflowTracker

    return MlflowTracker(uri, folder)


def no_tracker(uri: str, folder: Path) -> Tracker:
    """Return a tracker that tracks nothing."""
    return NoTracker()


def quiet(_: str) -> None:
    """Say nothing."""


def aloud(line: str) -> None:
    """Print a line at once, into a pipe too."""
    print(line, flush=True)


def run_to_total(session: Session, say: Say, *, quiet: bool = False, verbose: bool = False) -> int:
    """Bring a study to its total, score and confirm; return an exit code."""
    done, total = len(session.store.ended()), session.sweep.n_trials
    if done < total:
        say(f"{session.name}: {total - done} of {total} trials to go")
    say(f"data: {data_text(session.data)}")
    if split := split_text(session.data):
        say(f"split: {split}")
    for line in fit(folds_text(session.data, session.monitor.name), columns()):
        say(line)
    for line in fit(data_lines(session.data), columns()):
        say(line)
    for line in [] if done else fit(few_text(session.data), columns()):
        say(line)
    for line in monitor_lines(session.sweep):
        say(line)

    @functools.cache
    def begin() -> None:
        session.tracker.start_study(parent_run(session, versions()))
        for line in [] if done else baseline_text(session.store.space, session.store.first()):
            say(line)
        if done:
            repair(session, say)

    if session.places() and cores() > 1:  # until workers are there, a core is free
        session.tracker.prepare()
    code = _train(session, done, say, begin, quiet=quiet, verbose=verbose)
    if code == NO_WORKERS:  # nothing more can be trained or scored
        return FAILED if on_server(session) else settled(session, FAILED)
    if code != INTERRUPTED:
        if session.store.ended():
            begin()  # where no trial was left to train, the repeats need it
        code = _confirm(session, say, quiet=quiet, verbose=verbose) or code
    if code != INTERRUPTED:  # which trial is the best, the repeats decide
        if code == DONE:  # before the weights of trials that do not lead are deleted
            average(session)
        score(session)
    return code if on_server(session) else settled(session, code)  # a server has until the end


def unfinished(session: Session) -> bool:
    """Return whether a study still lacks trials, scores or repeats."""
    trials = session.store.ended()
    if len(trials) < session.sweep.n_trials:
        return True
    best = winner(session)
    final = session.store.study.user_attrs.get("final", {})
    scored = best is None or final.get("trial") == best.number
    return not scored or stale(session) or bool(Confirm(session).missing())


def _watcher(session: Session, done: int, *, quiet: bool, verbose: bool) -> Watcher:
    """Return who watches the trials, and expects the runs that confirm the best of them."""
    total, places = session.sweep.n_trials, session.trainer.places
    limited = session.settings.confirm is None
    after = most_runs(total, session.settings.seeds, limited=limited)
    if limited:  # the share is of all trials, and earlier runs are a part of it
        after = max(after - len(session.store.study.user_attrs.get(ATTR, {})), 0)
    watcher = notebook.watcher(
        total,
        done,
        quiet,
        verbose=verbose,
        places=places,
        after=after,
        share=SHARE if limited else math.inf,
    )
    watcher.resume(session.store.ended(), session.monitor)
    if session.settings.confirm != 0:
        watcher.following = lambda: Confirm(session).expected(total)
    watcher.address = session.tracker.address
    watcher.uri = session.settings.tracking_uri
    return watcher


def _train(
    session: Session,
    done: int,
    say: Say,
    begin: Callable[[], None],
    *,
    quiet: bool,
    verbose: bool,
) -> int:
    total, places = session.sweep.n_trials, session.trainer.places
    watcher = _watcher(session, done, quiet=quiet, verbose=verbose)
    if done < total:
        workers = f"{places} worker{'s' * (places > 1)}" if places else "in this process"
        where = f" on the cluster at {cluster}" if (cluster := session.settings.cluster) else ""
        if cluster and (wanted := session.settings.workers):
            workers = f"up to {counted(wanted, 'worker')}"
        if session.settings.workers and not places:
            workers += ": workers can only import a sweep that is a global of a module or file"
        say(f"device: {session.settings.device}, {workers}{where}")
        objective = session.sweep.objective
        if 0 < objective.patience_in_epochs < objective.max_epochs:
            waits = f"stop after {objective.patience_in_epochs} without improvement (--patience)"
            say(f"epochs: at most {objective.max_epochs} a trial, {waits}")
        say(f"ETA: {watcher.expected()}")
    loop = session.loop(watcher)
    loop.begin = begin
    loop.say = say
    try:
        with watcher.shown():
            loop.run()
    except KeyboardInterrupt:
        say(f"interrupted: {_so_far(loop)}; run the same command to resume")
        return 130
    except BadInput:
        session.discard()
        raise
    except SweepFailed as error:
        print(f"stopped: {error}")
        return FAILED
    except RuntimeError as error:
        print(f"stopped: {error}\n{_so_far(loop)}; once that is mended, the same command resumes")
        return NO_WORKERS
    except Exception:
        if session.store.first() is None:  # build raised for the first trial: nothing has begun
            session.discard()
        raise
    if loop.done < loop.total:
        if session.settings.out_of_time:
            say(f"time limit reached: {_so_far(loop)}; run the same command to resume")
        else:
            say(f"the search space is exhausted: {_so_far(loop)}")
    return 0


def _so_far(loop: Loop) -> str:
    return f"{loop.done} of {loop.total} trials are done"


def publish(session: Session, summary: Summary, say: Say) -> int:
    """Write the parent run, and wait for MLflow; return an exit code."""
    if session.declared is None:  # the ranges are known better than when the first trial began
        session.tracker.start_study(parent_run(session, versions()))
    if summary.best is not None:
        session.tracker.mark_best(summary.best.number, front_numbers(summary.front))
    note = "\n".join(lines(session, summary))
    metrics = _parent_metrics(summary, confirmed(session))
    session.tracker.end_study(metrics, summary=f"```\n{note}\n```\n")
    code = tracked(session.tracker, session.settings.mlflow_uri(), session.folder, say)
    _remember_runs(session, summary)
    return code


def _parent_metrics(summary: Summary, found: Confirmed | None) -> dict[str, float]:
    """Return what the parent run shows of the winner and of the baseline."""
    final, best, baseline = summary.final, summary.best, summary.baseline
    metrics: dict[str, float] = {}
    if final is not None and best is not None:
        metrics = {"best_trial": best.number, f"best_{summary.monitor}": best.reached}
        metrics |= final["best"] | (final.get("plain") or {}).get("metrics", {})
        metrics |= {f"baseline_{name}": value for name, value in final.get("baseline", {}).items()}
    if summary.average is not None:
        metrics |= {f"average_{name}": value for name, value in summary.average.scores.items()}
    if found is not None:
        metrics[f"best_confirmed_{summary.monitor}"] = found.trials[0].mean
        metrics["best_confirmed_seeds"] = found.trials[0].seeds
    if baseline is not None and baseline.value is not None:
        metrics[f"baseline_best_{summary.monitor}"] = baseline.value
    return metrics


def _remember_runs(session: Session, summary: Summary) -> None:
    """Keep in the store where MLflow has the study and its best trials, and what matters."""
    tracker, study = session.tracker, session.store.study
    keep_importances(study)
    if (address := tracker.address()) is not None:
        study.set_user_attr("address", address)
    trials = (*summary.top, summary.best, summary.baseline)
    shown = {t.number for t in trials if t is not None}
    runs = {str(n): run for n in sorted(shown) if (run := tracker.run_id(n)) is not None}
    if runs:
        study.set_user_attr("runs", {**study.user_attrs.get("runs", {}), **runs})


def _confirm(session: Session, say: Say, *, quiet: bool, verbose: bool) -> int:
    phase = Confirm(session, say=say)
    found = phase.next()
    if not found.missing or session.settings.out_of_time:
        return 0
    names = ", ".join(f"#{number}" for number in dict.fromkeys(n for n, _ in found.missing))
    expected = phase.expected()
    about = f"about {counted(expected, 'run')}" if found.more else counted(expected, "run")
    seeds = session.settings.seeds
    on = f"{FIRST} to {seeds}" if seeds > FIRST else str(seeds)
    each = "one fresh seed each" if seeds == 1 else f"{on} fresh seeds each"
    # The least that confirming takes may be more than its share of a small sweep.
    shared = session.settings.confirm is None and expected > 2 * FIRST
    limit = ", within a third of the epochs" if shared else ""
    say(f"confirming {names} on {each}: {about}{limit} (--confirm 0 skips this)")
    phase.progress = watcher = notebook.watcher(
        expected,
        0,
        quiet,
        verbose=verbose,
        each=False,
        noun="runs",
        places=session.trainer.places,
        known=tuple(phase.trials[number].seconds for number in found.trials),
    )
    phase.expect = watcher.expect
    try:
        with watcher.shown():
            phase.run()
    except KeyboardInterrupt:
        say("interrupted: the trials are done; run the same command to resume confirming them")
        return 130
    return 0


def lines(session: Session, summary: Summary, width: int | None = None) -> list[str]:
    """Return the end of a sweep, as it is printed and kept in the parent's note."""
    store = session.store
    found = confirmed(session)
    shown = {t.number for t in (summary.baseline, summary.best, *summary.top) if t is not None}
    shown |= {one.number for one in found.trials} if found is not None else set()
    shown |= set(front_numbers(summary.front))
    labels = {
        t.number: store.space.label(store.config(t.params))
        for t in store.ended()
        if t.number in shown
    }
    return summary_lines(summary, found, labels, session.data, store.space, width)


def commands(session: Session, summary: Summary, program: str | None) -> list[str]:
    """Return what to do next. program: how commands begin; None leaves them out."""
    address = session.tracker.address() or session.store.study.user_attrs.get("address")
    found = [curves_text(address, session.settings.tracking_uri)]
    if program is not None and summary.best is not None:
        found += further(session, summary, program)
    return found + hidden(found)
