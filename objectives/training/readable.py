"""Rows that a model cannot read: found before it trains, in those that are likeliest to be odd.

A word or a class that a model does not know ends `fit` with an error, and XLA computes on.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from objectives import PARTS, BadInput, Data, Part
from objectives.reading.ragged import Ragged
from objectives.structures import items, leaves, mapped, named, nested, taken
from objectives.training.epochs import fed
from objectives.training.errors import cause


class Readable:
    """The data of a trainer, of which each model is shown a few rows before it trains."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def build(self, model: keras.Model, *, first: bool) -> None:
        """Give a model that declares no input the shape of the rows; raise as `require` does."""
        x = taken(self.data.train.x, slice(1))
        try:
            with contextlib.suppress(NotImplementedError):  # a model of steps alone has no call
                model(mapped(fed, x))
        except Exception as fault:
            why = self._odd(self.data.train)
            if not first or not why:
                raise
            raise _refusal(PARTS[0], why, fault) from None

    def require(self, model: keras.Model, *, first: bool) -> None:
        """Raise where a built model cannot read the data; its variables stay as they are.

        Args:
            model: A trial's compiled model.
            first: Whether none was built before: then no trial can be trained. Else it may be
                this one's hyperparameters.

        Raises:
            BadInput: If it is the first.
            ValueError: If it is a later one, so that this trial alone fails.
        """
        try:
            self._require_x(model)
            self._require_classes(model)
        except BadInput as fault:
            if first:
                raise
            raise ValueError(str(fault)) from None

    def _require_x(self, model: keras.Model) -> None:
        said = {}
        for part, (x, why) in self._shown.items():
            try:
                said[part] = _called(model, x)
            except NotImplementedError:  # it has steps alone
                return
            except Exception as fault:
                if not why and not isinstance(fault, tf.errors.InvalidArgumentError):
                    return  # the model's own trouble, which its trial tells
                raise _refusal(part, why or _range(x), fault) from None
        if self.data.train.y is not None and PARTS[0] in said:
            for part in [name for name in PARTS[1:] if name in said]:
                self._require_y(part, said[PARTS[0]], said[part], _names(model))

    def _require_y(self, part: str, said: Any, later: Any, names: list[str]) -> None:
        """Raise BadInput where y has the form of what the model gives in the training part alone.

        said, later: what it gives for the training part, and for this one.
        """
        own = {
            place: (y, it) for place, y, it in _outputs(getattr(self.data, part).y, later, names)
        }
        for place, y, output in _outputs(self.data.train.y, said, names):
            other, given = own.get(place, (y, output))
            if _row(y) == _row(output) and _row(other) != _row(given):
                raise BadInput(
                    f"{place} has rows of the shape {tuple(y.shape[1:])} in the training part and "
                    f"{tuple(other.shape[1:])} in the {part} part, where the model gives "
                    f"{tuple(given.shape[1:])}"
                )

    def _require_classes(self, model: keras.Model) -> None:
        """Raise BadInput where y holds a class, or a column, that a model has no output for."""
        y, names = self.data.train.y, _names(model)
        given = keras.tree.flatten(model.loss)
        if y is None or not any(_by_number(loss) or _by_output(loss) for loss in given):
            return
        outputs = getattr(getattr(model, "_functional", None) or model, "_outputs_struct", None)
        try:
            if outputs is None:
                outputs = _called(model, taken(self.data.train.x, slice(1)))
        except Exception:  # the model's own trouble, which its trial tells
            return
        losses = {place: loss for place, _, loss in _outputs(y, model.loss, names)}
        for place, one, output in _outputs(y, outputs, names):
            if _by_output(losses.get(place)) and not _may_be(
                tuple(one.shape[1:]), tuple(output.shape[1:])
            ):
                hint = "let it have one output for each column"
                if not _row(one):
                    hint = "sparse_categorical_crossentropy is the loss of class numbers"
                raise BadInput(
                    f"{place} has rows of the shape {tuple(one.shape[1:])}, and the model gives "
                    f"{tuple(output.shape[1:])}: {hint}"
                )
            known = (output.shape[-1] if _by_number(losses.get(place)) else 0) or 0
            for part, (least, most) in self._classes.get(place, {}).items() if known else ():
                for odd in (least, most):
                    if not 0 <= odd < known:
                        raise BadInput(
                            f"{place} of the {part} part has the class {odd}, and the model knows "
                            f"0 to {known - 1}: number the classes from 0, and let the model have "
                            "an output for each"
                        )

    @functools.cached_property
    def _classes(self) -> dict[str, dict[str, tuple[int, int]]]:
        """The least and the greatest number that each output's y holds, by part."""
        found: dict[str, dict[str, tuple[int, int]]] = {}
        for part in PARTS:
            for place, leaf in named(getattr(self.data, part).y, "y"):
                if leaf is not None and leaf.size and leaf.dtype.kind in "iuf":
                    found.setdefault(place, {})[part] = int(leaf.min()), int(leaf.max())
        return found

    @functools.cached_property
    def _shown(self) -> dict[str, tuple[Any, str]]:
        """Rows of x by part, and why: "" where it is their numbers alone."""
        found = {}
        for name in PARTS:
            part: Part = getattr(self.data, name)
            if not len(leaves(part.x)[0]):
                continue  # of data in folds
            why, chosen = self._odd(part), _extremes(part.x)
            if why or chosen:
                found[name] = taken(part.x, chosen or slice(1)), why
        if any(why for _, why in found.values()) and PARTS[0] not in found:
            found = {PARTS[0]: (taken(self.data.train.x, slice(1)), "")} | found
        return found

    def _odd(self, part: Part) -> str:
        """Return what of the form of a part's rows may be too much for a model."""
        for (place, own), one in zip(named(part.x, "x"), leaves(self.data.train.x), strict=True):
            if isinstance(own, Ragged):
                return f", whose rows are of unequal length (pad them, pad_sequences({place}))"
            if own.shape[1:] != one.shape[1:]:
                return (
                    f", where {place} has rows of the shape {tuple(own.shape[1:])}, and "
                    f"{tuple(one.shape[1:])} in the training part"
                )
        if _rows_of(part.y) != _rows_of(self.data.train.y):
            return ", whose y has rows of another shape than in the training part"
        return ""


