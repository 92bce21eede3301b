"""A SIGTERM that stopped a sweep ends the process afterwards, or is the caller's handler's."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from sweeps.study.interrupts import Interrupts, end_if_terminated


@pytest.fixture
def taken() -> Iterator[list[int]]:
    found: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: found.append(number))
    yield found
    signal.signal(signal.SIGTERM, before)


def test_it_is_delivered_again_once_when_the_block_has_ended(taken: list[int]) -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts():
        signal.raise_signal(signal.SIGTERM)
    assert taken == []
    end_if_terminated()
    end_if_terminated()
    assert taken == [signal.SIGTERM]


def test_ctrl_c_is_not_nor_what_an_earlier_sweep_was_sent(taken: list[int]) -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts():
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), Interrupts():
        signal.raise_signal(signal.SIGINT)
    end_if_terminated()
    assert taken == []
