"""The key read off a model: equal only where its trace is equal, whatever may differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

keras = pytest.importorskip("keras")
walk = pytest.importorskip("tests.objectives.training.walk")
pytestmark = pytest.mark.slow

ALL = [(module, kind) for module in walk.MODULES for kind in walk.classes(module)]


def key(model: Any) -> str | None:
    from objectives.training.inputs import Inputs
    from objectives.training.structure import structure

    return structure(model, Inputs(model))


def traced(model: Any) -> Any:
    """Return a model's trace on two batches of training and one of validation."""
    import tensorflow as tf

    from objectives.training.compiled import build
    from objectives.training.epoch import trace
    from objectives.training.inputs import Inputs
    from objectives.training.program import variables

    parts = tuple(map(tf.constant, walk.fed(model)))
    build(model, parts, 4)
    found = trace(model, parts, tuple(part[:4] for part in parts), 8, 4, 4, Inputs(model))
    return found.located(variables(model))


def made(module: str, make: Callable[[], Any], after: Any = None) -> Any:
    """Return a model, or None where Keras has none."""
    try:
        return walk.model(module, make, after)
    except Exception:  # of many kinds: Keras refuses the value
        return None


class Base:
    """A class with its default arguments; its trace is made where it is needed."""

    def __init__(self, module: str, kind: type) -> None:
        self.module, self.kind = module, kind
        self.make = lambda: kind(**walk.required(kind))
        self.model = made(module, self.make)
        self.key = self.model and key(self.model)
        self._trace: Any = None

    def agrees(self, other: Any) -> bool:
        """Return whether another model shares nothing, or has an equal trace."""
        if key(other) != self.key:
            return True
        if self._trace is None:
            self._trace = traced(walk.model(self.module, self.make))
        found = traced(other)
        return found.digest == self._trace.digest and found.places == self._trace.places


@pytest.mark.parametrize(("module", "kind"), ALL, ids=lambda part: getattr(part, "__name__", part))
def test_what_shares_a_key_has_the_same_trace(module: str, kind: type) -> None:
    """For every argument of every class, and every plain attribute that may be set later."""
    base = Base(module, kind)
    if base.key is None:
        from objectives.training.structure import LISTED

        assert kind not in LISTED, "a listed class has to be walked"
        return
    wrong = []
    for name, given in walk.variants(module, kind):
        other = made(module, lambda given=given: kind(**given()))
        if other is not None and not base.agrees(other):
            wrong.append(name)
    for name, value in state(base):
        other = made(module, base.make, lambda thing, n=name, v=value: setattr(thing, n, v))
        if other is not None and not base.agrees(other):
            wrong.append(f"{name} set to {value!r}")
    assert not wrong


def state(base: Any) -> list[tuple[str, Any]]:
    """Return the public attributes of a class that hold plain values, and others for them."""
    held: list[Any] = []
    walk.model(base.module, base.make, held.append)
    found = [(n, walk.different(v)) for n, v in vars(held[0]).items() if not n.startswith("_")]
    return [(n, v) for n, v in found if v is not walk.MISSING]
