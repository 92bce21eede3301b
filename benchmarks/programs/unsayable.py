"""What people bring and an Objective, with its one array x and one array y, cannot say."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.programs import Impossible
from benchmarks.programs.data import images, series, table


def inputs_by_name(source: Any) -> Any:
    """Return a dict of arrays, as a model with named inputs takes them."""
    x, y = table(source)
    return {"left": x[:, :6], "right": x[:, 6:]}, y


def inputs_of_two_shapes(source: Any) -> Any:
    """Return an image and a row."""
    x, y = images(source)
    return (x, table(source, len(x))[0]), y


def several_targets(source: Any) -> Any:
    """Return a number and a class apart, with a loss each."""
    x, y = table(source)
    return x, {"number": y, "kind": (y > 0).astype("int32")}


def pipeline(source: Any) -> Any:
    """Return a `tf.data.Dataset`."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(table(source)).batch(32)


def no_target(source: Any) -> Any:
    """Return rows alone."""
    return table(source)[0]


def ragged(source: Any) -> Any:
    """Return series of different lengths in a list."""
    x, y = series(source)
    return [each[: 4 + at % 12] for at, each in enumerate(x)], y


def text_targets(source: Any) -> Any:
    """Return classes by their names."""
    x, y = table(source)
    return x, np.where(y[:, 0] > 0, "high", "low")


ONE = "`load` gives one array x and one array y"
NAMED_INPUTS = Impossible(f"{ONE}, not a dict of arrays", inputs_by_name)
INPUTS_OF_TWO_SHAPES = Impossible(f"{ONE}, not a tuple of arrays", inputs_of_two_shapes)
NAMED_TARGETS = Impossible(f"{ONE}, not a target for each output", several_targets)
TF_DATA = Impossible("`load` gives arrays, not a pipeline", pipeline)
NO_TARGET = Impossible("`load` gives x and y; give x twice, or zeros", no_target)
RAGGED = Impossible("an array has one shape; pad the series and mask them", ragged)
TEXT_TARGETS = Impossible("y is numbers; number the classes", text_targets)
OWN_LOOP = Impossible("`build` gives a compiled model; a loop of one's own around it has no place")
TWO_FITS = Impossible("a trial is one training; freezing, training, thawing and training are two")
