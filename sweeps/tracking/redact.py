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
# An address alone, whose password may have spaces: in a text, it would end there.
_WHOLE = re.compile(r"[A-Za-z][\w+.-]*://[^\s:/@]*:(?P<secret>.*)@", re.DOTALL)
_RESERVED = "[@:/?#]"
_SHORTEST = 3  # characters of a piece that tells something of a password
_known: set[str] = set()  # passwords of this process's addresses, and pieces of them


def remember(address: str) -> None:
    """Hide an address's password from now on, wherever it or a piece of it appears.

    Where its special characters were not escaped, libraries take pieces of it for a host or the
    name of a database, and say so.
    """
    found = [one for pattern in (_USER, _QUERY, _WHOLE) for one in pattern.finditer(address)]
    for secret in (one["secret"] for one in found):
        for piece in (secret, *re.split(_RESERVED, secret)):
            _known.update(one for one in (piece, unquote(piece)) if len(one) >= _SHORTEST)


def misread(address: str) -> str | None:
    """Return how to write a password that libraries read otherwise than its owner, else None.

    They take what is before the first `@` (SQLAlchemy) or `/`, `?` or `#` (HTTP) for all of it.
    """
    found = _WHOLE.match(address)
    if found is None:
        return None
    secret, http = found["secret"], address.lower().startswith("http")
    if http and not re.match(r"\d+/", secret):  # which is a port
        wrong = [f"{one} as %{ord(one):02X}" for one in "/?#" if one in secret]
        return f"in its password, write {', '.join(wrong)}" if wrong else None
    return "write every @ but the last as %40" if "@" in secret and not http else None


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
