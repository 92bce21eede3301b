"""Streams survive torn ends and full disks; state is only a memory of what was done."""

import json
import os
import resource
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.tracking.journal import Journal, Sent
from sweeps.tracking.streams import Stream

ITEMS = st.lists(
    st.fixed_dictionaries({"do": st.just("epoch"), "name": st.text(max_size=20)}), max_size=6
)


def items(stream: Stream, offset: int = 0) -> list[dict]:
    return [item for _, item in stream.read(offset)]


@given(told=ITEMS, cut=st.integers(0, 400), more=ITEMS)
def test_a_torn_end_loses_only_what_was_torn(tmp_path_factory, told, cut, more):
    path = tmp_path_factory.mktemp("journal") / "a.jsonl"
    stream = Stream(path)
    for item in told:
        stream.append(item)
    data = path.read_bytes() if path.exists() else b""
    path.write_bytes(data[:cut])
    whole = data[:cut].count(b"\n")

    again = Stream(path)
    for item in more:
        again.append(item)
    assert items(again) == told[:whole] + more
    assert again.size == path.stat().st_size


def test_an_item_that_is_being_written_is_not_held_back(tmp_path, monkeypatch):
    begun, write_on = threading.Event(), threading.Event()
    write = os.write

    def slow(file, data):
        begun.set()
        assert write_on.wait(20)
        return write(file, data)

    stream, seen = Stream(tmp_path / "a.jsonl"), []
    monkeypatch.setattr(os, "write", slow)
    writer = threading.Thread(target=stream.append, args=({"do": "epoch"},))
    writer.start()
    assert begun.wait(20)
    reader = threading.Thread(target=lambda: seen.append(stream.on_disk))
    reader.start()
    reader.join(0.5)  # who does not wait for the writer would be done by now
    write_on.set()
    writer.join(20)
    reader.join(20)
    assert seen == [True]


@given(told=ITEMS.filter(bool), data=st.data())
def test_reading_goes_on_behind_any_item(tmp_path_factory, told, data):
    stream = Stream(tmp_path_factory.mktemp("journal") / "a.jsonl")
    for item in told:
        stream.append(item)
    offsets = [0, *(behind for behind, _ in stream.read())]
    n = data.draw(st.integers(0, len(told)))
    assert items(stream, offsets[n]) == told[n:]
    assert offsets[-1] == stream.size


def test_a_broken_line_in_the_middle_hides_no_other(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"do":1}\n\x00\xff garbage\n[1]\n{"do":2}\n')
    assert items(Stream(path)) == [{"do": 1}, {"do": 2}]


@pytest.fixture
def full_disk():
    """Let no file of this process grow beyond some bytes; call with None to lift it."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int | None) -> None:
        soft = resource.RLIM_INFINITY if size is None else size
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    yield limit
    limit(None)


def test_what_a_full_disk_refuses_is_held_and_written_when_there_is_room(tmp_path, full_disk):
    stream = Stream(tmp_path / "a.jsonl")
    told = [{"do": "epoch", "n": n, "text": "x" * 50} for n in range(20)]
    for item in told[:5]:
        stream.append(item)
    full_disk(stream.size + 30)  # room for half a line
    for item in told[5:]:
        stream.append(item)
    assert not stream.on_disk
    assert items(stream) == told
    assert (tmp_path / "a.jsonl").stat().st_size == stream.size - len(stream._held)
    full_disk(None)
    stream.sync()
    assert stream.on_disk
    assert [json.loads(line) for line in stream.path.read_bytes().splitlines()] == told


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    journal = Journal(tmp_path / "file" / "tracking")
    journal.stream("trial-00001").append({"do": "trial"})
    assert journal.undelivered() == 1
    assert not journal.on_disk
    with pytest.raises(OSError, match="file"):
        journal.save()


def test_the_state_is_found_again(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.stream("trial-00001").append({"do": "trial"})
    journal.state.parent, journal.state.best = "abc", 1
    journal.state.sent["trial-00001"] = Sent(journal.stream("trial-00001").size, "r1")
    journal.save()
    again = Journal(tmp_path)
    assert again.state == journal.state
    assert again.pending() == []
    assert again.undelivered() == 0


def test_a_stream_that_lost_its_end_is_read_again_and_its_run_looked_up(tmp_path: Path):
    journal = Journal(tmp_path)
    journal.stream("trial-00001").append({"do": "trial"})
    journal.state.sent["trial-00001"] = Sent(10_000, "r1")
    journal.save()
    sent = Journal(tmp_path).sent("trial-00001")
    assert (sent.offset, sent.run) == (0, None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sent": 3}', '{"sent": {"a": {"b": 1}}}', "\0"])
def test_an_unreadable_state_is_forgotten(tmp_path: Path, text: str):
    (tmp_path / "state.json").write_text(text)
    assert Journal(tmp_path).state.sent == {}


def test_what_was_set_aside_is_kept(tmp_path: Path):
    for _ in range(2):
        journal = Journal(tmp_path / "tracking")
        journal.stream("study").append({"do": "study"})
        journal.set_aside()
        assert journal.undelivered() == 0
    assert {path.name for path in tmp_path.iterdir()} == {"tracking.old1", "tracking.old2"}


def test_a_cleared_stream_begins_anew(tmp_path):
    stream = Stream(tmp_path / "a.jsonl")
    for word in ("one", "two"):
        stream.append({"do": word})
        assert items(stream) == [{"do": word}]
        stream.clear()
        assert (items(stream), stream.size, list(tmp_path.iterdir())) == ([], 0, [])
