"""Statistics of numeric columns or channels, and how training data are scaled by them.

`objectives.preprocessing` builds the same steps from Keras layers: the two agree to float32.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

CLIP = 5.0  # standard deviations: an outlier beyond is worth no more
EPSILON = 1e-7  # Keras's: the least standard deviation that Normalization divides by
ALIKE = 16  # columns from which they may share a deviation
AT_ONCE = 1 << 22  # cells in one step: temporaries stay small


@dataclass(frozen=True)
class Scaling:
    """One entry a column: unit (a power of two), mean, variance, missing.

    Raw values are multiplied by the unit, standardised and clipped; a missing one is the mean.
    Columns with missing training cells have an indicator.
    """

    unit: Floats
    mean: Floats
    variance: Floats
    missing: NDArray[np.bool_]

    @property
    def how(self) -> str:
        """What was done, in words."""
        shared = len(self.variance) >= ALIKE and len(np.unique(self.variance)) == 1
        return "standardised" + (" (one deviation for all: they share a range)" if shared else "")

    @property
    def width(self) -> int:
        """Columns after scaling, indicators included."""
        return len(self.mean) + int(self.missing.sum())

    def plain(self) -> dict[str, list[Any]]:
        """Return lists of plain numbers."""
        return {name: array.tolist() for name, array in vars(self).items()}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Scaling:
        """Return the inverse of `plain`."""
        return cls(
            np.asarray(plain["unit"], np.float32),
            np.asarray(plain["mean"], np.float32),
            np.asarray(plain["variance"], np.float32),
            np.asarray(plain["missing"], np.bool_),
        )

    def apply(self, raw: Floats, out: Floats) -> None:
        """Write scaled columns and indicators of rows x columns into `out`; both may overlap."""
        columns = len(self.mean)
        deviation = np.maximum(np.sqrt(self.variance), np.float32(EPSILON))
        step = max(1, AT_ONCE // max(1, columns))
        for start in range(0, len(raw), step):
            with np.errstate(over="ignore"):  # infinity is cut off below, like any outlier
                x = raw[start : start + step] * self.unit
            absent = np.isnan(x)
            x = np.where(absent, self.mean, x)
            target = out[start : start + step]
            target[:, columns : self.width] = absent[:, self.missing]
            np.clip((x - self.mean) / deviation, -CLIP, CLIP, out=target[:, :columns])


FIELDS = tuple(Scaling.__dataclass_fields__)


def fit(train: Floats, *, alike: bool = False) -> Scaling:
    """Return the statistics of training values: rows x columns, NaN where missing.

    alike: 16 columns or more that share a range (pixels, a spectrum, answers from 1 to 5) share
    one deviation: what hardly varies then stays small, where its own would blow up its noise.
    """
    step = max(1, AT_ONCE // max(1, len(train)))
    found = [_fit(train[:, start : start + step]) for start in range(0, train.shape[1], step)]
    if not found:
        return Scaling(*(np.zeros(0, kind) for kind in ("f4", "f4", "f4", "?")))
    whole = Scaling(
        **{name: np.concatenate([getattr(one, name) for one in found]) for name in FIELDS}
    )
    if alike and _share_a_range(train) and len(np.unique(whole.unit)) == 1:
        common = np.full_like(whole.variance, whole.variance.mean(dtype=np.float64))
        return dataclasses.replace(whole, variance=common)
    return whole


def _share_a_range(train: Floats) -> bool:
    """Return whether most of many columns reach half of the widest one's range."""
    if train.shape[1] < ALIKE:
        return False
    ranges = np.fmax.reduce(train, axis=0) - np.fmin.reduce(train, axis=0)
    return bool(np.mean(ranges >= ranges.max() / 2.0) >= 0.5)


def _fit(train: Floats) -> Scaling:
    missing = np.isnan(train)
    _, deviation = _moments(train.astype(np.float64), missing)
    usable = np.where(deviation > 0.0, deviation, 1.0)
    # Only extreme scales are touched, so that float32 neither overflows nor vanishes.
    ordinary = (usable > 1e-3) & (usable < 1e6)
    unit = np.where(ordinary, 1.0, np.exp2(-np.floor(np.log2(usable))))
    unit = np.clip(unit, 2.0**-120, 2.0**120).astype(np.float32)
    mean, deviation = _moments((train * unit).astype(np.float64), missing)
    variance = np.where(deviation > EPSILON, deviation, 1.0) ** 2
    gaps: NDArray[np.bool_] = np.any(missing, axis=0)
    return Scaling(unit, mean.astype(np.float32), variance.astype(np.float32), gaps)


def _moments(
    x: NDArray[np.float64], missing: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each column, without missing cells."""
    count = np.maximum((~missing).sum(axis=0), 1)
    mean = np.where(missing, 0.0, x).sum(axis=0) / count
    centred = np.where(missing, 0.0, x - mean)
    return mean, np.sqrt((centred**2).sum(axis=0) / count)
