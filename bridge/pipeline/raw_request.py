"""A delivery's request as a person may see it: whole, but for what would let them send others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, deliveries
from runtime.settings import MASK

#: Headers and parameters that prove who sent something.
_PROVES = re.compile(r"auth|cookie|secret|signature|token|key|password", re.IGNORECASE)
#: Anything shorter stands in a body by chance.
_SHORTEST = 6


def shown(bridge: Bridge, conn: sa.Connection, delivery_id: str) -> dict[str, Any]:
    """A request's method, path, query, headers and body; raises runtime.keys.KeyProblem.

    Masked are headers and parameters that prove who sent it, and, wherever they stand, the site's
    own secrets.
    """
    row = deliveries.by_id(conn, delivery_id)
    kept = deliveries.unseal(row.request, keys=bridge.keys)
    home = accounts.site_by_id(conn, row.site_id)
    secrets = accounts.secrets_or_none(home, kind="site", keys=bridge.keys)
    known = sorted(set(_texts(secrets)), key=len, reverse=True)

    def masked(text: str) -> str:
        for secret in known:
            text = text.replace(secret, MASK)
        return text

    def named(name: str, value: str) -> str:
        return MASK if _PROVES.search(name) else masked(value)

    return {
        "method": kept.method,
        "path": masked(kept.path),
        "query": {name: named(name, value) for name, value in kept.query.items()},
        "headers": {name: named(name, value) for name, value in kept.headers.items()},
        "body": masked(kept.body.decode("utf-8", "replace")),
    }


def _texts(found: object) -> Iterator[str]:
    if isinstance(found, str) and len(found) >= _SHORTEST:
        yield found
    elif isinstance(found, dict):
        for value in found.values():
            yield from _texts(value)
    elif isinstance(found, list):
        for value in found:
            yield from _texts(value)
