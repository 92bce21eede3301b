"""Whole messages over a stream socket, between the driver and its own processes.

Messages are pickled: both ends are processes that the driver started, on a socket without a
name, and nothing that was read from disk or network passes here undecoded.
"""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any

# To the nursery: HATCH (a socket comes with it) or REAP, and the worker's key.
COMMAND = struct.Struct("!cI")
HATCH, REAP = b"h", b"r"
HEADER = 4
CHUNK = 1 << 16


class Channel:
    """One end. A message that was cut off by the other side's death is never seen."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._held = bytearray()

    def send(self, message: Any) -> None:
        """Send one message; raises OSError where the other side is gone."""
        text = pickle.dumps(message, protocol=5)
        self.socket.sendall(len(text).to_bytes(HEADER, "big") + text)

    def receive(self, *, wait: bool = True) -> list[Any]:
        """Return the messages that arrived: at least one, or none where there is no `wait`.

        Raises EOFError once the other side is gone and all that it sent was returned.
        """
        while True:
            try:
                chunk = self.socket.recv(CHUNK, 0 if wait else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return []
            except ConnectionError:
                chunk = b""
            if not chunk:
                raise EOFError
            self._held += chunk
            messages = self._whole()
            if messages or not wait:
                return messages

    def _whole(self) -> list[Any]:
        messages, start = [], 0
        with memoryview(self._held) as view:
            while (body := start + HEADER) <= len(view):
                end = body + int.from_bytes(view[start:body], "big")
                if end > len(view):
                    break
                messages.append(pickle.loads(view[body:end]))  # noqa: S301
                start = end
        del self._held[:start]
        return messages

    def close(self) -> None:
        """Close this end; the other side then reads the end of the stream."""
        self.socket.close()
