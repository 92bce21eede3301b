"""The exported config: one file from which a colleague trains the same model.

YAML or JSON, told apart by the suffix. A config that is switched off is written `off`; what is
None is left out. Importing this module is cheap: pydantic is imported where text comes in.
"""

# ruff: noqa: RUF009  # a section is a frozen dataclass

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from objectives import BadInput, Source
from objectives.judging.threshold import CHOICES, KEY
from objectives.training.whole_files import replace
from sweeps.export.sections import DataOf as DataOf
from sweeps.export.sections import Decision as Decision
from sweeps.export.sections import Member as Member
from sweeps.export.sections import Origin as Origin
from sweeps.export.sections import Refit as Refit
from sweeps.export.sections import Split as Split
from sweeps.export.sections import Training as Training
from sweeps.export.text import OFF, parse, to_json, to_yaml
from sweeps.study.schema import Node, complaint

if TYPE_CHECKING:
    from pydantic import BaseModel

FORMAT = 1
SUFFIXES = (".yaml", ".yml", ".json")
ANYTHING = Node({}, {})
Parameters = dict[str, bool | int | float | str | list[Any] | dict[str, Any] | None]


@dataclass(frozen=True)
class Exported:
    """One config file. A file written by hand needs no more than format, sweep and config.

    config: the space's frozen dataclass, or a dict of parameters. members: of an average, of which
    config is the single best net; scores and decision are the average's.
    """

    format: int = field(default=FORMAT, kw_only=True)
    sweep: str
    config: Any
    training: Training | None = None
    data: DataOf = DataOf()
    split: Split = Split()
    scores: Mapping[str, float] = field(default_factory=dict)
    decision: Decision | None = None
    members: tuple[Member, ...] = ()
    refit: Refit | None = None
    origin: Origin = Origin()
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def recorded(self) -> float | None:
        """The monitored value that was reached, if the file holds it.

        Of a refitted average, which no validation rows judge, its loss on the test part.
        """
        if self.refit is not None and self.members:
            return self.scores.get("test_loss")
        return self.scores.get(self.training.monitor) if self.training else None

    def source(self, path: str | None = None) -> Source:
        """Return what loads the same data and splits them alike; `path` is where they lie now."""
        ignore = {"ignore": list(self.data.ignore)} if self.data.ignore else {}
        found = {**vars(self.data), **vars(self.split), "options": {**self.data.options, **ignore}}
        return Source.named(path or self.data.source, found)


def with_scores(exported: Exported, scores: Mapping[str, float]) -> Exported:
    """Return the file with further scores, and the threshold among them in its own section."""
    found = {**exported.scores, **scores}
    if (chosen := found.pop(KEY, None)) is None:
        return dataclasses.replace(exported, scores=found)
    goal = str(exported.data.options.get("threshold_for") or CHOICES[0])
    return dataclasses.replace(exported, scores=found, decision=Decision(chosen, goal))


