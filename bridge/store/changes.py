"""What an act changed, as it may be written down: only what differs, and never a secret.

Secrets are masked by the name they stand under, at any depth, and by how they look: so what is
written down does not depend on who writes it. Those who know better hand in less: a site's secrets
are not among its settings at all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from bridge.addresses import is_chat, shown
from runtime.settings import MASK

#: Words that make a name a secret's, wherever they stand in it.
_NAMES = re.compile(
    r"secret|token|passw|passphrase|credential|authorization|cookie|private|api_?key|(^|_)key$",
    re.IGNORECASE,
)
#: Names that are none, though they have such a word in them.
_NO_SECRETS = frozenset({"natural_key", "dedupe_key"})
#: What carries a secret by its look: a URL with a password, a sealed value, a header.
_LOOKS = (
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{MASK}@"),
    (re.compile(r"\b(Bearer|Basic)\s+\S+", re.IGNORECASE), rf"\1 {MASK}"),
)
LONGEST = 2000


def changed(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """The part of each that is not the same in both; what only one of them has stays in it."""
    if before is None or after is None:
        return before, after
    differs = {
        name
        for name in before.keys() | after.keys()
        if (name in before) != (name in after) or before.get(name) != after.get(name)
    }
    return _only(before, differs), _only(after, differs)


def _only(values: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


def kept(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """As JSON, secrets masked; None where there is nothing."""
    return {str(name): _value(str(name), value) for name, value in (values or {}).items()} or None


def _value(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _value(str(key), each) for key, each in value.items()}
    if _NAMES.search(name) and name not in _NO_SECRETS and not _says_little(value):
        return MASK
    if isinstance(value, list | tuple | set | frozenset):
        return [
            _value(name, each) for each in (value if isinstance(value, list) else sorted(value))
        ]
    if isinstance(value, bytes):
        return f"{len(value)} bytes, sha256 {hashlib.sha256(value).hexdigest()[:12]}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    return _text(str(value))


def _says_little(value: Any) -> bool:
    # That there is one, or how many: no secret by itself, and what an audit asks for.
    return value is None or isinstance(value, bool) or value in ("", [], ())


def _text(text: str) -> str:
    if is_chat(text) and ("hook" in text or "webhook" in text):
        return shown(text)
    for pattern, said in _LOOKS:
        text = pattern.sub(said, text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text)} characters)"
