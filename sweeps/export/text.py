"""YAML and JSON text to plain data and back, without YAML's surprises.

PyYAML follows YAML 1.1, in which `1e-4` is a string, `off` and `no` are booleans, `1:30` is
ninety and a key given twice silently wins. What is read here follows YAML 1.2's core schema
instead, and what is written means the same to either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from objectives import BadInput

WIDE = 1 << 20  # one line a section, however long
FLOAT = re.compile(
    r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
CORE = {
    "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), "tTfF"),
    "int": (re.compile(r"[-+]?\d+"), "-+0123456789"),
    "float": (FLOAT, "-+.0123456789"),
    "null": (re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
}


def parse(text: str, path: Path) -> Any:
    """Return the plain data of a YAML or JSON text, told apart by the path's suffix.

    Raises BadInput with the file and the line at fault.
    """
    try:
        if path.suffix == ".json":
            return json.loads(text, object_pairs_hook=lambda pairs: unique(pairs, path))
        return yaml.load(text, Loader)  # noqa: S506 (a SafeLoader, with fewer tags)
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}: line {error.lineno} is not JSON: {error.msg}") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}" if error.problem_mark else "the text"
        raise BadInput(f"{path}: {line} is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise BadInput(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise BadInput(f"{path} is nested too deeply to be a config") from None
    except BadInput:
        raise
    except ValueError as error:  # a whole number of thousands of digits
        raise BadInput(f"{path}: {error}") from None


def unique(pairs: Iterable[tuple[str, Any]], path: Path) -> dict[str, Any]:
    """Return the pairs as a dict. Raises BadInput where a key is given twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadInput(f"{path}: {key} is given twice; keep one of them")
        found[key] = value
    return found


def to_yaml(sections: Mapping[str, Any], block: str) -> str:
    """Return YAML, a section a line; the section named `block` has a line for each value."""
    shaped = {
        key: {k: _flow(v) for k, v in value.items()} if key == block else _flow(value)
        for key, value in sections.items()
    }
    return yaml.dump(shaped, Dumper=Dumper, sort_keys=False, width=WIDE, allow_unicode=True)


def to_json(sections: Mapping[str, Any]) -> str:
    """Return indented JSON."""
    return json.dumps(sections, indent=2, ensure_ascii=False, default=str) + "\n"


class Loader(yaml.SafeLoader):
    """Plain data by the core schema of YAML 1.2; no aliases, no key twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own way)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases: a few lines of them unfold to gigabytes."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "a config has no aliases (*)", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a dict with text keys, none of them given twice."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _problem("a key must be a name", key)
            if key.value in seen:
                raise _problem(f"{key.value} is given twice; keep one of them", key)
            seen.add(key.value)
            key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


def _problem(what: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


class Dumper(yaml.SafeDumper):
    """Quotes whatever YAML 1.1 or 1.2 would take for something other than text."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write a list that occurs twice twice."""
        return True

    def choose_scalar_style(self) -> str:
        """Return double quotes where PyYAML would take single ones."""
        style: str = super().choose_scalar_style()
        return '"' if style == "'" else style


class _Flow(dict[str, Any]):
    """A mapping that is written on one line."""


class Off:
    """A part that is switched off: written as a bare `off`."""

    def __str__(self) -> str:
        return "off"


OFF = Off()


def _flow(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        return [{key: _flow(part) for key, part in item.items()} for item in value]
    return _Flow(value) if isinstance(value, Mapping) else value


def float_text(value: float) -> str:
    """Return the shortest readable text of a float that reads as the same float.

    Between 1e-3 and 1e6 as Python writes it (0.008), else as 1.0e-4: with a point and a signed
    exponent, which YAML 1.1 asks for.
    """
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return repr(value)
    texts = (f"{value:.{digits}e}" for digits in range(1, 18))
    mantissa, exponent = next(text for text in texts if float(text) == value).split("e")
    return f"{mantissa}e{int(exponent):+d}"


def _represent_float(dumper: yaml.SafeDumper, value: float) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:float", float_text(value))


Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))
for _name, (_pattern, _first) in CORE.items():
    for _class in (Loader, Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern.pattern})$"), list(_first)
        )
Dumper.add_representer(float, _represent_float)
Dumper.add_representer(
    Off, lambda dumper, off: dumper.represent_scalar("tag:yaml.org,2002:bool", str(off))
)
Dumper.add_representer(
    _Flow,
    lambda dumper, value: dumper.represent_mapping(
        "tag:yaml.org,2002:map", value.items(), flow_style=True
    ),
)
