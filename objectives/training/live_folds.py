"""One checkpoint of the nets of all folds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from objectives.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    from objectives.training.folds import Fold
    from objectives.training.live import LiveState


class LiveFolds:
    """What a checkpoint keeps of all folds: see `objectives.training.progress.Live`."""

    def __init__(self, folds: Sequence[Fold]) -> None:
        self._folds = folds
        kinds = {fold.kind for fold in folds}
        self.kind = kinds.pop() if len(kinds) == 1 else "mixed"

    @property
    def over(self) -> bool:
        """Whether a fold's training has ended: then the last checkpoint before that serves."""
        return any(fold.turn.ended or live.over for fold, live in self._lives)

    def variables(self) -> tuple[list[Any], list[Any]]:
        """Return copies of all models' variables, and of their optimizers'."""
        found = [live.variables() for _, live in self._lives]
        return [v for own, _ in found for v in own], [v for _, others in found for v in others]

    def attributes(self) -> list[dict[str, Any]]:
        """Return the attributes of each fold's callbacks. Raises Opaque."""
        return [{"callbacks": live.attributes()} for _, live in self._lives]

    def restore(self, kept: Checkpoint) -> None:
        """Give each fold its part of a checkpoint."""
        own, others = iter(kept.variables), iter(kept.optimizer)
        for (_, live), attributes in zip(self._lives, kept.callbacks, strict=True):
            mine, rest = live.variables()
            part = dataclasses.replace(
                kept,
                best=None,
                variables=[next(own) for _ in mine],
                optimizer=[next(others) for _ in rest],
                callbacks=attributes["callbacks"],
            )
            live.restore(part)

    @property
    def _lives(self) -> list[tuple[Fold, LiveState]]:
        return [(fold, fold.live) for fold in self._folds if fold.live is not None]
