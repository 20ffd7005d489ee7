"""A reference id as people give it: read off paper, typed on any keyboard, copied with its address.

A reference id holds no letter beyond F, so that whoever gives one misread a digit.
"""

from __future__ import annotations

import re
import unicodedata

from vault.certificate import REFERENCE_ID

START = "VEC-IC-"
#: How many digits and letters follow: the year and the random ones.
LENGTH = 17

_MISREAD = str.maketrans("OQILZSG", "0011256")
_START = re.compile(r"VEC[I1L]C")
_IN_ADDRESS = re.compile(r"/verify/([^/?#\s]+)", re.IGNORECASE)


def read(given: str) -> str | None:
    """The reference id that is meant, as we write it; None if none can be."""
    meant = START + _after_start(given).translate(_MISREAD)
    return meant if re.fullmatch(REFERENCE_ID, meant) else None


def count(given: str) -> int | None:
    """How many digits and letters were typed after the start; None if it was not typed."""
    return len(_after_start(given)) if _START.match(_typed(given)) else None


def _after_start(given: str) -> str:
    return _START.sub("", _typed(given), count=1)


def _typed(given: str) -> str:
    """Digits and letters alone, in upper case; digits of any script are ours."""
    text = unicodedata.normalize("NFKC", given)
    found = _IN_ADDRESS.search(text)
    text = found[1] if found else text
    return "".join(str(unicodedata.decimal(c, c)) for c in text.upper() if c.isalnum())
