"""A site or an issuer as the audit log compares it: its secrets by their names alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from bridge.addresses import shown
from bridge.store import accounts
from bridge.store.owners import of
from runtime.keys import KeyProblem, Keys

#: What an admin sets, by kind.
_SET = {
    "site": ("connector", "settings", "issue_from", "timezone", "auto_mend"),
    "issuer": ("vault_url", "institution_name", "signatory_name", "signatory_role", "logo"),
}
#: Where the key is lost that would say.
UNKNOWN = "not known: its key is lost"


def facts(conn: sa.Connection, row_id: str, *, kind: str, keys: Keys) -> dict[str, Any]:
    """A ``site``'s or an ``issuer``'s settings as they are now."""
    table = accounts.table_of(kind)
    row = conn.execute(sa.select(table).where(table.c.id == row_id)).one()
    return {
        **{name: getattr(row, name) for name in _SET[kind]},
        "owners": _owners(row, kind, keys),
        "hidden": _hidden(accounts.secrets_or_none(row, kind=kind, keys=keys)),
        "in_use": row.removed_at is None,
    }


def _owners(row: sa.Row[Any], kind: str, keys: Keys) -> list[str]:
    try:
        return sorted(map(shown, of(row, kind=kind, keys=keys)))
    except KeyProblem:
        return [UNKNOWN]


def _hidden(secrets: Mapping[str, object]) -> list[str]:
    """Which secrets there are, and of a list how many are good."""
    return sorted(
        f"{name} ({len(value)})" if isinstance(value, list) and len(value) > 1 else name
        for name, value in secrets.items()
        if value
    )
