"""The small parts of a pool: messages, the guess of a structure, the machine's limits."""

from __future__ import annotations

import dataclasses
import os
import pickle
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.dense import Dense
from search_spaces.optimizer import Optimizer
from search_spaces.plateau import Plateau
from sweeps.workers import default_count, machine
from sweeps.workers.affinity import Affinity
from sweeps.workers.wire import CHUNK, HEADER, Channel

plain = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def framed(message: Any) -> bytes:
    text = pickle.dumps(message, 5)
    return len(text).to_bytes(HEADER, "big") + text


@given(messages=st.lists(plain, max_size=5), data=st.data())
def test_messages_arrive_whole_however_the_stream_is_cut(
    messages: list[Any], data: st.DataObject
) -> None:
    stream = b"".join(map(framed, messages))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=6)))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel, found = Channel(ours), []
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            theirs.sendall(stream[start:end])
            found += channel.receive(wait=False)
        theirs.sendall(framed("cut off by a death")[:-1])
        theirs.close()
        assert channel.receive(wait=False) == []
        with pytest.raises(EOFError):
            channel.receive()
    assert found == messages


def test_a_message_larger_than_a_chunk_arrives() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        message = os.urandom(CHUNK + 1000)
        Channel(theirs).send(message)
        assert Channel(ours).receive() == [message]


def structure(config: Dense) -> str:
    return f"{config.width} {config.depth} {config.activation} {config.batch_size}"


configs = st.builds(
    Dense,
    width=st.sampled_from([8, 16, 32]),
    depth=st.integers(1, 3),
    activation=st.sampled_from(["relu", "tanh"]),
    optimizer=st.builds(Optimizer, learning_rate=st.floats(1e-4, 1e-1)),
    plateau=st.none() | st.builds(Plateau, patience=st.integers(3, 20)),
)


@given(trained=st.lists(configs, max_size=30), asked=configs)
def test_a_guessed_structure_is_the_right_one(trained: list[Dense], asked: Dense) -> None:
    affinity = Affinity()
    for config in trained:
        affinity.learn(config, structure(config))
    assert affinity.guess(asked) in (None, structure(asked))
    for config in trained:
        assert affinity.guess(config) == structure(config)


def test_one_pair_of_a_structure_shows_what_is_an_input() -> None:
    affinity, first = Affinity(), Dense(width=8)
    second = Dense(width=8, optimizer=Optimizer(learning_rate=0.5), plateau=Plateau())
    third = dataclasses.replace(second, optimizer=Optimizer(learning_rate=0.7))
    affinity.learn(first, "8")
    assert affinity.guess(second) is None
    affinity.learn(second, "8")
    assert affinity.guess(third) == "8"
    assert affinity.guess(Dense(width=16)) is None


def test_a_number_that_is_an_input_may_be_structure_where_it_is_zero() -> None:
    affinity = Affinity()

    def decaying(rate: float) -> Dense:
        return Dense(optimizer=Optimizer(learning_rate=0.1, weight_decay=rate))

    for rate in (0.1, 0.2):
        affinity.learn(decaying(rate), "decays")
    assert affinity.guess(decaying(0.3)) == "decays"
    assert affinity.guess(decaying(0.0)) is None
    affinity.learn(decaying(0.0), "does not")
    assert affinity.guess(decaying(0.0)) == "does not"
    assert affinity.guess(decaying(0.3)) == "decays"


def test_the_machine_bounds_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= default_count() <= min(8, os.cpu_count() or 1)
    assert 0 < machine.resident() < machine.memory() / 1e6
    monkeypatch.setattr(machine, "cores", lambda: 64)
    for gigabytes, count in ((0.5, 1), (3.1, 2), (7.0, 4), (500.0, 8)):
        monkeypatch.setattr(machine, "memory", lambda g=gigabytes: g * 1e9)
        assert default_count() == count


@pytest.mark.parametrize(
    ("cgroup", "files"),
    [
        ("0::/a/b\n", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}),
        (
            "3:cpu,cpuacct:/a\n0::/\n",
            {
                "cpu,cpuacct/a/cpu.cfs_quota_us": "150000",
                "cpu,cpuacct/a/cpu.cfs_period_us": "100000",
            },
        ),
    ],
)
def test_a_quota_of_one_and_a_half_cores_is_one_worker(
    monkeypatch: pytest.MonkeyPatch, cgroup: str, files: dict[str, str]
) -> None:
    known = {f"/sys/fs/cgroup/{name}": text for name, text in files.items()}
    known["/proc/self/cgroup"] = cgroup
    monkeypatch.setattr(machine, "_read", lambda file: known.get(str(file), ""))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    assert machine.cores() == 1


def test_a_container_bounds_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        Path("/proc/self/cgroup"): "0::/a/b",
        Path("/sys/fs/cgroup/a/memory.max"): "4000000",
        Path("/sys/fs/cgroup/a/b/memory.max"): "max",
    }
    monkeypatch.setattr(machine, "_read", lambda file: known.get(file, ""))
    assert machine.memory() == 4e6
