"""Numbered messages: a call may be repeated, and its answer lost, and each arrives once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

Message = tuple[Any, ...]


class Outbox:
    """Messages that are numbered from 1, and kept until the other end has them."""

    def __init__(self) -> None:
        self._first = 1  # the number of the first that is kept
        self._kept: deque[Message] = deque()

    def __bool__(self) -> bool:
        return bool(self._kept)

    def put(self, message: Message) -> None:
        """Give a message the next number."""
        self._kept.append(message)

    def after(self, number: int) -> tuple[int, list[Message]]:
        """Forget the messages up to a number; return the number of the first one left, and all."""
        while self._kept and self._first <= number:
            self._kept.popleft()
            self._first += 1
        return self._first, list(self._kept)


class Inbox:
    """What has arrived. last: the number of the latest message."""

    def __init__(self) -> None:
        self.last = 0

    def new(self, first: int, messages: Sequence[Message]) -> Sequence[Message]:
        """Return those that have not arrived before."""
        if first > self.last + 1:  # of a call that was overtaken: they will come again
            return ()
        found = messages[self.last + 1 - first :]
        self.last += len(found)
        return found
