"""Trials that answer, narrow and record what a space asks for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from search_spaces._bad_input import BadInput
from search_spaces._choices import match, plain

if TYPE_CHECKING:
    from search_spaces import Params, Trial
    from search_spaces._dimensions import Dimension

NUMBER = (
    "trial.number is not known where a model is built: it is built again to be confirmed and "
    "exported. Leave it out; seeds are set for you"
)
EPOCHS = "every epoch is reported to the pruner already. Leave the line out"
_HINT = (
    "ask for values with trial.suggest_float, suggest_int and suggest_categorical, read those "
    "asked for so far from trial.params, and keep notes with trial.set_user_attr"
)
REFUSED = {"number": NUMBER}
REFUSED |= {name: f"trial.{name}: {EPOCHS}" for name in ("report", "should_prune")}
REFUSED |= {
    name: f"trial.{name} is not here: {_HINT}"
    for name in (
        *("params", "study", "user_attrs", "system_attrs", "set_system_attr", "distributions"),
        *("datetime_start", "relative_params", "set_constraint", "storage"),
    )
}
REFUSED |= {
    name: f"{name} is KerasTuner's: build=sweeps.from_keras_tuner(build) runs it unchanged"
    for name in ("Int", "Float", "Choice", "Boolean", "Fixed", "conditional_scope", "name_scope")
}


class Asked:
    """What an Optuna trial has besides the three methods of `Trial`, or what to write instead."""

    if TYPE_CHECKING:

        def suggest_float(
            self,
            name: str,
            low: float,
            high: float,
            *,
            step: float | None = None,
            log: bool = False,
        ) -> float:
            """Return a float."""
            ...

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """Return a float from [low, high], as `suggest_float` does."""
        return self.suggest_float(name, low, high)

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """Return a float, as `suggest_float(log=True)` does."""
        return self.suggest_float(name, low, high, log=True)

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """Return a float, as `suggest_float(step=q)` does."""
        return self.suggest_float(name, low, high, step=q)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep nothing: what a trial is to keep was kept when it was proposed."""

    def __getattr__(self, name: str) -> Any:
        if name in REFUSED:
            raise BadInput(REFUSED[name])
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class Replay(Asked):
    """A trial that answers with given parameters, and raises KeyError for any other."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = dict(params)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return the given value."""
        return float(self.params[name])

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return the given value."""
        return int(self.params[name])

    def suggest_categorical(self, name: str, choices: Iterable[Any]) -> Any:
        """Return the choice that the given value stands for."""
        return match(self.params[name], choices)


class Narrowed(Asked):
    """A trial seen through `--fix` and `--range`: replaced ranges, everything else unchanged."""

    def __init__(self, trial: Trial, ranges: Mapping[str, Dimension]) -> None:
        self._trial = trial
        self._ranges = ranges

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest from the replaced range, if there is one."""
        given = self._ranges.get(name)
        if given is not None and given.low is not None and given.high is not None:
            low, high = float(given.low), float(given.high)
            log = log and low > 0
            if step is not None:  # values stay on the grid that was asked for
                width, by = Decimal(str(high)) - Decimal(str(low)), Decimal(str(step))
                high = float(Decimal(str(low)) + width // by * by)
        return self._trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Suggest from the replaced range, if there is one."""
        given = self._ranges.get(name)
        if given is not None and given.low is not None and given.high is not None:
            low, high = int(given.low), int(given.high)
            log = log and low > 0
            high -= (high - low) % step
        return self._trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Iterable[Any]) -> Any:
        """Suggest from the replaced choices, if there are any."""
        given, known = self._ranges.get(name), tuple(choices)
        if given is None or given.choices is None:
            return self._trial.suggest_categorical(name, known)
        # The baseline may have a choice that is left out now.
        return match(self._trial.suggest_categorical(name, given.choices), known)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a note with the trial, where it is kept at all."""
        if hasattr(self._trial, "set_user_attr"):
            self._trial.set_user_attr(key, value)

    def prefer(self, name: str, value: Any) -> None:
        """Tell the first trial what to answer, where it is not given."""
        if hasattr(self._trial, "prefer"):
            self._trial.prefer(name, value)


class Recording(Narrowed):
    """A trial that passes on what is asked and remembers what was answered, as plain data."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial, {})
        self.params: Params = {}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest, and remember."""
        self.params[name] = super().suggest_float(name, low, high, step=step, log=log)
        return float(self.params[name])

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Suggest, and remember."""
        self.params[name] = super().suggest_int(name, low, high, step=step, log=log)
        return int(self.params[name])

    def suggest_categorical(self, name: str, choices: Iterable[Any]) -> Any:
        """Suggest, and remember."""
        found = super().suggest_categorical(name, choices)
        self.params[name] = plain(found)
        return found


class Survey(Asked):
    """A trial that records every range it is asked for, answering with forced choices.

    What is not forced is answered with the low end and the first choice.
    """

    def __init__(self, forced: Mapping[str, Any]) -> None:
        self.forced = forced
        self.seen: dict[str, Dimension] = {}

    @property
    def params(self) -> Params:
        """What was asked for so far, as it would be answered again."""
        return {
            name: self.forced.get(name, one.low if one.choices is None else one.choices[0])
            for name, one in self.seen.items()
        }

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return the forced value, or the low end."""
        self._see(name, "float", low=low, high=high, log=log, step=step)
        return float(self.forced.get(name, low))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return the forced value, or the low end."""
        self._see(name, "int", low=low, high=high, log=log, step=step)
        return int(self.forced.get(name, low))

    def suggest_categorical(self, name: str, choices: Iterable[Any]) -> Any:
        """Return the forced choice, or the first."""
        found: Sequence[Any] = tuple(choices)
        self._see(name, "categorical", choices=found)
        return match(self.forced[name], found) if name in self.forced else found[0]

    def _see(self, name: str, kind: str, **range_: Any) -> None:
        from search_spaces._dimensions import Dimension

        step = range_.get("step")
        if range_.get("choices") == () or (step is not None and step <= 0):
            what = "it has no choice" if step is None else f"step is {step}: it must be above 0"
            raise BadInput(f"suggest_{kind}({name!r}, ...): {what}")
        self.seen[name] = Dimension(kind, **range_)


class Middle(Survey):
    """Answers what is not forced with the middle of each range, the geometric one where log."""

    def prefer(self, name: str, value: Any) -> None:
        """Answer with a value that is within its range, where none is forced."""
        self.forced = {name: value, **self.forced}

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return the forced value, or the middle."""
        self._see(name, "float", low=low, high=high, log=log, step=step)
        middle = math.sqrt(low) * math.sqrt(high) if log else (low + high) / 2
        if step is not None:
            by = Decimal(str(step))
            steps = (Decimal(str(high)) - Decimal(str(low))) // by // 2
            middle = float(Decimal(str(low)) + steps * by)
        return float(self.forced.get(name, middle))

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return the forced value, or the middle."""
        self._see(name, "int", low=low, high=high, log=log, step=step)
        middle = round(math.sqrt(low * high)) if log else low + (high - low) // step // 2 * step
        return int(self.forced.get(name, middle))


class Starting(Middle):
    """Proposes the first trial while it is asked: answers as `Middle`, and through a trial.

    given: takes each answer as plain data, before the trial is asked for it.
    """

    def __init__(self, start: Mapping[str, Any], given: dict[str, Any], trial: Trial) -> None:
        super().__init__(start)
        self._given = given
        self._trial = trial

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return the first trial's value."""
        self._given[name] = super().suggest_float(name, low, high, step=step, log=log)
        return self._trial.suggest_float(name, low, high, step=step, log=log)

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return the first trial's value."""
        self._given[name] = super().suggest_int(name, low, high, step=step, log=log)
        return self._trial.suggest_int(name, low, high, step=step, log=log)

    def suggest_categorical(self, name: str, choices: Iterable[Any]) -> Any:
        """Return the first trial's choice."""
        known = tuple(choices)
        self._given[name] = plain(super().suggest_categorical(name, known))
        return self._trial.suggest_categorical(name, known)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a note with the trial."""
        if hasattr(self._trial, "set_user_attr"):
            self._trial.set_user_attr(key, value)

    def _see(self, name: str, kind: str, **range_: Any) -> None:
        from search_spaces._dimensions import check_value

        super()._see(name, kind, **range_)
        if name in self.forced:
            check_value(name, self.forced[name], self.seen[name])
