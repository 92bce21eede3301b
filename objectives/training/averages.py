"""What an engine may do besides: average nets, and refit them. Free of TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from objectives.training import TrialResult, TrialSpec

MOST = 10  # nets of an average
Weighted = tuple[TrialSpec, float]  # a net with kept weights, and its weight in an average
CELLS = 64 * 2**20  # predictions that are kept, as float32: 256 MB


@runtime_checkable
class Averages(Protocol):
    """A trainer that averages predictions. One without this is a trainer all the same."""

    def average(
        self,
        nets: Sequence[TrialResult],
        folder: Path,
        *,
        most: int = MOST,
        weights: Mapping[int, float] | None = None,
        model: Path | None = None,
    ) -> dict[str, Any]:
        """Choose nets whose average predicts best, and score it.

        Args:
            nets: Complete trials with kept weights. The first is the single net that the average
                is compared with.
            folder: Where the nets' predictions are kept.
            most: How many nets the average may have.
            weights: Of the nets, by number, where they are chosen already: then all are in it.
            model: Where the whole average is written as one model, if it is given.

        Returns:
            Plain data: `{}` where an average can never be, `{"reason": ...}` where these nets have
            none. Else `members` (number and weight, the heaviest first), and per "average" and
            "single" their scores, of the validation and of the test part. `chosen_apart`: the
            average's monitored value and the single net's on validation rows that had no part
            in the choice. `held_out`, `on_test`: mean, spread and count of the rows' differences
            in loss, of the average minus the single net, on such rows and on the test part.
            `adds`: by number, how much worse the validation loss is without the net. `seconds`:
            that all this took. With `model`, `files` has bytes and seconds of a prediction.
        """
        ...


@runtime_checkable
class Refits(Protocol):
    """A trainer that keeps a trial's last epoch and given learning rates: `TrialSpec.rates`."""

    def together(
        self,
        nets: Sequence[Weighted],
        said: Path,
        *,
        beside: Path | None = None,
        model: Path | None = None,
    ) -> dict[str, Any]:
        """Predict the test part by nets together, and judge that.

        Args:
            nets: With kept weights; one net has the weight 1.
            said: The file that their predictions are kept in.
            beside: Such a file of other nets, which the same loss judges on the same rows.
            model: Where they are written as one model, if it is given.

        Returns:
            `{"reason": ...}` where no loss follows from predictions. Else their `loss`. With
            `beside`, `loss_beside` and `gap`: mean, spread and count of the rows' differences in
            loss, of the others minus these. With `model`, `scores`: those of the test part.
        """
        ...
