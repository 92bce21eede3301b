"""One study in Optuna's store: opened, checked, asked and told.

An interrupted trial stays RUNNING and keeps its number and seed; a diverged one is PRUNED at its
best finite value, or FAIL without one; an infeasible one is PRUNED. User attributes hold what
Optuna has no field for: a trial's `role`, `params`, `seed` and `result`, a study's `identity`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Monitor
from objectives.training import Outcome, TrialResult
from objectives.training.beside import values_of
from search_spaces import Dimension, Space, plain
from sweeps.study.ended import OWN_ATTRS, Ended, ended_trial
from sweeps.study.identity import difference, identity_of
from sweeps.study.learned import ask, learned
from sweeps.study.limits import constrain
from sweeps.study.pruning import PORTFOLIO
from sweeps.study.recent import Recent, bounds
from sweeps.study.shown import report_last, run_name

if TYPE_CHECKING:
    import optuna

    from sweeps.study.sweep import AnySampler


class Store:
    """A study and the rules that bring trials into it."""

    def __init__(
        self,
        study: optuna.Study,
        space: Space[Any],
        sampler: AnySampler,
        seed: int,
        ranges: Mapping[str, Dimension],
    ) -> None:
        self.study = study
        self.space = space
        self.sampler = sampler
        self.seed = seed
        self.ranges = ranges
        self.starts = space.starts(ranges)  # params of the portfolio, which nothing samples
        self._left = [*self.starts]  # those that are no trials yet
        self.queue: list[Mapping[str, Any]] = []  # params of configs to try next
        self._exhausted: bool | None = None
        self._recent: Recent | None = None
        if bounds(sampler, len(study.directions)):
            self._recent = Recent(Monitor.directed("value", study.direction.name).sign)
        # Any other hyperparameter of one value is an attribute of a trial, not a parameter.
        self.sampled = {n for t in study.get_trials(deepcopy=False) for n in t.distributions}
        # The way of each structure, as its first trial ran: the digits of later ones depend on it.
        self.ways: dict[str, str] = {}
        for trial in self.ended():
            self._note(trial.structure, trial.way)
        # Whether the baseline is run again: what made it fail may be mended by now.
        attrs = [t.user_attrs for t in study.get_trials(deepcopy=False)]
        results = [one.get("result", {}) for one in attrs if one.get("role") == "baseline"]
        self.again = bool(results) and results[-1].get("outcome") == Outcome.FAILED.value

    def unfinished(self) -> list[optuna.trial.Trial]:
        """Return the trials that an interruption left, lowest number first."""
        import optuna

        running = self.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        return [optuna.trial.Trial(self.study, t._trial_id) for t in running]

    def flush(self) -> int:
        """Write what is late; return how many changes the store on the disk still lacks."""
        settle = getattr(self.study._storage, "settle", None)
        return int(settle()) if settle is not None else 0

    def ended(self) -> list[Ended]:
        """Return every trial that ended, by number."""
        return [
            ended_trial(t) for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()
        ]

    def ask(self) -> optuna.trial.Trial:
        """Propose and store the next trial; the first is the baseline, again where that failed."""
        import optuna

        from sweeps.study.proposing import Proposal
        from sweeps.study.samplers import Draws, seed_of

        trials = self.study.get_trials(deepcopy=False)
        if self._left:
            known = [t.user_attrs.get("params") for t in trials]
            self._left = [one for one in self._left if plain(one) not in known]
        number = len(trials)
        given: Mapping[str, Any] | None = None
        start: dict[str, Any] | None = None
        role = "trial"
        if number == 0 or self.again:
            self.again = False
            start = {} if self.space.by_building else None
            given = self.space.params(self.space.first()) if start is None else start
            role = "baseline"
        elif self.queue:
            given, role = self.queue.pop(0), "tried"
        elif self._left:
            given, role = self._left[0], PORTFOLIO
        state = optuna.trial.TrialState.RUNNING
        frozen = optuna.trial.create_trial(state=state)
        frozen.number = number
        seen = None if self._recent is None else self._recent.of(trials)
        draws = Draws(self.study, self.sampler, self.seed, frozen, seen) if given is None else None
        proposal = Proposal(draws, given, self.sampled)
        found = ask(self.space, self.ranges, self.study, proposal, start)
        params = plain(found if given is None else given)
        self.sampled |= proposal.params.keys()
        self.study.add_trial(
            optuna.trial.create_trial(
                state=state,
                params=proposal.params,
                distributions=proposal.distributions,
                system_attrs=proposal.system_attrs,
                user_attrs={
                    **proposal.all_attrs,
                    "run_name": run_name(number, role, self.space.label(self.config(params))),
                    "role": role,
                    "params": params,
                    "seed": seed_of(self.seed, number),
                },
            )
        )
        numbered = self.study._storage.get_trial_id_from_study_id_trial_number
        return optuna.trial.Trial(self.study, numbered(self.study._study_id, number))

    def may_ask(self) -> bool:
        """Return whether there is anything left to propose: a grid may be exhausted."""
        from sweeps.study.samplers import exhausted

        if self._exhausted is None:
            self._exhausted = exhausted(self.study, self.sampler, self.seed)
        return bool(self.queue) or not self._exhausted

    def first(self) -> dict[str, Any] | None:
        """Return the parameters of the first trial, None where none was asked for yet."""
        trials = self.study.get_trials(deepcopy=False)
        return dict(trials[0].user_attrs["params"]) if trials else None

    def dimensions(self) -> dict[str, Dimension]:
        """Return the ranges that the trials so far were asked for."""
        return learned(self.study.get_trials(deepcopy=False))

    def enqueue(self, tries: Sequence[Any]) -> list[int]:
        """Let configs be the next trials; return the numbers of those that are trials already."""
        known = [t.user_attrs.get("params") for t in self.study.get_trials(deepcopy=False)]
        self.queue += [dict(one) for one in tries if one not in known]
        return [known.index(one) for one in tries if one in known]

    def _note(self, structure: str | None, way: str | None) -> None:
        if structure and way:
            self.ways.setdefault(structure, way)

    def config(self, params: Mapping[str, Any]) -> Any:
        """Return the config of a trial's flat parameters."""
        return self.space.config(params)

    def tell(
        self,
        trial: optuna.trial.Trial,
        result: TrialResult,
        metrics: Mapping[str, float],
        run_id: str | None,
    ) -> None:
        """End a trial, with the final metrics that its run shows."""
        import optuna

        for key, value in result.extra.get("user_attrs", {}).items():
            if key not in OWN_ATTRS:
                trial.set_user_attr(key, value)
        trial.set_user_attr(
            "result",
            {
                "outcome": result.outcome.value,
                "value": result.value,
                "best_epoch": result.best_epoch,
                "epochs": result.epochs,
                "max_epochs": result.spec.max_epochs,
                "seconds": round(result.seconds, 3),
                "error": result.error,
                "run_id": run_id,
                "fallback": result.fallback,
                "structure": result.extra.get("structure"),
                "way": result.extra.get("way"),
                "metrics": dict(metrics),
                "beside": result.extra.get("beside", {}),
            },
        )
        self._note(result.extra.get("structure"), result.extra.get("way"))
        constrain(trial, result)
        states = optuna.trial.TrialState
        if result.outcome is Outcome.INFEASIBLE:
            self._close(trial, states.PRUNED)  # of a FAIL, no sampler learns
        elif result.outcome is Outcome.FAILED or result.value is None:
            self._close(trial, states.FAIL)
        elif result.outcome is Outcome.COMPLETE:
            self._close(trial, states.COMPLETE, values_of(result))
        else:
            # A pruned trial's value in Optuna is its last report: let that be its best.
            report_last(trial, result)
            self._close(trial, states.PRUNED)

    def _close(self, trial: optuna.trial.Trial, state: Any, values: Any = None) -> None:
        from sweeps.study.samplers import after

        frozen = self.study._storage.get_trial(trial._trial_id)
        kept, self._exhausted = after(self.study, self.sampler, self.seed, frozen, state, values)
        for key, news in kept.items():
            self.study._storage.set_trial_system_attr(frozen._trial_id, key, news)
        self.study.tell(trial.number, values, state=state)