def _refusal(part: str, why: str, fault: Exception) -> BadInput:
    told = cause(type(fault).__name__, str(fault))
    return BadInput(f"the model cannot read x of the {part} part{why}: {told}")


def _names(model: keras.Model) -> list[str]:
    return getattr(model, "output_names", None) or []


def _called(model: keras.Model, x: Any) -> Any:
    """Return what a model predicts of rows. What it draws or counts meanwhile is forgotten."""
    given = mapped(fed, x)

    def call() -> Any:
        with keras.StatelessScope():
            return model(given, training=False)

    try:
        return call()
    except NotImplementedError:
        raise
    except Exception as fault:
        with contextlib.suppress(Exception):
            return tf.function(call)()  # there is code that runs in a graph alone
        raise fault from None


def _extremes(x: Any) -> list[int]:
    """Return the rows that hold the least and the greatest of each array of whole numbers."""
    found: list[int] = []
    for leaf in leaves(x):
        # Bytes are pictures; and a ragged array's rows are not its values'.
        if (
            not isinstance(leaf, Ragged)
            and leaf.dtype.kind in "iu"
            and leaf.itemsize > 1
            and leaf.size
        ):
            width = leaf.size // len(leaf)
            found += [int(leaf.argmin()) // width, int(leaf.argmax()) // width]
    return sorted(set(found))


def _range(x: Any) -> str:
    """Return the least and the greatest of the whole numbers in rows, in words."""
    found = [
        f"{place} from {leaf.min()} to {leaf.max()}"
        for place, leaf in named(x, "x")
        if leaf.dtype.kind in "iu"
    ]
    return f" ({', '.join(found)})"


def _rows_of(structure: Any) -> list[Any]:
    return [_row(leaf) for leaf in leaves(structure) if leaf is not None]


def _row(leaf: Any) -> tuple[Any, ...]:
    """Return the shape of a row, without a last axis of 1, which Keras adds and drops."""
    shape = tuple(leaf.shape[1:])
    return shape[:-1] if shape[-1:] == (1,) else shape


def _outputs(y: Any, other: Any, names: list[str]) -> Iterator[tuple[str, Any, Any]]:
    """Yield each output's place in y, its y, and what belongs to it in another structure.

    names: of the model's outputs, in their order.
    """
    if not nested(y):
        one = [*dict(items(other)).values()] if nested(other) else [other]
        if len(one) == 1:
            yield "y", y, one[0]
        return
    for at, (key, leaf) in enumerate(items(y)):
        name = key if isinstance(key, str) else names[at] if at < len(names) else key
        place = names.index(name) if name in names else at
        found = other
        if isinstance(other, Mapping):
            found = other.get(key, other.get(name))
        elif nested(other):
            found = other[place] if place < len(other) else None
        if found is not None and not nested(leaf) and not nested(found):
            yield (f'y["{key}"]' if isinstance(key, str) else f"y[{key}]"), leaf, found


def _may_be(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Return whether two shapes are alike as far as they are known, but for last axes of 1."""
    while one[-1:] == (1,):
        one = one[:-1]
    while other[-1:] == (1,):
        other = other[:-1]
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(a == b or None in (a, b) for a, b in pairs)


def _by_output(loss: Any) -> bool:
    """Return whether this is a loss that Keras computes of y with a column for each output."""
    names = ("categorical_crossentropy", "binary_crossentropy")
    kinds = (keras.losses.CategoricalCrossentropy, keras.losses.BinaryCrossentropy)
    if type(loss) in kinds:  # a class of the user's own may do otherwise
        return True
    return loss in names or any(loss is getattr(keras.losses, name) for name in names)


def _by_number(loss: Any) -> bool:
    """Return whether this is the loss of classes by their numbers, all of which count."""
    name = "sparse_categorical_crossentropy"
    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        return getattr(loss, "ignore_class", None) is None
    return loss == name or loss is keras.losses.sparse_categorical_crossentropy