def write(exported: Exported, path: Path, *, command: str = "") -> None:
    """Write the file, whole or not at all. `command` trains from it and heads a YAML file.

    Raises BadInput for a suffix that is neither YAML's nor JSON's, or an unwritable place.
    """
    check_suffix(path)
    written = text_of(exported, command=command, suffix=path.suffix)
    try:
        path.parent.stat()
        replace(path, lambda file: file.write_text(written, encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror}") from None


def text_of(exported: Exported, *, command: str = "", suffix: str = ".yaml") -> str:
    """Return what `write` writes."""
    kind: Any = type(exported.config)
    _, root = shape(kind)
    finite = {name: score for name, score in exported.scores.items() if math.isfinite(score)}
    filled = plain(dataclasses.replace(exported, scores=finite), root)
    sections = {k: v for k, v in filled.items() if k == "config" or (v and v is not OFF)}
    if suffix == ".json":
        return to_json(sections)
    written = to_yaml(sections, block="config")
    config = root.fields()["config"]
    for name in (name for name, node in config.fields().items() if node.switchable):
        written = re.sub(rf"(?m)^(  {re.escape(name)}: {{.*)$", r"\1  # or off", written)
    return (f"# {command}\n" if command else "") + written


def read(path: Path, config_type: type[Any], sweep: str | None = None) -> Exported:
    """Read a file whose config is of `config_type`, a dataclass or `dict`.

    Raises BadInput, one line with file, field, value and what is allowed, for anything that is
    not as it should be: an unknown key, a value out of bounds, another sweep's config.
    """
    import pydantic

    check_suffix(path)
    try:
        raw = parse(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    check_head(raw, path, sweep)
    kind: Any = config_type  # which mypy takes for unhashable
    model, root = shape(kind)
    # Strict, so that neither `true` nor "1" is 1; as JSON, so that a list may be a tuple.
    sent = json.dumps(switched_off(raw, root), default=str)
    try:
        checked = model.model_validate_json(sent, strict=True)
    except pydantic.ValidationError as error:
        raise BadInput(complaint(path, error, root)) from None
    found = {f.name: getattr(checked, f.name) for f in dataclasses.fields(Exported)}
    return Exported(**found | {"members": tuple(Member(**vars(m)) for m in found["members"])})


def check_suffix(path: Path) -> None:
    """Raise BadInput unless the path ends as YAML or JSON."""
    if path.suffix not in SUFFIXES:
        raise BadInput(f"config file {str(path)!r} must end in {', '.join(SUFFIXES)}")


def check_head(raw: Any, path: Path, sweep: str | None) -> None:
    """Raise BadInput unless this is a config of our format, and of the sweep if one is named."""
    if not isinstance(raw, dict):
        raise BadInput(f"{path} is not a config: it has no line `format: {FORMAT}`")
    found = raw.get("format")
    if type(found) is not int or found < 1:
        given = f"is {found!r}" if "format" in raw else "is missing"
        raise BadInput(f"{path}: format {given}; it must be {FORMAT}")
    if found > FORMAT:
        raise BadInput(
            f"{path}: format {found} is newer than this version of keras-sweeps, which reads "
            f"format {FORMAT}: upgrade with `pip install -U keras-sweeps`"
        )
    other = raw.get("sweep")
    if sweep is not None and isinstance(other, str) and other != sweep:
        raise BadInput(f"{path}: sweep is {other!r}, not {sweep!r}: use the command of {other}")


@functools.cache
def shape(config_type: type[Any]) -> tuple[type[BaseModel], Node]:
    """Return the pydantic model of a whole file and its schema; unknown keys are forbidden."""
    import pydantic

    kinds: dict[str, Any] = get_type_hints(Exported, include_extras=True)
    kinds["config"] = of = Parameters if config_type is dict else config_type
    own = {"__annotations__": {"config": of}, "__module__": __name__, "__doc__": Member.__doc__}
    member: Any = dataclass(frozen=True)(type("Member", (Member,), own))
    kinds["members"] = tuple[member, ...]
    fields: dict[str, Any] = {
        f.name: (kinds[f.name], ... if default(f) is MISSING else default(f))
        for f in dataclasses.fields(Exported)
    }
    forbid = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)
    model: type[BaseModel] = pydantic.create_model("Exported", __config__=forbid, **fields)
    return model, Node.of(model)


def plain(value: Any, node: Node) -> Any:
    """Return what is written for a value: None is `off` where it switches settings off.

    Other fields of a dataclass that hold nothing (None or empty) are left out by default.
    """
    if dataclasses.is_dataclass(value):
        found = {}
        for f in dataclasses.fields(value):
            given, child = getattr(value, f.name), node.field(f.name) or ANYTHING
            nothing = given is None or given == () or given == {}
            if child.switchable or not (nothing and given == default(f)):
                found[f.name] = plain(given, child)
        return found
    if value is None:
        return OFF if node.switchable else None
    if isinstance(value, Mapping):
        return {str(k): plain(v, node.field(str(k)) or ANYTHING) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, node.field("0") or ANYTHING) for item in value]
    if isinstance(value, Enum):
        return plain(value.value, node)
    if not isinstance(value, bool | int | float | str) and hasattr(value, "item"):
        return value.item()  # a NumPy scalar
    return next((k for k in (bool, int, float) if isinstance(value, k)), str)(value)


def default(f: dataclasses.Field[Any]) -> Any:
    """Return a dataclass field's default, MISSING without one."""
    return f.default_factory() if f.default_factory is not MISSING else f.default


def switched_off(raw: Any, node: Node) -> Any:
    """Return plain data with None for every `off` (or false) that switches settings off."""
    if node.switchable and (raw is False or raw == str(OFF)):
        return None
    if isinstance(raw, dict):
        return {key: switched_off(v, node.field(key) or ANYTHING) for key, v in raw.items()}
    if isinstance(raw, list):
        return [switched_off(item, node.field("0") or ANYTHING) for item in raw]
    return raw
