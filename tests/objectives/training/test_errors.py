"""One line of an error says what was raised, and why."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from objectives.training.errors import cause, error_line

KERAS = """Exception encountered when calling Own.call().

\x1b[1mshapes (3,) and (4,) do not fit\x1b[0m

Arguments received by Own.call():
  • x=tf.Tensor(shape=(None, 3), dtype=float32)"""
WEIGHTS = """1 of 2 objects could not be loaded. Example:

Layer 'dense' has none

List of objects:
[<Dense>]"""
CLASS = """<class 'Sequential'> could not be deserialized properly.

config={}

Exception encountered: Could not locate class 'Own'."""
TENSORFLOW = """Graph execution error:

Detected at node own/Assert defined at (most recent call last):
  File "program.py", line 7, in <module>

assertion failed: [x is negative]
\t [[{{node own/Assert}}]] [Op:__inference_multi_step_on_iterator_3276]"""


def raised(text: str) -> str:
    """Return the traceback of an error that another one caused."""
    try:
        try:
            raise KeyError("before")
        except KeyError as before:
            raise ValueError(text) from before
    except ValueError:
        return traceback.format_exc()


@pytest.mark.parametrize("line", [cause, None])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no such units", "ValueError: no such units"),
        ("no such units\n  take 3\n  or 4", "ValueError: no such units"),
        (
            CLASS,
            "ValueError: Could not locate class 'Own'.",
        ),
        (
            WEIGHTS,
            "ValueError: 1 of 2 objects could not be loaded. Example: Layer 'dense' has none",
        ),
        (
            KERAS,
            "ValueError: Exception encountered when calling Own.call(). "
            "shapes (3,) and (4,) do not fit",
        ),
        (TENSORFLOW, "ValueError: Graph execution error: assertion failed: [x is negative]"),
        ("{{function_node epoch_1f_graph}} it overflows", "ValueError: it overflows"),
        ("", "ValueError"),
    ],
)
def test_the_line_of_an_exception_and_of_its_traceback(
    text: str, said: str, line: Callable[[str, str], str] | None
) -> None:
    assert (line("ValueError", text) if line else error_line(raised(text))) == said


def test_a_sentence_of_keras_that_is_wrapped_is_told_whole() -> None:
    text = """
Object Mean was created by passing
non-serializable argument values in `__init__()`,
and therefore the object must override `get_config()` in
order to be serializable. Please implement `get_config()`.

Example:

    def get_config(self):
        return config
"""
    whole = (
        "NotImplementedError: Object Mean was created by passing non-serializable argument values "
        "in `__init__()`, and therefore the object must override `get_config()` in order to be "
        "serializable."
    )
    assert cause("NotImplementedError", text) == whole
    assert error_line(f"NotImplementedError: {text}") == whole


def test_other_text_is_told_by_its_last_line() -> None:
    died = "its worker died 3 times; the last time, signal 9"
    assert error_line(died) == error_line(f"first\n{died}\n") == died
    assert error_line("") == ""
