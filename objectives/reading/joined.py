"""The data of a net that is refitted: the validation rows are training rows too."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput, Data, Part, Source
from objectives.data import UNIT
from objectives.judging import threshold
from objectives.structures import leaves, packed

if TYPE_CHECKING:
    from objectives import Objective


def joined(
    objective: Objective[Any], data: Data, source: Source, cut: float | None = None
) -> Data:
    """Return data whose training part has the validation rows too.

    The validation part stays what it is, and tells nothing any more. What a reader of this project
    fits on training rows (scaling, levels, weights of classes) is fitted on all these rows.

    Args:
        objective: Reads the data.
        data: As the study has them.
        source: Where they are read from again.
        cut: The threshold between two classes, chosen before.

    Raises:
        BadInput: For data sets, for rows that are no longer at hand, and for a changed file.
    """
    if data.stream is not None or objective.function is not None:
        what = "data sets" if objective.function is None else "an objective function"
        raise BadInput(f"--refit joins arrays, and this sweep has {what}: export without --refit")
    if data.folds:
        raise BadInput(
            "--refit: the nets of --folds have learned from all rows but the test part's already: "
            "export without --refit"
        )
    found = _reread(objective, data, source) if data.preprocessing is not None else _arrays(data)
    details = dict(found.details)
    if cut is not None:
        details[threshold.FIXED] = cut
    if details.get("task") == "regression":  # so that the losses of both have one unit
        y = np.asarray(data.train.y, np.float64)
        details[UNIT] = [float(y.mean()), float(y.std()) or 1.0]
    return dataclasses.replace(found, details=details)


def _reread(objective: Objective[Any], data: Data, source: Source) -> Data:
    """Return what is read again, and fitted on more rows."""
    if data.source.arrays is not None and not source.arrays:
        raise BadInput(
            "--refit: the rows of this study were given in Python and are not kept unscaled: "
            "s = sweeps.run(sweep, data=(X, y)), then s.export(folder, refit=True)"
        )
    if objective.data(source).digest != data.digest:
        raise BadInput(f"--refit: {source.name} is not what the study was made of any more")
    again = objective.data(dataclasses.replace(source, joined=True))
    # A `load` of the user's own may split by itself.
    whole = len(again.train) == len(data.train) + len(data.validation)
    return again if whole else _arrays(data)


def _arrays(data: Data) -> Data:
    """Return the arrays of both parts, one after the other."""
    one, other = data.train, data.validation
    x, y = _both(one.x, other.x), _both(one.y, other.y)
    weight = one.sample_weight, other.sample_weight
    if any(each is not None for each in weight):
        given = (
            packed(part.y, iter([np.ones(len(part), np.float32)] * len(leaves(part.y))))
            if each is None
            else each
            for part, each in zip((one, other), weight, strict=True)
        )
        return dataclasses.replace(data, train=Part(x, y, _both(*given)), digest="")
    return dataclasses.replace(data, train=Part(x, y), digest="")


def _both(one: Any, other: Any) -> Any:
    pairs = zip(leaves(one), leaves(other), strict=True)
    return packed(one, (np.concatenate(pair) for pair in pairs))
