"""What a machine remembers of a structure, and processes that died."""

from __future__ import annotations

import faulthandler
import io
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from objectives.training.kept_ways import KeptWays

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import os, signal, sys
from objectives.training.kept_ways import KeptWays
kept = KeptWays("a structure")
with kept.watched("xla"):
    if sys.argv[1] == "abort":
        os.abort()
    if sys.argv[1] != "nothing":
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def folder(nothing_known: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A child takes the same folder by its environment."""
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(nothing_known))
    return nothing_known / "keras-sweeps" / "ways"


def child(how: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", CHILD, how], cwd=ROOT, capture_output=True
    ).returncode


def test_what_is_written_is_read_by_the_same_key_alone() -> None:
    KeptWays("one", 1).write(way="xla")
    KeptWays("one", 1).write(checked=True)
    assert KeptWays("one", 1).read() == {"way": "xla", "checked": True}
    assert KeptWays("one", 2).read() == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_a_broken_file_is_as_none_and_is_written_anew(folder: Path, content: bytes) -> None:
    kept = KeptWays("one")
    kept.write(way="xla")
    (file,) = folder.glob("*.json")
    file.write_bytes(content)
    assert kept.read() == {}
    kept.write(way="graph")
    assert KeptWays("one").read() == {"way": "graph"}


@pytest.fixture(params=["a file in its place", "no permission"])
def unusable(folder: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    folder.parent.mkdir(parents=True)
    if request.param == "no permission":
        folder.mkdir()
        folder.chmod(0o500)
    else:
        folder.write_text("in the way")
    yield
    folder.chmod(0o700)


def test_without_a_folder_that_can_be_written_nothing_is_known(unusable: None) -> None:
    kept = KeptWays("one")
    with kept.alone(), kept.watched("xla"):
        kept.write(way="xla")
    assert not kept.fatal("xla")
    assert kept.read() in ({}, {"way": "xla"})  # root may write anywhere


def test_a_process_that_ends_by_a_fault_of_its_own_is_noted_for_that_way() -> None:
    assert child("abort") == -signal.SIGABRT
    kept = KeptWays("a structure")
    assert kept.fatal("xla")
    assert not kept.fatal("graph")
    assert not KeptWays("another").fatal("xla")


def test_a_segmentation_fault_is_noted_too() -> None:
    assert child("SIGSEGV") == -signal.SIGSEGV
    assert KeptWays("a structure").fatal("xla")


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "nothing"])
def test_a_process_that_is_killed_or_ends_well_leaves_no_note(how: str) -> None:
    child(how)
    assert not KeptWays("a structure").fatal("xla")


def test_an_exception_leaves_no_note_and_the_fault_handler_as_it_was() -> None:
    kept, before = KeptWays("one"), faulthandler.is_enabled()
    with pytest.raises(ValueError, match="mine"), kept.watched("xla"):
        raise ValueError("mine")
    assert not kept.fatal("xla")
    assert faulthandler.is_enabled() is before


def test_a_standard_error_that_is_no_file_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())  # as in captured output, and some notebooks
    assert faulthandler.is_enabled()  # by pytest
    with KeptWays("one").watched("graph"):
        pass
    assert faulthandler.is_enabled()
    assert not KeptWays("one").fatal("graph")
