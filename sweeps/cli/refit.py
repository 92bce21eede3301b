"""`export --refit`: what was found, trained again on the training and the validation rows."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Source
from objectives.monitor import LAST
from objectives.reading import counted
from objectives.reading.joined import joined
from objectives.training import Decision, Logs, Outcome, TrialSpec
from objectives.training.averages import Refits, Weighted
from sweeps.cli.averages import weights_text
from sweeps.cli.ensemble import of_members
from sweeps.export.config import Exported, Member, Refit, Training, with_scores, write
from sweeps.export.model import CONFIG, MODEL, Written, spec_of, staged
from sweeps.study.specs import Specs
from sweeps.study.statistics import of_moments

if TYPE_CHECKING:
    from objectives import Data
    from sweeps.study.ended import Ended
    from sweeps.study.session import Session


class Refitting:
    """Trains nets of a study again, on more rows.

    notes: what is to be said of it.
    """

    def __init__(self, session: Session, found: Exported, scratch: Path) -> None:
        self.session = session
        self.found = found
        self.scratch = scratch
        self.notes: list[str] = []
        cut = found.decision.threshold if found.decision is not None else None
        source = session.settings.source or Source()
        self.data: Data = joined(session.sweep.objective, session.data, source, cut)
        self.refit = Refit(len(self.data.train))
        self.trials = {trial.number: trial for trial in session.store.ended()}
        self.trainer = functools.cache(self._trainer)

    def _trainer(self, way: str) -> Any:
        """Return what trains on all these rows."""
        session = self.session
        kind = "auto" if way == "compiled" else way
        folder = self.scratch / way
        found = session.make_trainer(session.sweep.objective, self.data, folder, kind)
        if not isinstance(found, Refits):
            raise BadInput("this trainer does not refit: take another with --trainer")
        return found

    def net(self, trial: Ended, training: Training) -> tuple[TrialSpec, TrialSpec, Member]:
        """Train a trial again; return both specs, of before and of now, and what it is now."""
        config = self.session.store.config(trial.params)
        before, rates = self._before(trial, training)
        epochs = training.best_epoch or training.max_epochs
        now = Training(
            max_epochs=epochs,
            best_epoch=epochs,
            monitor=LAST.name,
            trainer=training.trainer,
            seed=training.seed,
            rates=drops(rates[:epochs]),
        )
        alone = dataclasses.replace(self.found, config=config, training=now, refit=self.refit)
        spec = spec_of(alone, self.scratch / f"refitted-{trial.number}.npz")
        spec = dataclasses.replace(spec, number=trial.number)
        (result,) = self.trainer(now.trainer).train(iter([spec]), lambda *_: Decision.CONTINUE)
        if result.outcome is not Outcome.COMPLETE:
            raise RuntimeError(result.error or f"training again {result.outcome.value}")
        return before, spec, Member(1.0, trial.number, config, now, result.value)

    def _before(self, trial: Ended, training: Training) -> tuple[TrialSpec, list[float]]:
        """Return the spec of a trial with kept weights, and its learning rates if they changed."""
        session = self.session
        config = session.store.config(trial.params)
        spec = Specs.of(session).make(
            trial.number, config, trial.seed, trial.role, max_epochs=training.max_epochs
        )
        kept = spec.weights is not None and spec.weights.exists()
        if kept and not trial.metrics.get("lr_drops", 1):
            return spec, []
        rates: list[float] = []

        def told(_: TrialSpec, epoch: int, logs: Logs) -> Decision:
            rates.append(logs["learning_rate"])
            return Decision.CONTINUE

        (result,) = session.trainer.train(iter([spec]), told)
        if result.outcome is not Outcome.COMPLETE:
            raise RuntimeError(result.error or f"trial {trial.number} {result.outcome.value}")
        if result.best_epoch != training.best_epoch:
            self.notes.append(
                f"note: trial {trial.number} has its best epoch at {result.best_epoch} when it is "
                f"trained here, and at {training.best_epoch} as recorded, which counts"
            )
        return spec, rates

    def compared(
        self, before: list[Weighted], now: list[Weighted], way: str, model: Path | None
    ) -> tuple[Refit, dict[str, float], str | None]:
        """Return what the test part says of both, the scores of a model, and why it says nothing.

        way: how a net's epochs run. model: where the nets are written as one, None for a single
        net, which is written already.
        """
        said = self.scratch / "after.npz"
        found = self.trainer(way).together(now, said, model=model)
        if "reason" not in found and isinstance(self.session.trainer, Refits):
            mine = self.scratch / "before.npz"
            scores = found.get("scores", {})
            found = self.session.trainer.together(before, mine, beside=said)
            if "reason" not in found:
                gap = found["gap"]
                told = of_moments(gap["mean"], gap["spread"], gap["rows"])
                interval = (told.mean, told.low, told.high)
                refit = dataclasses.replace(
                    self.refit,
                    test_loss=found["loss_beside"],
                    test_loss_before=found["loss"],
                    difference=interval,
                )
                return refit, scores, None
        return self.refit, {}, found.get("reason", "this trainer does not refit")


def drops(rates: list[float]) -> tuple[tuple[int, float], ...]:
    """Return from which epoch on which learning rate holds; nothing where one holds throughout."""
    found = [
        (epoch, rate)
        for epoch, rate in enumerate(rates, 1)
        if epoch == 1 or rate != rates[epoch - 2]
    ]
    return tuple(found) if len(found) > 1 else ()


def save(found: Exported, session: Session, to: Path, command: str, *, several: bool) -> Written:
    """Write `config.yaml` and `model.keras`, refitted, and say what that brings.

    found: the config of the net. several: whether the average takes its place. Raises BadInput
    where it cannot be.
    """
    if session.settings.register:
        raise BadInput("--register compares values on rows that --refit learns from: drop one")
    if several:
        found = of_members(found, session)
    with tempfile.TemporaryDirectory() as scratch, staged(to) as folder:
        work = Refitting(session, found, Path(scratch))
        members = found.members or (_alone(found),)
        nets = [work.net(work.trials[one.trial], one.training) for one in members]
        pairs = list(zip(nets, (one.weight for one in members), strict=True))
        before = [(net[0], weight) for net, weight in pairs]
        now = [(net[1], weight) for net, weight in pairs]
        own = [dataclasses.replace(net[2], weight=weight) for net, weight in pairs]
        single, spec = own[0], now[0][0]
        model, way = folder / MODEL, single.training.trainer
        scores = {k: v for k, v in found.scores.items() if k.startswith("baseline_")}
        if several:
            refit, together, reason = work.compared(before, now, way, model)
            if reason is not None:
                raise BadInput(f"--refit: {reason}: take --single")
            exported = dataclasses.replace(found, members=tuple(own))
        else:
            together = work.trainer(way).evaluate(spec, model=model)
            together |= {LAST.name: single.value} if single.value is not None else {}
            refit, _, reason = work.compared(before, now, way, None)
            exported = dataclasses.replace(found, training=single.training)
        exported = dataclasses.replace(exported, scores=scores, refit=refit)
        exported = with_scores(exported, together)
        write(exported, folder / CONFIG, command=command)
    listed = weights_text([(one.trial, one.weight) for one in own])
    what = f"average of nets ({listed})" if several else f"trial {single.trial}"
    print("\n".join([*session.notes, f"{what} of {session.name}", *work.notes]))
    print("\n".join(said(refit, reason)))
    return Written(exported, files=(to / CONFIG, to / MODEL))


def _alone(found: Exported) -> Member:
    training = found.training or Training(1)
    return Member(1.0, found.origin.trial or 0, found.config, training)


def said(refit: Refit, reason: str | None) -> Iterator[str]:
    """Say what refitting has brought, as far as the test part tells it."""
    yield f"refitted: trained on {counted(refit.rows, 'row')}, the validation rows among them"
    if reason is not None or not refit.difference:
        yield f"  what that changes on the test part is not told: {reason}"
        return
    mean, low, high = refit.difference
    sure = low > 0.0 or high < 0.0
    word = ("better" if mean < 0.0 else "worse") if sure else "undecided"
    yield (
        f"  test_loss {refit.test_loss:.4g}, not refitted {refit.test_loss_before:.4g}: "
        f"difference {mean:+.3g} [{low:+.3g}, {high:+.3g}]: {word}"
    )
