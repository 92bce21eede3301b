"""Statistics of numeric columns or channels, and how training data are scaled by them.

All in float64, and float32 only at the end. `objectives.preprocessing` builds the same steps from
Keras layers: the two agree to float32.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput
from objectives.reading import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Numbers = NDArray[Any]  # float32, float64 or whole numbers

CLIP = 10.0  # standard deviations: an outlier beyond is worth no more
EPSILON = 1e-7  # Keras's: the least standard deviation that Normalization divides by
ALIKE = 16  # columns from which they may share a deviation
AT_ONCE = 1 << 21  # cells in one step: temporaries stay small
FAR = 100.0  # deviations between the mean and 0 from which an offset is taken off first
COARSE = 1e-4  # of a deviation that float32 may round a raw value by
LOST = 0.05  # of the distinct values that float32 may merge without a word
LOOKED_AT = 10_000  # rows, for distinct values
CELLS = 4_000_000  # of all columns together, for the same


@dataclass(frozen=True)
class Scaling:
    """One entry a column: offset, unit (a power of two), mean, variance, missing, double.

    The offset is taken off raw values; what is left is multiplied by the unit, standardized and
    clipped; a missing one is the mean. Columns with missing training cells have an indicator.
    double: raw values that float32 would round too coarsely, so that they need float64.
    """

    offset: NDArray[np.float64]
    unit: NDArray[np.float64]
    mean: Floats
    variance: Floats
    missing: NDArray[np.bool_]
    double: NDArray[np.bool_]

    @property
    def how(self) -> str:
        """What was done, in words."""
        shared = len(self.variance) >= ALIKE and len(np.unique(self.variance)) == 1
        return "standardized" + (" (one deviation for all: they share a range)" if shared else "")

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
        return cls(*(np.asarray(plain[name], kind) for name, kind in KINDS.items()))

    def apply(self, raw: Numbers, out: Floats) -> None:
        """Write scaled columns and indicators of rows x columns into `out`."""
        columns = len(self.mean)
        step = max(1, AT_ONCE // max(1, columns))
        for start in range(0, len(raw), step):
            x = self.standardized(raw[start : start + step])
            absent = np.isnan(x)
            target = out[start : start + step]
            target[:, columns : self.width] = absent[:, self.missing]
            np.clip(np.where(absent, 0.0, x), -CLIP, CLIP, out=target[:, :columns])

    def standardized(self, raw: Numbers, columns: slice = slice(None)) -> NDArray[np.float64]:
        """Return standardized values of some columns, NaN where missing."""
        # As Keras's Normalization divides, whose variance is a float32.
        deviation = np.maximum(np.sqrt(self.variance[columns]), np.float32(EPSILON))
        with np.errstate(over="ignore"):  # infinity is cut off later, like any outlier
            x = (raw.astype(np.float64) - self.offset[columns]) * self.unit[columns]
        found: NDArray[np.float64] = (x - self.mean[columns]) / deviation
        return found


KINDS = {"offset": "f8", "unit": "f8", "mean": "f4", "variance": "f4", "missing": "?"} | {
    "double": "?"
}


def fit(train: Numbers, *, alike: bool = False) -> Scaling:
    """Return the statistics of training values: rows x columns, NaN where missing.

    alike: 16 columns or more that share a range (pixels, a spectrum, answers from 1 to 5) share
    one deviation: what hardly varies then stays small, where its own would blow up its noise.
    """
    step = max(1, AT_ONCE // max(1, len(train)))
    blocks = (train[:, start : start + step] for start in range(0, train.shape[1], step))
    return together(blocks, alike=alike)


def together(blocks: Iterable[Numbers], *, alike: bool = False) -> Scaling:
    """Return what `fit` returns, of blocks of columns."""
    found, ranges = [], []
    for block in blocks:
        found.append(_fit(block))
        ranges.append(np.fmax.reduce(block, axis=0) - np.fmin.reduce(block, axis=0))
    if not found:
        return Scaling(*(np.zeros(0, kind) for kind in KINDS.values()))
    whole = Scaling(
        **{name: np.concatenate([getattr(one, name) for one in found]) for name in KINDS}
    )
    if alike and _share_a_range(np.concatenate(ranges)) and len(np.unique(whole.unit)) == 1:
        common = np.full_like(whole.variance, whole.variance.mean(dtype=np.float64))
        return dataclasses.replace(whole, variance=common)
    return whole


def merged(raw: Numbers, scaling: Scaling, place: int) -> str | None:
    """Return a warning's words where float32 merges distinct values of a column, scaled.

    raw: the column's training values. A few that stand far off (a 0 among time stamps) make the
    deviation so large that the others become one.
    """
    most = int(np.clip(CELLS // len(scaling.mean), 500, LOOKED_AT))
    sample = raw[:: max(1, len(raw) // most)]
    sample = sample[~np.isnan(sample)]
    before = len(np.unique(sample))
    scaled = scaling.standardized(sample, slice(place, place + 1)).astype(np.float32)
    after = len(np.unique(scaled))
    if after >= (1.0 - LOST) * before:
        return None
    return (
        f"{counted(before, 'different value')} become {after:,} when they are scaled: a net "
        "computes in float32. Take out what stands far off from the rest, or use the differences"
    )


def check_distinct(y: Numbers, single: Floats, what: str) -> None:
    """Raise BadInput where float32 merges distinct numbers that are to be predicted."""
    before, after = len(np.unique(y)), len(np.unique(single))
    if after < (1.0 - LOST) * before:
        raise BadInput(
            f"{what}: {counted(before, 'different value')} become {after:,} in float32, in which "
            "a net computes: take out what stands far off from the rest, or predict differences"
        )


def rounding(values: Numbers) -> float:
    """Return by how much float32 rounds the values at most, as TensorFlow has it."""
    if not values.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        single = values.astype(np.float32).astype(np.float64)
        single[np.abs(single) < np.finfo(np.float32).tiny] = 0.0  # which some devices do
        error = np.abs(single - values)
    return float(np.nanmax(error, initial=0.0))


def _share_a_range(ranges: NDArray[Any]) -> bool:
    """Return whether most of many columns reach half of the widest one's range."""
    return len(ranges) >= ALIKE and bool(np.mean(ranges >= ranges.max() / 2.0) >= 0.5)


