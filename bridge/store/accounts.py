"""Issuers and sites: their rows, with secrets encrypted for that row alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from bridge.store.ids import new_id
from bridge.store.tables import issuer, site
from bridge.store.troubles import MENDED
from runtime import secrets_at_rest
from runtime.keys import KeyProblem, Keys


class NameTaken(Exception):
    """There is, or was, an issuer or site of this name."""


class NotThere(Exception):
    """No such row; the text names what there is."""


def _purpose(table: sa.Table, name: str) -> str:
    return f"{table.name} {name}"


def _add(
    conn: sa.Connection,
    table: sa.Table,
    prefix: str,
    name: str,
    *,
    keys: Keys,
    secrets: Mapping[str, object],
    now: datetime,
    values: Mapping[str, Any],
) -> str:
    if conn.execute(sa.select(table.c.id).where(table.c.name == name)).first():
        raise NameTaken(
            f"There is, or was, {_a(table)} called {name!r}: history keeps its name. "
            "Choose another."
        )
    row_id = new_id(prefix, now)
    conn.execute(
        sa.insert(table).values(
            id=row_id,
            name=name,
            secrets=keys.encrypt(secrets, purpose=_purpose(table, name)),
            created_at=now,
            **values,
        )
    )
    return row_id


def _a(table: sa.Table) -> str:
    return "an issuer" if table is issuer else "a site"


def _live(
    conn: sa.Connection, table: sa.Table, within: sa.ColumnElement[bool] | None = None
) -> Sequence[sa.Row[Any]]:
    query = sa.select(table).where(table.c.removed_at.is_(None)).order_by(table.c.name)
    return conn.execute(query if within is None else query.where(within)).all()


@cache
def _named(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).where(
        table.c.name == sa.bindparam("called"), table.c.removed_at.is_(None)
    )


def _find(conn: sa.Connection, table: sa.Table, name: str) -> sa.Row[Any]:
    row = conn.execute(_named(table), {"called": name}).first()
    if row is None:
        names = ", ".join(r.name for r in _live(conn, table)) or "none yet"
        raise NotThere(f"There is no {table.name} called {name!r}. There is: {names}.")
    return row


def add_issuer(
    conn: sa.Connection,
    name: str,
    *,
    keys: Keys,
    secrets: Mapping[str, object],
    now: datetime,
    **values: Any,
) -> str:
    """Add an issuer; raises NameTaken. ``secrets``: token, and webhook_secret if there is one."""
    return _add(conn, issuer, "ir", name, keys=keys, secrets=secrets, now=now, values=values)


def add_site(
    conn: sa.Connection,
    name: str,
    *,
    connector: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, object],
    keys: Keys,
    now: datetime,
    **values: Any,
) -> str:
    """Add a site; raises NameTaken. Settings and secrets together are the connector's."""
    values |= {"connector": connector, "settings": dict(settings)}
    return _add(conn, site, "st", name, keys=keys, secrets=secrets, now=now, values=values)


def issuers(
    conn: sa.Connection, *, within: sa.ColumnElement[bool] | None = None
) -> Sequence[sa.Row[Any]]:
    """All issuers that are not removed, by name; those ``within`` a person's limits."""
    return _live(conn, issuer, within)


def sites(
    conn: sa.Connection, *, within: sa.ColumnElement[bool] | None = None
) -> Sequence[sa.Row[Any]]:
    """All sites that are not removed, by name; those ``within`` a person's limits."""
    return _live(conn, site, within)


def issuer_named(conn: sa.Connection, name: str) -> sa.Row[Any]:
    """The issuer of this name; raises NotThere."""
    return _find(conn, issuer, name)


def site_named(conn: sa.Connection, name: str) -> sa.Row[Any]:
    """The site of this name; raises NotThere."""
    return _find(conn, site, name)


def within_limits(
    conn: sa.Connection, name: str, *, kind: str, within: sa.ColumnElement[bool]
) -> sa.Row[Any]:
    """The ``issuer`` or ``site`` of this name, if a person may see it; raises NotThere."""
    table = table_of(kind)
    row = conn.execute(_named(table).where(within), {"called": name}).first()
    if row is None:
        raise NotThere(f"There is no {table.name} called {name!r} within these limits.")
    return row


