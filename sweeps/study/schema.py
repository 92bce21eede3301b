"""What a config may hold, read off its JSON schema, and one clear line where it does not.

One mechanism for every config: the schema is pydantic's, of the dataclass with its bounds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.nearest import nearest

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")
NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
}
BOUNDS = {
    "minimum": "at least {:.12g}",
    "exclusiveMinimum": "above {:.12g}",
    "maximum": "at most {:.12g}",
    "exclusiveMaximum": "below {:.12g}",
}


@dataclass(frozen=True)
class Node:
    """A place in a JSON schema; `definitions` are those of the whole schema."""

    schema: Mapping[str, Any]
    definitions: Mapping[str, Any]

    @classmethod
    def of(cls, model: type[BaseModel]) -> Node:
        """Return the root of a model's schema."""
        schema = model.model_json_schema()
        return cls(schema, schema.get("$defs", {}))

    def at(self, loc: Iterable[int | str]) -> Node:
        """Return the place that an error names."""
        return _place(loc, self)[1]

    def alternatives(self) -> Iterator[Node]:
        """Yield what may stand here, references and unions resolved."""
        if "$ref" in self.schema:
            name = self.schema["$ref"].rsplit("/", 1)[1]
            yield from Node(self.definitions[name], self.definitions).alternatives()
        elif "anyOf" in self.schema or "oneOf" in self.schema:
            for schema in self.schema.get("anyOf") or self.schema["oneOf"]:
                yield from Node(schema, self.definitions).alternatives()
        else:
            yield self

    def fields(self) -> dict[str, Node]:
        """Return the known keys of the mapping that may stand here."""
        return {
            name: Node(schema, self.definitions)
            for node in self.alternatives()
            for name, schema in node.schema.get("properties", {}).items()
        }

    def field(self, name: str) -> Node | None:
        """Return the place of a key or an index, None where the schema has no such place."""
        for node in self.alternatives():
            for key in ("additionalProperties", "items"):
                if isinstance(node.schema.get(key), Mapping):
                    return Node(node.schema[key], self.definitions)
        return self.fields().get(name)

    @property
    def switchable(self) -> bool:
        """Whether settings stand here or None, which is written `off`."""
        found = list(self.alternatives())
        empty = any(node.schema.get("type") == "null" for node in found)
        return empty and any("properties" in node.schema for node in found)

    def allowed(self) -> str:
        """Return in words what may stand here."""
        words = [word for node in self.alternatives() if (word := node._allowed())]
        return " or ".join(["off", *words] if self.switchable else words)

    def _allowed(self) -> str:
        schema = self.schema
        if "const" in schema or "enum" in schema:
            return "one of " + ", ".join(map(str, schema.get("enum") or [schema["const"]]))
        if "properties" in schema:
            return "settings: " + ", ".join(schema["properties"])
        noun = NOUNS.get(schema.get("type", ""), "")
        if "minimum" in schema and "maximum" in schema:
            return f"{noun} from {schema['minimum']:.12g} to {schema['maximum']:.12g}"
        bounds = [text.format(schema[key]) for key, text in BOUNDS.items() if key in schema]
        return f"{noun} {' and '.join(bounds)}".strip()


def complaint(path: Path, error: ValidationError, root: Node) -> str:
    """Return one line: file, field, value and what is allowed; unknown keys come first."""
    errors = sorted(
        error.errors(include_url=False), key=lambda found: found["type"] not in UNKNOWN
    )
    places = {_place(found["loc"], root)[0] for found in errors}
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    return " ".join(f"{path}: {_line(errors[0], root)}{more}".splitlines())


def _line(error: ErrorDetails, root: Node) -> str:
    if error["type"] in UNKNOWN:
        *above, name = error["loc"]
        place, parent = _place(above, root)
        known = list(parent.fields())
        near = nearest(name, known)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return f"{place}{'.' if place else ''}{name} is not a known key; {hint}"
    place, node = _place(error["loc"], root)
    if error["type"] in MISSING:
        return f"{place} is missing; it must be {node.allowed()}"
    if error["type"] == "value_error":  # a config's own check
        return f"{place}: {error['msg'].removeprefix('Value error, ')}"
    value = json.dumps(error["input"], ensure_ascii=False, default=str)
    value = value if len(value) <= 60 else value[:57] + "..."
    return f"{place} is {value}; it must be {node.allowed() or error['msg']}"


def _place(loc: Iterable[int | str], root: Node) -> tuple[str, Node]:
    """Return an error's dotted path and its place; the names of a union's members are left out."""
    names: list[str] = []
    node = root
    for item in loc:
        child = node.field(str(item))
        if child is not None:
            names.append(str(item))
            node = child
    return ".".join(names), node
