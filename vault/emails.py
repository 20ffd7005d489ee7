"""What is taken as an e-mail address, from whomever it comes."""

from __future__ import annotations

import re

#: Not in an address: what separates addresses and their parts, and what nobody sees in one.
_IN_EMAIL = r"[^\s@,;:<>()\[\]\\\".\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
_LABEL = rf"(?!-){_IN_EMAIL}+(?<!-)"
#: One address: words with dots between them, "@", a domain with a dot; letters of any script.
_EMAIL = re.compile(rf"{_IN_EMAIL}+(\.{_IN_EMAIL}+)*@{_LABEL}(\.{_LABEL})+")
LONGEST = 255


def is_email(text: str) -> bool:
    """Whether this is one address, and nothing around it."""
    return len(text) <= LONGEST and text.isprintable() and _EMAIL.fullmatch(text) is not None
