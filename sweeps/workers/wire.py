"""Messages over a stream socket between the driver and its own processes.

Messages are pickled. That is safe here: both ends are processes of this sweep, connected by an
unnamed socket pair, and no bytes from disk or network are passed on undecoded.
"""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any

# To the fork server: SPAWN (a socket comes with it) or REAP, and the worker's key.
COMMAND = struct.Struct("!cI")
SPAWN, REAP = b"h", b"r"
HEADER = 4
CHUNK = 1 << 16


class Channel:
    """One end of a socket. A message that is cut off when the other side dies is dropped."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._held = bytearray()

    def send(self, message: Any) -> None:
        """Send one message. Raises OSError if the other side is gone."""
        text = pickle.dumps(message, protocol=5)
        self.socket.sendall(len(text).to_bytes(HEADER, "big") + text)

    def receive(self, *, wait: bool = True) -> list[Any]:
        """Return the messages that have arrived: at least one, unless `wait` is False.

        Raises:
            EOFError: The other side is gone, and all that it sent has been returned.
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
        """Close this end; the other side then reads an end of file."""
        self.socket.close()
