"""Access to fields of a config by path, for nested dataclasses and mappings."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

Path = tuple[str, ...]
OPTIMIZERS = ("adam", "adamw", "nadam", "rmsprop", "sgd", "adam_uncorrected")


def find(
    config: Any, names: Sequence[str], fits: Callable[[Any], bool] = lambda value: True
) -> Path | None:
    """Return the path of the first field with one of these names that fits, outermost first."""
    fields = sorted(_fields(config), key=lambda item: len(item[0]))
    for name in names:
        for path, value in fields:
            if path[-1] == name and fits(value):
                return path
    return None


def _fields(config: Any, prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    if dataclasses.is_dataclass(config):
        items = [(item.name, getattr(config, item.name)) for item in dataclasses.fields(config)]
    else:
        items = list(config.items()) if isinstance(config, Mapping) else []
    for name, value in items:
        yield (*prefix, name), value
        yield from _fields(value, (*prefix, name))


def get(config: Any, path: Path) -> Any:
    """Return the value at a path."""
    for name in path:
        config = config[name] if isinstance(config, Mapping) else getattr(config, name)
    return config


def put(config: Any, path: Path, value: Any) -> Any:
    """Return a copy of a config with one value replaced."""
    name, rest = path[0], path[1:]
    inner = put(get(config, (name,)), rest, value) if rest else value
    if isinstance(config, Mapping):
        return {**config, name: inner}
    return dataclasses.replace(config, **{name: inner})


def allowed(config: Any, path: Path, value: Any) -> bool:
    """Return whether a field's annotation permits a value, if it says anything."""
    owner = get(config, path[:-1])
    if isinstance(owner, Mapping):
        return True
    hint = typing.get_type_hints(type(owner), include_extras=True).get(path[-1], Any)
    bare = getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint
    if typing.get_origin(bare) is Literal and value not in typing.get_args(bare):
        return False
    return all(_inside(bound, value) for bound in getattr(hint, "__metadata__", ()))


def _inside(bound: Any, value: Any) -> bool:
    """Return whether a value is within an annotated bound, if there is one."""
    if value is None:
        return True
    gt, ge, lt, le = (getattr(bound, name, None) for name in ("gt", "ge", "lt", "le"))
    above = (gt is None or value > gt) and (ge is None or value >= ge)
    below = (lt is None or value < lt) and (le is None or value <= le)
    return bool(above and below)


def to_plain_data(value: Any) -> Any:
    """Return a dataclass as a dict, any other value as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value


def is_number(value: Any) -> bool:
    """Return whether a field's value is a number, which can be scaled."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_optimizer(value: Any) -> bool:
    """Return whether a field's value names an optimizer."""
    return isinstance(value, str) and value.lower() in OPTIMIZERS


def is_schedule(value: Any) -> bool:
    """Return whether a field's value is settings for ReduceLROnPlateau, or None."""
    return value is None or hasattr(value, "patience")
