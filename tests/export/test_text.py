"""Plain data to text and back: every digit, every string, and no surprises of YAML 1.1."""

import contextlib
import json
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from objectives import BadInput
from sweeps.export.text import float_text, parse, to_json, to_yaml

YAML, JSON = Path("config.yaml"), Path("config.json")
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]))
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
PLAIN = st.recursive(
    SCALAR, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8
)


@settings(deadline=None)
@given(st.dictionaries(TEXT, PLAIN), TEXT)
@example(
    {"a": "1e-4", "b": "off", "c": "089", "d": "1:30", "e": "2024-01-01", "<<": {"=": "~"}}, ""
)
@example({"0": "# no comment", "null": "- x", "a": "'", "b": '"', "c": "a: b", "d": "&a"}, "")
def test_plain_data_come_back(found: dict, block: str) -> None:
    found = {**found, block: {"inner": found}}
    assert same(parse(to_yaml(found, block), YAML), found)
    assert same(parse(to_json(found), JSON), found)


def same(a: object, b: object) -> bool:
    """Equal in type too: neither True is 1 nor 1 is 1.0."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@settings(deadline=None)
@given(st.dictionaries(TEXT, PLAIN))
def test_other_readers_of_yaml_agree(found: dict) -> None:
    assert same(yaml.safe_load(to_yaml({"": found}, "")), {"": found})


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1e-4)
@example(1e22)
@example(5e-324)
@example(-0.0)
def test_a_float_keeps_its_digits_and_its_point(value: float) -> None:
    text = float_text(value)
    assert float(text) == value
    assert math.copysign(1, float(text)) == math.copysign(1, value)
    assert "." in text
    assert len(text) <= len(repr(value)) + 4


@pytest.mark.parametrize(
    ("value", "text"), [(0.0001, "1.0e-4"), (1e-5, "1.0e-5"), (0.008, "0.008"), (1e6, "1.0e+6")]
)
def test_floats_are_readable(value: float, text: str) -> None:
    assert float_text(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("+.5", 0.5),
        ("3.", 3.0),
        ("012", 12),
        ("089", 89),
        ("off", "off"),
        ("no", "no"),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("0x10", "0x10"),
        ("True", True),
        ("~", None),
        ("", None),
    ],
)
def test_what_people_type_is_what_they_mean(text: str, value: object) -> None:
    assert same(parse(f"x: {text}\n", YAML), {"x": value})


@settings(deadline=None, max_examples=300)
@given(st.text() | st.text(alphabet="{}[]:,-&*!|>%@`\"'#? \n\tab01.", max_size=60))
@example("[" * 3000)
@example("a: *a")
@example("? {a: 1}\n: 2")
@example("!!python/object/apply:os.system [ls]")
@example("x: " + "9" * 5000)
@example("--- 1\n--- 2")
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    for path in (YAML, JSON):
        with contextlib.suppress(BadInput):
            parse(text, path)
            continue
        with pytest.raises(BadInput) as error:
            parse(text, path)
        assert str(error.value).startswith(str(path))
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("path", [YAML, JSON])
def test_a_key_given_twice_is_refused(path: Path) -> None:
    with pytest.raises(BadInput, match=r"width is given twice"):
        parse('{"config": {"width": 1, "depth": 2, "width": 3}}', path)


def test_json_is_json() -> None:
    assert json.loads(to_json({"a": [1.5, None, "ü"]})) == {"a": [1.5, None, "ü"]}
