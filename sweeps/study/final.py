"""The end of a sweep: what was chosen by validation is scored on the test part, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from objectives.training import Decision, Outcome, TrialSpec
from sweeps.study.average import averaged, candidates, members_of
from sweeps.study.average import predicted as whole_prediction
from sweeps.study.ended import ranked
from sweeps.study.shown import FRESH_SEEDS, OWN_SEED, name_best, run_name
from sweeps.study.specs import Specs
from sweeps.study.winner import confirmed_trials, winner

if TYPE_CHECKING:
    from sweeps.study.average import Average
    from sweeps.study.ended import Ended
    from sweeps.study.session import Session

KEPT = 5  # confirmed trials whose weights stay, beside the candidates of the average


def with_weights(session: Session, trial: Ended) -> TrialSpec:
    """Return a trial's spec, trained again where its weights are no longer there."""
    config = session.store.config(trial.params)
    spec = Specs.of(session).make(trial.number, config, trial.seed, trial.role)
    if spec.weights is not None and not spec.weights.exists():
        results = session.trainer.train(iter([spec]), lambda *_: Decision.CONTINUE)
        (result,) = results
        if result.outcome is not Outcome.COMPLETE:
            raise RuntimeError(result.error or f"trial {trial.number} {result.outcome.value}")
    return spec


def keep_best(session: Session, best: Ended) -> None:
    """Name the winner in the store, for whoever reads it with Optuna's own tools."""
    store, metric = session.store, session.monitor.name
    means = {one.trial.number: one.mean for one in confirmed_trials(session)}
    name = run_name(best.number, best.role, store.space.label(store.config(best.params)))
    if best.number in means:
        name_best(store.study, best.number, name, metric, means[best.number], FRESH_SEEDS)
    else:
        name_best(store.study, best.number, name, metric, best.reached, OWN_SEED)


def score(session: Session) -> dict[str, Any] | None:
    """Score the winner and the baseline on the test part; keep it in the store."""
    order = ranked(session.store.ended(), session.monitor)
    best = winner(session)
    if best is None:
        return None
    keep_best(session, best)
    confirmed = [one.trial for one in confirmed_trials(session)]
    baselines = [t for t in session.store.ended() if t.role == "baseline"]
    kept = {t.number for t in (*candidates(session), *confirmed[:KEPT], *baselines)}
    for file in (session.folder / "weights").glob("*.np[yz]"):
        if file.stem.isdigit() and int(file.stem) not in kept:
            file.unlink()
    known = session.store.study.user_attrs.get("final", {})
    found = averaged(session)
    members = members_of(found)
    baseline = next((t for t in order if t.role == "baseline"), None)
    scored = baseline is None or "baseline" in known
    if scored and known.get("trial") == best.number and known.get("members", members) == members:
        return dict(known)
    final: dict[str, Any] = {"trial": best.number, "members": members}
    final["best"] = session.trainer.evaluate(with_weights(session, best))
    if baseline is not None:
        final["baseline"] = session.trainer.evaluate(with_weights(session, baseline))
    final["plain"] = beside_plain(session, best, baseline, found)
    session.store.study.set_user_attr("final", final)
    return final


def beside_plain(
    session: Session, best: Ended, baseline: Ended | None = None, average: Average | None = None
) -> dict[str, Any] | None:
    """Set the best trial and the average of nets beside the baseline and other kinds of models.

    Returns its `lines` and `metrics`, None for data that no reader of ours has made.
    """
    import numpy as np

    def predicted(trial: Ended) -> Any:
        file = session.folder / "weights" / f"{trial.number:05d}.npy"
        return np.load(file, allow_pickle=False) if file.exists() else None

    predictions = predicted(best)
    if "task" not in session.data.details or predictions is None:
        return None
    other = None if baseline is None or baseline.number == best.number else predicted(baseline)

    from objectives.judging.plain import compare

    together = None
    if average is not None and len(average.members) > 1:
        together = whole_prediction(session, average, "test")
    found = compare(
        session.data, predictions, other, together, peers=session.settings.peers or "auto"
    )
    return {"lines": found.lines(), "metrics": found.metrics()}