def _fit(train: Numbers) -> Scaling:
    x = train.astype(np.float64)
    missing = np.isnan(x)
    mean, deviation = _moments(x, missing)
    # Exact in float32 too, so that it can be taken off there where float64 is not needed.
    offset = np.where(np.abs(mean) > FAR * deviation, mean.astype(np.float32), 0.0)
    double = np.array([rounding(column) for column in train.T]) > COARSE * deviation
    x -= offset
    usable = np.where(deviation > 0.0, deviation, 1.0)
    # Only extreme scales are touched, so that float32 neither overflows nor vanishes.
    ordinary = (usable > 1e-3) & (usable < 1e6)
    unit = np.where(ordinary, 1.0, np.exp2(-np.floor(np.log2(usable))))
    unit = np.clip(unit, 2.0**-120, 2.0**120)  # Keras keeps it as float32
    mean, deviation = _moments(x * unit, missing)
    variance = np.where(deviation > EPSILON, deviation, 1.0) ** 2
    gaps: NDArray[np.bool_] = np.any(missing, axis=0)
    return Scaling(
        offset, unit, mean.astype(np.float32), variance.astype(np.float32), gaps, double
    )


def _moments(
    x: NDArray[np.float64], missing: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each column, without missing cells."""
    count = np.maximum((~missing).sum(axis=0), 1)
    mean = np.where(missing, 0.0, x).sum(axis=0) / count
    centred = np.where(missing, 0.0, x - mean)
    return mean, np.sqrt((centred**2).sum(axis=0) / count)
