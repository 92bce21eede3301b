"""`--fix NAME=VALUE` and `--range NAME=LO:HI`, read and checked against the space."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from objectives import BadInput
from objectives.nearest import nearest
from search_spaces import Dimension, Space, check_value, label, plain, sample_with, survey

_REFUSED = object()


def narrowing(
    space: Space[Any], fix: Sequence[str] = (), ranges: Sequence[str] = ()
) -> dict[str, Dimension]:
    """Return the replaced ranges. `NAME=A,B,C` gives the choices of a categorical parameter.

    Raises BadInput for an unknown name, a value that does not read, or one out of bounds.
    """
    if not fix and not ranges:
        return {}
    known = survey(space.suggest)
    found: dict[str, Dimension] = {}
    given: dict[str, str] = {}
    for option, texts in (("--fix", fix), ("--range", ranges)):
        for text in texts:
            name, equals, value = text.partition("=")
            if not equals or not value:
                form = "NAME=VALUE" if option == "--fix" else "NAME=LO:HI"
                raise BadInput(f"{option} {text!r} is not of the form {form}")
            if name not in known:
                near = nearest(name, known)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise BadInput(
                    f"{option} {text!r}: no parameter {name!r}; {hint}there are: "
                    + ", ".join(known)
                )
            if name in found:
                raise BadInput(
                    f"{option} {text!r}: {name} has {given[name]} already, given here or when "
                    "the study was made; another --study NAME starts a new one"
                )
            given[name] = f"{option} {value}"
            dimension, answers = known[name]
            found[name] = _read(option, text, value, dimension)
            for end in found[name].ends:
                _check(space, option, text, {**answers, name: end}, dimension)
    return found


def check_start(start: Mapping[str, Any], known: Mapping[str, Dimension]) -> None:
    """Raise BadInput where the baseline that was given has a name or choice of no parameter."""
    for name, value in start.items():
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise BadInput(
                f"Objective(baseline=...): no parameter {name!r}; {hint}there are: "
                + ", ".join(known)
            )
        check_value(name, value, known[name])


def accepts(
    space: Space[Any], text: str, dimension: Dimension, answers: Mapping[str, Any]
) -> bool:
    """Return whether `--range` takes a text. answers: a config that has the parameter.

    What a model is built to find out is left to the one who takes the hint.
    """
    name, _, value = text.partition("=")
    try:
        for end in _read("--range", text, value, dimension).ends:
            if space.by_building:
                continue
            _check(space, "--range", text, {**answers, name: end}, dimension)
    except BadInput:
        return False
    return True


def _read(option: str, text: str, value: str, dimension: Dimension) -> Dimension:
    if dimension.choices is not None:
        words = [value] if option == "--fix" else value.replace(":", ",").split(",")
        structured = '"' in value or any(plain(c) != label(c) for c in dimension.choices)
        if option == "--range" and structured:
            words = _lists(value)
        chosen = [_choice(word, dimension) for word in words]
        if _REFUSED in chosen:
            word = words[chosen.index(_REFUSED)]
            must = "true or false" if any(isinstance(c, bool) for c in dimension.choices) else ""
            raise BadInput(
                f"{option} {text!r}: {word!r} is refused, it must be {must or 'a number'}; the "
                f"sweep takes {dimension}"
            )
        return Dimension("categorical", choices=tuple(chosen))
    low_text, colon, high_text = value.partition(":")
    if bool(colon) != (option == "--range"):
        form = "NAME=LO:HI" if option == "--range" else "NAME=VALUE"
        raise BadInput(f"{option} {text!r} is not of the form {form}")
    number = int if dimension.kind == "int" else float
    try:
        low, high = number(low_text), number(high_text if colon else low_text)
        if not (math.isfinite(low) and math.isfinite(high)):
            raise ValueError
    except ValueError:
        kind = "a whole number" if dimension.kind == "int" else "a number"
        raise BadInput(
            f"{option} {text!r}: {value!r} is not {kind}; the sweep takes {dimension}"
        ) from None
    if not low <= high:
        raise BadInput(f"{option} {text!r}: the low end {low:g} lies above the high end {high:g}")
    if dimension.log and low <= 0 < high:
        raise BadInput(
            f"{option} {text!r}: the low end {low:g} has no place on a logarithmic scale; the "
            f"sweep takes {dimension}"
        )
    return dataclasses.replace(dimension, low=low, high=high)


def _lists(value: str) -> list[str]:
    """Return the parts of `[4,2],[8,4]` or of `"a,b","c"`."""
    import json

    try:
        return [str(label(part)) for part in json.loads(f"[{value}]")]
    except ValueError:
        return [value]


def _choice(word: str, dimension: Dimension) -> Any:
    """Return the value that a word stands for, read by the type of the choices, or `_REFUSED`.

    All text is true, so where the choices are true and false `false` must not stay text.
    """
    choices = dimension.choices or ()
    for choice in choices:
        if word in (str(choice), str(label(choice))):
            return choice
    kinds = {type(plain(choice)) for choice in choices if choice is not None}
    named: dict[str, Any] = {"true": True, "false": False} if bool in kinds else {}
    if None in choices:
        named["none"] = None
    if word.strip().casefold() in named:
        return named[word.strip().casefold()]
    for number in (int, float):
        if number in kinds:
            with contextlib.suppress(ValueError):
                value = number(word)
                return value if math.isfinite(value) else _REFUSED
    return _REFUSED if kinds <= {bool, int, float} else word


def _check(
    space: Space[Any], option: str, text: str, answers: dict[str, Any], dimension: Dimension
) -> None:
    """Refuse a value that the config does not take, or that no model can be built of."""
    try:
        config = sample_with(space.suggest, answers)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise BadInput(
            f"{option} {text!r} is refused ({reason[0]}); the sweep takes {dimension}"
        ) from error
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        return
    import pydantic

    from sweeps.study.schema import Node

    adapter = pydantic.TypeAdapter(type(config))
    try:
        adapter.validate_python(dataclasses.asdict(config))
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        schema = adapter.json_schema()
        allowed = Node(schema, schema.get("$defs", {})).at(first["loc"]).allowed()
        raise BadInput(
            f"{option} {text!r}: {first['input']!r} is refused, it must be "
            f"{allowed or first['msg']}; the sweep takes {dimension}"
        ) from None
