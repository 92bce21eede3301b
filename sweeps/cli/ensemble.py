"""The average of nets as one model: exported, trained again from its config, and in Python."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from objectives import BadInput
from objectives.training import Decision, Logs, Outcome, Trainer, TrialResult, TrialSpec
from objectives.training.averages import MOST, Averages, Refits
from sweeps.cli.averages import APART, cost_lines, standing, weights_text
from sweeps.export.config import Exported, Member, Training, with_scores, write
from sweeps.export.model import CONFIG, MODEL, OnLogs, Written, spec_of, staged
from sweeps.study.average import Average, averaged, chosen
from sweeps.study.final import with_weights

if TYPE_CHECKING:
    from sweeps.study.ended import Ended
    from sweeps.study.session import Session
    from sweeps.study.settings import Settings


FEW = "it takes two complete trials at least, and a trainer that averages"


def asked(session: Session, settings: Settings) -> bool:
    """Return whether the average is to be exported. Raises BadInput for options at odds."""
    wanted = settings.ensemble or settings.members is not None
    option = "--ensemble" if settings.ensemble else "--members"
    if wanted and settings.single:
        raise BadInput(f"{option} is the average of nets and --single one net: leave one out")
    if wanted and settings.trial is not None:
        raise BadInput(f"{option} has no one trial: leave out --trial {settings.trial}")
    if wanted or settings.single or settings.trial is not None:
        return wanted
    found = averaged(session)
    return found is not None and found.won


def save(
    single: Exported, session: Session, settings: Settings, command: str
) -> tuple[Average, Written]:
    """Write `config.yaml` and `model.keras` of the average. single: the best net's config.

    Raises BadInput where there is no average, or the folder cannot be written.
    """
    if settings.to is None:
        raise BadInput("export needs a folder: --to DIR")
    with staged(settings.to) as folder:
        found = made(session, folder / MODEL, settings.members)
        exported = _with_members(single, session, found)
        write(exported, folder / CONFIG, command=command)
    files = (settings.to / CONFIG, settings.to / MODEL)
    return found, Written(exported, recorded=exported.recorded, files=files)


def of_members(single: Exported, session: Session) -> Exported:
    """Return the config of the average. single: that of the best net."""
    return _with_members(single, session, made(session, None, session.settings.members))


def made(session: Session, model: Path | None, most: int | None = None) -> Average:
    """Write the average's model; return what is known of it. Raises BadInput without one.

    most: nets that it may have, None for those that the sweep has chosen.
    """
    known = averaged(session)
    weights = dict(known.members) if known is not None and most is None else {}
    for trial in session.store.ended():
        if trial.number in weights:
            with_weights(session, trial)
    found = chosen(session, most=most or MOST, weights=weights or None, model=model)
    average = Average.of(found, session.monitor) if found else Average(reason=FEW)
    if average.reason is not None:
        raise BadInput(f"no average of nets in study {session.name!r}: {average.reason}")
    if len(average.members) < 2:
        raise BadInput(
            f"no average of nets in study {session.name!r} is better than #{average.number} alone "
            "on the validation part: export without --ensemble"
        )
    return average


def _with_members(single: Exported, session: Session, average: Average) -> Exported:
    trials = {trial.number: trial for trial in session.store.ended()}
    members = [_member(session, trials[number], weight) for number, weight in average.members]
    others = {k: v for k, v in single.scores.items() if k.startswith("baseline_")}
    found = dataclasses.replace(single, members=tuple(members), scores=others, decision=None)
    return with_scores(found, average.scores)


def _member(session: Session, trial: Ended, weight: float) -> Member:
    objective = session.sweep.objective
    training = Training(
        max_epochs=trial.epochs,
        best_epoch=trial.best_epoch,
        monitor=objective.monitor,
        mode=objective.mode,
        trainer=trial.way or ("fit" if trial.fallback else "compiled"),
        seed=trial.seed,
    )
    config = session.store.config(trial.params)
    return Member(weight, trial.number, config, training, trial.reached)


def said(session: Session, average: Average) -> Iterator[str]:
    """Say what was exported, and what it costs beside the single net."""
    members = weights_text(average.members)
    yield f"average of {len(average.members)} nets of {session.name}: {members}"
    word = standing(average, session.monitor)
    yield f"{word}: loss minus that of #{average.number} {average.held_out} {APART}"
    yield from cost_lines(average.files)


def registered(session: Session, average: Average) -> dict[str, float]:
    """Return the scores by which a registry compares: the value on rows that did not choose."""
    found = {name: value for name, value in average.scores.items() if name.startswith("test_")}
    return found | {session.monitor.name: average.chosen_apart[0]}


def train(
    exported: Exported,
    make: Callable[[str], Trainer],
    settings: Settings,
    on_epoch: OnLogs,
    say: Callable[[str], None],
    command: str,
) -> int:
    """Train all nets of an average again, and say whether each reached its recorded value.

    make: from a way of running epochs to a trainer. Returns an exit code.
    """
    if settings.seed is not None:
        raise BadInput(f"--seed {settings.seed}: each net of an average has its own seed")
    make = functools.cache(make)
    with tempfile.TemporaryDirectory() as scratch:
        results: list[TrialResult] = []
        exact = True
        for member in exported.members:
            say(f"net {len(results) + 1} of {len(exported.members)}: trial {member.trial}")
            trainer, result = _trained(member, exported, make, Path(scratch), settings, on_epoch)
            if result.outcome is not Outcome.COMPLETE:
                reason = (result.error or "").strip().splitlines()[-1:]
                print(" ".join([f"training trial {member.trial} {result.outcome.value}", *reason]))
                return 1
            print(f"trial {member.trial}: {result.value!r}, recorded {member.value!r}")
            exact = exact and result.value == member.value
            results.append(result)
        model = Path(scratch) / MODEL
        reached = with_scores(exported, _scores(trainer, exported, results, model))
        exact = exact and reached.recorded == exported.recorded
        print(f"average of {len(results)} nets: {reached.recorded!r}")
        word = "exactly" if exact else f"not exactly: recorded {exported.recorded!r}"
        print(f"the recorded value was reached {word}")
        if settings.to is not None:
            with staged(settings.to) as folder:
                (folder / MODEL).write_bytes(model.read_bytes())
                write(reached, folder / CONFIG, command=command)
            print(f"wrote {settings.to / CONFIG} and {settings.to / MODEL}")
    return 0


def _scores(
    trainer: Trainer, exported: Exported, results: list[TrialResult], model: Path
) -> Mapping[str, float]:
    """Write what was trained as one model; return its scores. Raises BadInput."""
    weights = {member.trial: member.weight for member in exported.members}
    if exported.refit is not None and isinstance(trainer, Refits):
        specs = [(one.spec, weights[one.spec.number]) for one in results]
        found = trainer.together(specs, model.with_name("said.npz"), model=model)
    elif exported.refit is None and isinstance(trainer, Averages):
        found = trainer.average(results, model.parent, weights=weights, model=model)
    else:
        raise BadInput("this trainer averages no nets: take another with --trainer")
    if "reason" in found:
        raise BadInput(f"no average of these nets: {found['reason']}")
    return dict(found["average" if exported.refit is None else "scores"])


def _trained(
    member: Member,
    exported: Exported,
    make: Callable[[str], Trainer],
    folder: Path,
    settings: Settings,
    on_epoch: OnLogs,
) -> tuple[Trainer, TrialResult]:
    def told(_: TrialSpec, epoch: int, logs: Logs) -> Decision:
        on_epoch(epoch, logs)
        return Decision.CONTINUE

    training = member.training
    if settings.mode is not None:
        training = dataclasses.replace(training, mode=settings.mode)
    alone = dataclasses.replace(exported, config=member.config, training=training)
    spec = spec_of(alone, folder / f"weights-{member.trial}.npz")
    spec = dataclasses.replace(spec, number=member.trial)
    trainer = make("auto" if training.trainer == "compiled" else training.trainer)
    (result,) = trainer.train(iter([spec]), told)
    return trainer, result
