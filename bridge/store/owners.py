"""Who is told of a site's or an issuer's troubles: mail and chat addresses, encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bridge.store import accounts
from runtime.keys import Keys


def _purpose(kind: str, name: str) -> str:
    return f"owners of {kind} {name}"


def sealed(addresses: Sequence[str], *, kind: str, name: str, keys: Keys) -> str | None:
    """The addresses as they are kept with the ``issuer`` or ``site`` of that name."""
    if not addresses:
        return None
    return keys.encrypt({"addresses": list(addresses)}, purpose=_purpose(kind, name))


def of(row: sa.Row[Any], *, kind: str, keys: Keys) -> tuple[str, ...]:
    """The addresses of an issuer's or a site's owners; raises runtime.keys.KeyProblem."""
    if row.owners is None:
        return ()
    opened: Any = keys.decrypt(row.owners, purpose=_purpose(kind, row.name))
    return tuple(opened["addresses"])


def change(
    conn: sa.Connection, row: sa.Row[Any], addresses: Sequence[str], *, kind: str, keys: Keys
) -> None:
    """Put these in place of those who were told until now; with none, nobody is."""
    token = sealed(addresses, kind=kind, name=row.name, keys=keys)
    accounts.change(conn, row.id, kind=kind, owners=token)