def open_study(
    storage: optuna.storages.BaseStorage,
    name: str,
    identity: Mapping[str, Any],
    settings: Mapping[str, Any],
    monitors: Sequence[Monitor],
    pruner: optuna.pruners.BasePruner | None,
    added: Collection[str] = (),
) -> optuna.Study:
    """Create or reopen a study. Raises BadInput where `difference` says that it is another."""
    import optuna

    from sweeps.study.write_through import FAULTS, WriteThrough, reason

    wanted = [optuna.study.StudyDirection[one.direction.upper()] for one in monitors]
    try:
        through = WriteThrough(storage, name, wanted)
    except FAULTS as fault:
        raise BadInput(
            f"study {name!r} cannot be made in its store ({reason(fault)}): make room, or name "
            "another with --storage URL"
        ) from fault
    study = optuna.load_study(study_name=name, storage=through, pruner=pruner)
    if "identity" not in study.user_attrs:
        study.set_user_attr("instance", uuid.uuid4().hex)
        study.set_user_attr("settings", dict(settings))
        study.set_user_attr("identity", dict(identity))
    elif (refusal := difference(name, identity_of(study), identity, added)) is not None:
        raise BadInput(refusal)
    return study


def forget_mistake(
    storage: optuna.storages.BaseStorage,
    name: str,
    asked: Mapping[str, Any] | None = None,
    changed: Callable[[optuna.trial.FrozenTrial], bool] = lambda _: False,
    added: Collection[str] = (),
) -> None:
    """Delete a study that holds nothing: one without a trial, which a mistake has left.

    asked: what the study is to be made of; where it was made of something else and no trial has
    ended with a value, it is deleted too. changed: whether a trial that ended so would be another.
    added: as `difference` takes it.
    """
    import optuna

    for study in storage.get_all_studies():
        if study.study_name != name or "identity" not in study.user_attrs:
            continue
        if asked is None:
            empty = not _has_trials(storage, study._study_id)
        elif _has_complete(storage, study._study_id):
            empty = False  # known without reading every trial, which takes long from a server
        else:
            every = storage.get_all_trials(study._study_id, deepcopy=False)
            ended = [trial for trial in every if trial.state.is_finished()]
            empty = all(ended_trial(trial).value is None for trial in ended) and (
                difference(name, identity_of(study), asked, added) is not None
                or any(changed(trial) for trial in ended[:1])
            )
        if empty:
            optuna.delete_study(study_name=name, storage=storage)


def _has_trials(storage: optuna.storages.BaseStorage, study: int) -> bool:
    try:
        storage.get_trial_id_from_study_id_trial_number(study, 0)
    except KeyError:
        return False
    return True


def _has_complete(storage: optuna.storages.BaseStorage, study: int) -> bool:
    try:
        storage.get_best_trial(study)
    except (ValueError, RuntimeError):  # there is none, or there are several objectives
        return False
    return True
