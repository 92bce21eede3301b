"""Options in messages as a caller in Python writes them: `--trials 60` is `trials=60` there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from objectives import BadInput
from sweeps.study.interrupts import end_if_terminated
from sweeps.study.options import OPTIONS

FLAGS = {one.flag: name for name, one in OPTIONS.items() if one.flag}
OPTION = re.compile(r"(?<![\w-])(--[a-z]+(?:-[a-z]+)*)(?:\s+([\w.]+=\S+|\d\S*|[A-Z]+)(?![\w']))?")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?")


@contextmanager
def in_python() -> Iterator[None]:
    """Raise BadInput in the words of Python; let a SIGTERM end the process after the block."""
    try:
        yield
    except BadInput as error:
        raise BadInput(spoken(str(error))) from None
    end_if_terminated()


def spoken(line: str) -> str:
    """Return a message with its options and commands as Python has them."""
    line = re.sub(r"\bexport --trial (\d+)", r"export(folder, trial=\1)", line)
    line = line.replace("run the same command", "make the same call")
    return OPTION.sub(_option, line)


def _option(found: re.Match[str]) -> str:
    flag, value = found.groups()
    name = FLAGS.get(flag)
    if name is None:
        return found[0]
    if value is None:
        return name
    if name in ("fix", "ranges") and "=" in value:
        parameter, _, said = value.partition("=")
        value = f"{{{parameter!r}: {_value(name, said)}}}"
    return f"{name}={value}"


def _value(option: str, said: str) -> str:
    if option == "fix":
        return _literal(said)
    low, colon, high = said.partition(":")
    if colon:
        return f"({_literal(low)}, {_literal(high)})"
    return f"[{', '.join(map(_literal, said.split(',')))}]"


def _literal(word: str) -> str:
    """Return a number as it is written, and text in quotes."""
    return word if NUMBER.fullmatch(word) else repr(word)
