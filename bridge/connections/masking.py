"""A delivery as people may see it: whole, but for what proves who sent it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.base import InboundRequest
from runtime.settings import MASK

#: What the names of such headers, parameters and members are made of.
_TELLING = r"[\w-]*(?:authorization|cookie|token|secret|signature|api[_-]?key|passw)[\w-]*"
_TELLING_NAME = re.compile(_TELLING, re.IGNORECASE)
_JSON_MEMBER = re.compile(rf'("{_TELLING}"\s*:\s*)("(?:[^"\\]|\\.)*"|[^\s,}}\]]+)', re.IGNORECASE)
_FORM_MEMBER = re.compile(rf"((?:^|&){_TELLING}=)[^&\s]*", re.IGNORECASE)
#: Shorter ones would be found in words.
_SHORTEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A request, all of it text."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str


def masked(request: InboundRequest, secrets: Mapping[str, object]) -> Masked:
    """A request without the site's secrets, and without what its parts' names tell is one."""
    known = sorted(_texts(secrets), key=len, reverse=True)
    body = _without(request.body.decode("utf-8", "replace"), known)
    return Masked(
        method=request.method,
        path=_without(request.path, known),
        query=_named(request.query, known),
        headers=_named(request.headers, known),
        body=_FORM_MEMBER.sub(rf"\1{MASK}", _JSON_MEMBER.sub(rf'\1"{MASK}"', body)),
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str) and len(value) >= _SHORTEST:
        yield value


def _without(text: str, known: list[str]) -> str:
    for secret in known:
        text = text.replace(secret, MASK)
    return text


def _named(values: Mapping[str, str], known: list[str]) -> dict[str, str]:
    return {
        name: MASK if _TELLING_NAME.fullmatch(name) else _without(value, known)
        for name, value in values.items()
    }