def sites_named(
    conn: sa.Connection, names: Collection[str], *also: sa.ColumnElement[Any]
) -> Mapping[str, sa.Row[Any]]:
    """Those sites of these names that there are, by name, with ``also`` as further columns."""
    found = sa.select(site, *also).where(site.c.name.in_(names), site.c.removed_at.is_(None))
    return {row.name: row for row in conn.execute(found)}


def issuer_by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    """An issuer, removed or not: an issuance belongs to its issuer for ever."""
    return conn.execute(sa.select(issuer).where(issuer.c.id == row_id)).one()


def site_by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    """A site, removed or not."""
    return conn.execute(sa.select(site).where(site.c.id == row_id)).one()


def issue_from(row: sa.Row[Any]) -> datetime:
    """From when completions of a site are issued by themselves."""
    # The LMS's clock may be a little behind ours.
    moment: datetime = row.issue_from or row.created_at.replace(second=0, microsecond=0)
    return moment


def secrets_of(row: sa.Row[Any], *, kind: str, keys: Keys) -> dict[str, object]:
    """The secrets of an ``issuer`` or ``site`` row; raises runtime.keys.KeyProblem."""
    return keys.decrypt(row.secrets, purpose=f"{kind} {row.name}")


def secrets_or_none(row: sa.Row[Any], *, kind: str, keys: Keys) -> dict[str, object]:
    """The secrets of a row; none if the key they were encrypted with is lost."""
    try:
        return secrets_of(row, kind=kind, keys=keys)
    except KeyProblem:
        return {}


def set_secrets(
    conn: sa.Connection, row: sa.Row[Any], *, kind: str, keys: Keys, secrets: Mapping[str, object]
) -> None:
    """Replace a row's secrets; workers see them with their next batch."""
    table = table_of(kind)
    token = keys.encrypt(secrets, purpose=_purpose(table, row.name))
    conn.execute(sa.update(table).where(table.c.id == row.id).values(secrets=token))


def change(conn: sa.Connection, row_id: str, *, kind: str, **values: Any) -> None:
    """Change columns of an issuer or a site."""
    table = table_of(kind)
    conn.execute(sa.update(table).where(table.c.id == row_id).values(**values))


def table_of(kind: str) -> sa.Table:
    """The table of ``issuer`` or ``site``."""
    return {"issuer": issuer, "site": site}[kind]


def note_trouble(
    conn: sa.Connection,
    row_id: str,
    *,
    kind: str,
    said: Mapping[str, Any] = MENDED,
) -> None:
    """Say on an issuer or site what its owner must mend; by default, that it is mended."""
    change(conn, row_id, kind=kind, **said)


def pause(conn: sa.Connection, row: sa.Row[Any], *, said: Mapping[str, Any], now: datetime) -> bool:
    """Let nothing be sent for an issuer until a person has mended what is ``said``.

    False, and nothing is changed, where it has other secrets by now than ``row`` says.
    """
    as_it_was = sa.and_(issuer.c.id == row.id, issuer.c.secrets == row.secrets)
    paused = conn.execute(sa.update(issuer).where(as_it_was).values(paused_at=now, **said))
    return paused.rowcount == 1


def note_unless_paused(
    conn: sa.Connection, issuer_id: str, *, said: Mapping[str, Any] = MENDED
) -> None:
    """Say on an issuer what mends itself; what a paused one waits for is not written over."""
    here = sa.and_(issuer.c.id == issuer_id, issuer.c.paused_at.is_(None))
    conn.execute(sa.update(issuer).where(here).values(**said))


def encrypt_again(conn: sa.Connection, keys: Keys) -> int:
    """Encrypt all issuers' and sites' secrets with the newest key; return how many."""
    return sum(
        secrets_at_rest.encrypt_again(conn, keys, table, "secrets", "owners")
        for table in (issuer, site)
    )
