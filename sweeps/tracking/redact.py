"""No password of a storage or tracking address reaches a log, a run or a report."""

from __future__ import annotations

import re

# A password may hold "@", ":" and "/" where its owner did not escape them, so everything up to
# the last "@" of a word is taken: too much hidden is better than too little.
_USER = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<user>[^\s:/@]*):(?P<secret>[^\s]*)@")
_TOKEN = re.compile(r"(?P<scheme>https?://)(?P<secret>[^\s:/@]+)@", re.IGNORECASE)
_QUERY = re.compile(
    r"(?P<key>[?&;][^=&;#\s]*(?:pass|pwd|secret|token|key|sig|credential)[^=&;#\s]*=)[^&;#\s]+",
    re.IGNORECASE,
)


def redact(text: object) -> str:
    """Return the text with the secrets of every address in it written as `***`.

    Takes an address or any text that may repeat one, such as an exception's message.
    """
    shown = _USER.sub(r"\g<scheme>\g<user>:***@", str(text))
    shown = _TOKEN.sub(r"\g<scheme>***@", shown)
    return _QUERY.sub(r"\g<key>***", shown)
