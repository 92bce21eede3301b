"""No password of a storage or tracking address reaches a log, a run or a report."""

from __future__ import annotations

import re
from urllib.parse import unquote

# A password may hold "@", ":" and "/" where its owner did not escape them, so everything up to
# the last "@" of a word is taken: too much hidden is better than too little.
_USER = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<user>[^\s:/@]*):(?P<secret>[^\s]*)@")
_TOKEN = re.compile(r"(?P<scheme>https?://)(?P<secret>[^\s:/@]+)@", re.IGNORECASE)
_QUERY = re.compile(
    r"(?P<key>[?&;][^=&;#\s]*(?:pass|pwd|secret|token|key|sig|credential)[^=&;#\s]*=)"
    r"(?P<secret>[^&;#\s]+)",
    re.IGNORECASE,
)
_RESERVED = "[@:/?#]"
_SHORTEST = 3  # characters of a piece that tells something of a password
_known: set[str] = set()  # passwords of this process's addresses, and pieces of them


def remember(address: str) -> None:
    """Hide an address's password from now on, wherever it or a piece of it appears.

    Where its special characters were not escaped, libraries take pieces of it for a host or the
    name of a database, and say so.
    """
    found = [one for pattern in (_USER, _QUERY) for one in pattern.finditer(address)]
    for secret in (one["secret"] for one in found):
        for piece in (secret, *re.split(_RESERVED, secret)):
            _known.update(one for one in (piece, unquote(piece)) if len(one) >= _SHORTEST)


def unescaped(address: str) -> bool:
    """Return whether a password in an address has characters that end it for most programs."""
    found = _USER.match(address)
    return found is not None and re.search(_RESERVED, found["secret"]) is not None


def redact(text: object) -> str:
    """Return the text with the secrets of every address in it written as `***`.

    Takes an address or any text that may repeat one, such as an exception's message.
    """
    shown = _USER.sub(r"\g<scheme>\g<user>:***@", str(text))
    shown = _TOKEN.sub(r"\g<scheme>***@", shown)
    shown = _QUERY.sub(r"\g<key>***", shown)
    for secret in sorted(_known, key=len, reverse=True):
        before, behind = (r"\b" if re.match(r"\w", end) else "" for end in (secret[0], secret[-1]))
        shown = re.sub(f"{before}{re.escape(secret)}{behind}", "***", shown)
    return shown
