"""What a sweep may export, by rules that see its validation part alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from objectives.judging.choosing import Predicted, choose, greedy, held_out, likely
from objectives.training.averaging import CLOSE
from sweeps.study.statistics import of_moments

MOST = 10  # nets of an average
FORMER = 150  # rows by which the former rule's two kinds of weights counted alike


@dataclass(frozen=True)
class Kept:
    """A sweep. single: the place of its winner among the nets. first: that of its trial 0."""

    table: str
    validation: Predicted
    test: Predicted
    single: int
    first: int

    @classmethod
    def of(cls, file: Path) -> Kept:
        """Read a sweep, without nets whose loss does not follow from their predictions."""
        with np.load(file, allow_pickle=False) as kept:
            known = json.loads(str(kept["known"]))
            scale = float(kept["scale"]) if known["task"] == "regression" else 1.0
            parts = [
                Predicted(
                    kept[part],
                    row_loss(kept[f"y_{part}"], known["task"], scale),
                    np.ones(kept[part].shape[1]),
                )
                for part in ("validation", "test")
            ]
        same = np.isclose(parts[0].losses(parts[0].every), known["values"], CLOSE, CLOSE / 100)
        own, far = (dataclasses.replace(one, nets=one.nets[same]) for one in parts)
        numbers = [n for n, there in zip(known["numbers"], same, strict=True) if there]
        name = file.stem.rsplit("-", 2)[0]
        return cls(name, own, far, numbers.index(known["winner"]), numbers.index(0))

    def part(self, rows: Any) -> Kept:
        """Return the sweep with these rows of its validation part alone."""
        own = self.validation
        fewer = Predicted(own.nets[:, rows], lambda p, i: own.loss(p, rows[i]), own.weights[rows])
        return dataclasses.replace(self, validation=fewer)

    def alone(self, place: int) -> Any:
        """Return the weights of one net."""
        return np.eye(len(self.validation.nets))[place]

    def log_loss_of(self, weights: Any) -> float:
        """Return the log of the test loss of an average."""
        return float(np.log(self.test.row_losses(weights, self.test.every).mean()))

    def drawn(self, rows: int, seed: int) -> Kept:
        """Return the sweep with rows of its test part in the place of its validation part.

        These rows have not ended a training, and the net with the lowest loss on them is the
        single one.
        """
        far = self.test
        order = np.random.default_rng(seed).permutation(far.nets.shape[1])

        def of(those: Any) -> Predicted:
            return Predicted(
                far.nets[:, those], lambda p, i: far.loss(p, those[i]), far.weights[those]
            )

        own, rest = of(order[:rows]), of(order[rows:])
        best = int(own.losses(own.every).argmin())
        return dataclasses.replace(self, validation=own, test=rest, single=best)


def row_loss(labels: Any, task: str, scale: float) -> Any:
    """Return the loss of predictions (nets x rows x outputs), row by row."""

    def loss(predictions: Any, rows: Any) -> Any:
        truth = labels[rows]
        if task == "regression":
            return (predictions[..., 0] - truth) ** 2 / scale
        if task == "binary":
            chance = np.clip(predictions[..., 0].astype(np.float64), 1e-7, 1.0 - 1e-7)
            return -np.where(truth == 1, np.log(chance), np.log1p(-chance))
        chance = np.clip(predictions.astype(np.float64), 1e-7, 1.0)
        chance /= chance.sum(axis=-1, keepdims=True)
        return -np.log(chance[..., np.arange(len(truth)), truth.astype(int)])

    return loss


def alike(count: int | None = None) -> Callable[[Kept], Any]:
    """Return equal weights of the nets with the lowest loss: so many, the half, 0: all."""

    def way(kept: Kept) -> Any:
        losses = kept.validation.losses(kept.validation.every)
        many = max(2, -(-len(losses) // 2)) if count is None else count or len(losses)
        weights = np.zeros(len(losses))
        weights[np.argsort(losses, kind="stable")[:many]] = 1.0 / min(many, len(losses))
        return weights

    return way


def former(kept: Kept) -> Any:
    """Return weights between equal ones of the better half and greedy ones."""
    rows = kept.validation.every
    share = len(rows) / (len(rows) + FORMER)
    found = share * greedy(kept.validation, rows, MOST) + (1.0 - share) * alike()(kept)
    found[np.argsort(-found, kind="stable")[MOST:]] = 0.0
    return found / found.sum()


def chosen(kept: Kept) -> Any:
    """Return the weights that a sweep takes."""
    return choose(kept.validation, kept.validation.every, MOST)


def where(way: Callable[[Kept], Any], *, told: bool) -> Callable[[Kept], Any]:
    """Return an average's weights or the single net's, by rows that did not choose the average.

    told: the single net only where these rows tell that it is better, by the 95% interval; else
    the average only where its loss on them is lower.
    """

    def rule(kept: Kept) -> Any:
        single = kept.alone(kept.single)
        _, gaps = held_out(kept.validation, lambda rows: way(kept.part(rows)), single)
        gap = of_moments(float(gaps.mean()), float(gaps.std()), len(gaps))
        worse = gap.low > 0.0 if told else gap.mean >= 0.0
        return single if worse else way(kept)

    return rule


def beyond_first(kept: Kept) -> Any:
    """Return the winner where it is better than trial 0 by a standard error, else trial 0."""
    own = kept.validation
    losses = own.loss(own.nets, own.every)
    gaps = losses[kept.single] - losses[kept.first]
    better = gaps.mean() < -gaps.std(ddof=1) / len(gaps) ** 0.5
    return kept.alone(kept.single if better else kept.first)


def best(kept: Kept) -> Any:
    """Return the net with the lowest loss."""
    return kept.alone(int(kept.validation.losses(kept.validation.every).argmin()))


NOW = "a sweep's, unless told worse"
RULES: dict[str, Callable[[Kept], Any]] = {
    "former, where it leads": where(former, told=False),
    "winner": lambda kept: kept.alone(kept.single),
    "lowest loss": best,
    "trial 0": lambda kept: kept.alone(kept.first),
    "winner, if 1 error better": beyond_first,
    "equal, all": alike(0),
    "equal, better half": alike(),
    "equal, best 3": alike(3),
    "former": former,
    "greedy": lambda kept: greedy(kept.validation, kept.validation.every, MOST),
    "likely": lambda kept: likely(kept.validation, kept.validation.every),
    "a sweep's": chosen,
    "a sweep's, where it leads": where(chosen, told=False),
    NOW: where(chosen, told=True),
}
