"""Arguments of `model.fit` that an objective passes on, and what to write for the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DATA = "load gives the data, which are split into three sets"
INSTEAD = {
    **dict.fromkeys(("x", "y", "validation_data", "validation_split"), DATA),
    "class_weight": "let load give a Data with class_weight",
    "sample_weight": "let load give a Data whose parts have sample_weight",
    "callbacks": "give Objective(callbacks=...)",
    "initial_epoch": "a trial resumes by itself where it was interrupted",
    "validation_freq": "every epoch is validated, as pruning and the curves need it",
    "validation_steps": "the whole validation set is used in every epoch",
    "validation_batch_size": "it changes no value; validation takes batches of batch_size",
}
SILENT = ("verbose", "workers", "use_multiprocessing", "max_queue_size")  # of no consequence


@dataclass(frozen=True)
class FitArguments:
    """How `fit` is called for a config.

    Args:
        batch_size: Rows of a step.
        epochs: The trial's own, None: those of the sweep. More than the sweep's are cut.
        shuffle: Whether each epoch has an order of the rows of its own.
        steps_per_epoch: Steps of an epoch, each time of other rows; None: all rows.
    """

    batch_size: int
    epochs: int | None = None
    shuffle: bool = True
    steps_per_epoch: int | None = None

    @classmethod
    def of(cls, batch_size: int, given: Mapping[str, Mapping[str, Any]]) -> FitArguments:
        """Return what was given, the last of each; given: by who gave it. Raises BadInput."""
        found: dict[str, Any] = {"batch_size": batch_size}
        for whose, arguments in given.items():
            found |= _checked(whose, arguments)
        return cls(**found)

    @property
    def chosen(self) -> tuple[Any, ...] | None:
        """What changes the rows of an epoch, None where they are those of the trial's seed."""
        found = (self.shuffle, self.steps_per_epoch)
        return None if found == (True, None) else found

    def rows(self, order: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of an epoch from the order in which it has all of them."""
        if not self.shuffle:
            order.sort()
        steps = self.steps_per_epoch
        return order if steps is None else order[: steps * self.batch_size]


def _checked(whose: str, given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in INSTEAD:
            raise BadInput(f"{whose}: {name} cannot be given: {INSTEAD[name]}")
        if name == "shuffle":
            if not isinstance(value, bool):
                raise BadInput(f"{whose}: shuffle is {value!r}: it must be True or False")
            found[name] = value
        elif name in FitArguments.__dataclass_fields__:
            if value is not None:
                found[name] = _count(whose, name, value)
        elif name not in SILENT:
            known = ", ".join(FitArguments.__dataclass_fields__)
            raise BadInput(f"{whose}: {name} cannot be given; what can: {known}")
    return found


def _count(whose: str, name: str, value: Any) -> int:
    """Return a whole number above 0. Raises BadInput."""
    number = (isinstance(value, float) and value.is_integer()) or hasattr(value, "__index__")
    if isinstance(value, bool) or not number or int(value) < 1:
        raise BadInput(f"{whose}: {name} is {value!r}: it must be a whole number above 0")
    return int(value)
