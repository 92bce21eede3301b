"""The ranges of a space that nobody declares: what its trials have been asked for so far.

A `build(trial)` tells what it asks for only by building a model. So nothing asks it but a trial
that is proposed, and its ranges are read off the trials in the store.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from search_spaces import Dimension, Narrowed, Space, Starting, Survey, dimensions, plain
from sweeps.study.ranges import check_start, narrowing
from sweeps.study.shown import asked

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

    from search_spaces import Trial
    from sweeps.study.proposing import Proposal
    from sweeps.study.settings import Settings

RANGES = "ranges"  # of a study: what `--fix` and `--range` came to when it was made


def dimension_of(distribution: BaseDistribution) -> Dimension:
    """Return a range as the space tells it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return Dimension("categorical", choices=tuple(distribution.choices))
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        raise TypeError(f"{type(distribution).__name__} is no range that a trial is asked for")
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    low, high = distribution.low, distribution.high
    return Dimension(kind, low=low, high=high, log=distribution.log, step=distribution.step)


def learned(trials: Sequence[FrozenTrial]) -> dict[str, Dimension]:
    """Return every parameter that a trial was asked for, with the first range it had."""
    found: dict[str, Dimension] = {}
    for trial in trials:
        for name, distribution in asked(trial).items():
            if name not in found:
                always = all(name in other.user_attrs.get("params", {}) for other in trials)
                found[name] = dataclasses.replace(dimension_of(distribution), always=always)
    return found


def check_asked(
    study: str,
    trials: Sequence[FrozenTrial],
    params: Mapping[str, Any],
    ranges: Mapping[str, BaseDistribution],
) -> None:
    """Raise BadInput where a trial is asked for what the trials before it cannot have been.

    A range may hang on the values before it; that of the first parameter cannot, and choices
    never change. So the first trial that was asked for it speaks for all.
    """
    from optuna.distributions import CategoricalDistribution

    first = next(iter(params), None)
    for name, new in ranges.items():
        choices = isinstance(new, CategoricalDistribution)
        before = (
            dimension_of(asked(trial)[name])
            for trial in (trials if choices or name == first else ())
            if name in asked(trial)
            and (choices or next(iter(trial.user_attrs.get("params", {})), None) == first)
        )
        now = dimension_of(new)
        if (old := next(before, now)) != now:
            raise BadInput(
                f"study {study!r} was made with space of {name} = {old}, and build asks for "
                f"{now}: give the same again, or another study with --study NAME"
            )


def asks_otherwise(space: Space[Any], ranges: Mapping[str, Dimension], trial: FrozenTrial) -> bool:
    """Return whether a trial would be asked for other ranges now; this builds its model."""
    now = Survey(trial.user_attrs.get("params", trial.params))
    try:
        space.suggest(Narrowed(now, ranges))
    except Exception:  # a net that cannot be built, as it may have been before
        return False
    before = {name: str(dimension_of(one)) for name, one in asked(trial).items()}
    return any(before.get(name, str(one)) != str(one) for name, one in now.seen.items())


def ranges_of(
    space: Space[Any], settings: Settings, storage: BaseStorage, name: str
) -> dict[str, Dimension]:
    """Return what `--fix` and `--range` come to; what a study has kept is not asked for again."""
    fix, ranges = settings.fix or (), settings.ranges or ()
    for study in storage.get_all_studies() if space.by_building else ():
        known = study.user_attrs.get("settings", {})
        same = (tuple(known.get("fix") or ()), tuple(known.get("ranges") or ())) == (fix, ranges)
        if study.study_name == name and same and RANGES in study.user_attrs:
            return read_ranges(study.user_attrs[RANGES])
    return narrowing(space, fix, ranges)


def declared_ranges(
    space: Space[Any], ranges: Mapping[str, Dimension]
) -> dict[str, Dimension] | None:
    """Return what a space asks for, None where only building a model would tell."""
    if space.by_building:
        return None
    if space.start:
        check_start(space.start, dimensions(space.suggest))
    return dimensions(lambda trial: space.suggest(Narrowed(trial, ranges)))


def ask(
    space: Space[Any],
    ranges: Mapping[str, Dimension],
    study: Study,
    proposal: Proposal,
    start: dict[str, Any] | None,
) -> dict[str, Any]:
    """Ask a space for what a proposal answers, once; return the parameters.

    start: takes what the proposal answers, where it is the first trial's and nobody declares it.
    """
    trial: Trial = Narrowed(proposal, ranges)
    if start is not None:
        trial = Starting(space.start, start, trial)
    params = space.params(space.suggest(trial))
    if isinstance(trial, Starting):
        check_start(space.start, trial.seen)
    if space.by_building:
        check_asked(study.study_name, study.get_trials(deepcopy=False), params, proposal.asked)
    return params


def kept_ranges(ranges: Mapping[str, Dimension]) -> dict[str, Any]:
    """Return ranges as plain data."""
    return {name: plain(dataclasses.asdict(one)) for name, one in ranges.items()}


def read_ranges(kept: Mapping[str, Any]) -> dict[str, Dimension]:
    """Return what `kept_ranges` was given, choices as plain data."""
    return {
        name: Dimension(**{**one, "choices": one["choices"] and tuple(one["choices"])})
        for name, one in kept.items()
    }
