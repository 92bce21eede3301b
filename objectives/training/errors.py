"""One line of an exception or of a traceback: what was raised, and why."""

from __future__ import annotations

import re

BEGIN = "Traceback (most recent call last):"
MARKS = re.compile(r"\x1b\[[0-9;]*m|\{\{function_node [^}]*\}\} ")  # colours, and names of ours
AT_THE_END = "Graph execution error:"  # whose cause is the last line
CALLED = "Exception encountered when calling"
INNER = "Exception encountered: "  # begins the line of Keras's that says why it cannot load
NAMED = re.compile(r"(\w+(?:Error|Exception)): ")  # begins an exception's text
ORIGIN = "[[{{node "  # where in a graph it came from


def cause(kind: str, text: str) -> str:
    """Return one line of an exception's type and message.

    The first line of Keras's and TensorFlow's own messages may name the place alone: what was
    raised there comes after it in Keras's (as where weights do not fit a layer), and at the end of
    TensorFlow's.
    """
    lines = [one for one in MARKS.sub("", text).splitlines() if one.strip() and ORIGIN not in one]
    wrapped = len(lines) > 1 and lines[1][0].islower() and lines[0][-1].isalnum()
    first, *rest = [line.strip() for line in lines] or [""]
    if inner := [line for line in rest if line.startswith(INNER)]:
        first = inner[-1].removeprefix(INNER)
    elif wrapped:  # a paragraph of Keras's
        sentence = " ".join([first, *rest]).partition(". ")[0]
        first = f"{sentence.rstrip('.')}."
    elif rest and (first.endswith(":") or first.startswith(CALLED)):
        first += f" {rest[-1] if first == AT_THE_END else rest[0]}"
    return f"{kind}: {first}" if first else kind


def error_line(error: str) -> str:
    """Return the line of a traceback that says what was raised, or the last line of other text."""
    text = error.strip()
    _, begun, section = text.rpartition(f"{BEGIN}\n")
    lines = section.splitlines()
    # Frames are indented, and the exception begins with its type.
    raised = next((i for i, line in enumerate(lines) if line[:1].strip()), None)
    if not begun and (found := NAMED.match(text)):
        return cause(found[1], text[found.end() :])
    if not begun or raised is None:
        return text.rpartition("\n")[2]
    kind, _, said = "\n".join(lines[raised:]).partition(": ")
    return cause(kind.rpartition(".")[2], said)
