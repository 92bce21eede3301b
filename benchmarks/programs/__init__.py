"""Keras programs as people bring them, one of each kind, for `benchmarks/public_programs.py`.

Every module is a kind, and every `Program` or `Function` in it is an entry. None of them does
anything for the sake of this project: `build` is standard Keras, with data that `load` makes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from objectives import Objective
from search_spaces import Space

Config = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Program:
    """One program, in three configs that differ in everything that may differ for its kind.

    digits: which tolerance holds, a key of `judging.TOLERANCES`. random: the training draws random
    numbers, so that another generator gives another curve. quick: it is in the quick subset.
    more: further arguments of the Objective.
    """

    load: Callable[[Any], Any]
    build: Callable[[Any, Any], Any]
    configs: tuple[Config, Config, Config]
    digits: str = "plain"
    random: bool = False
    quick: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def objective(self) -> Objective[Config]:
        """The objective that a sweep of it would have."""
        space: Space[Config] = Space(lambda _: self.configs[0], self.configs[0])
        return Objective(load=self.load, build=self.build, space=space, **self.more)


@dataclass(frozen=True, eq=False)
class Function:
    """A function that trains by itself, for `Objective.from_optuna`, and three sets of values."""

    function: Callable[[Any], float]
    configs: tuple[Config, Config, Config]
    quick: bool = False

    @cached_property
    def objective(self) -> Objective[Any]:
        """The objective that a sweep of it would have."""
        return Objective.from_optuna(self.function, max_epochs=10)


@dataclass(frozen=True, eq=False)
class Entry:
    """An entry and where it can be imported from."""

    name: str
    module: str
    attribute: str
    program: Program | Function


def entries() -> dict[str, Entry]:
    """Return every entry by its name, module after module."""
    found: dict[str, Entry] = {}
    for info in pkgutil.iter_modules(__path__, f"{__name__}."):
        module = importlib.import_module(info.name)
        for attribute, value in vars(module).items():
            if isinstance(value, Program | Function):
                name = attribute.lower()
                if name in found:
                    raise ValueError(f"two programs have the name {name}")
                found[name] = Entry(name, info.name, attribute, value)
    return found
