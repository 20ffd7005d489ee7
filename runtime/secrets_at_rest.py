"""Encrypted columns of tables: all of a table's rows encrypted anew after a change of keys."""

from __future__ import annotations

import sqlalchemy as sa

from runtime.keys import Keys


def encrypt_again(conn: sa.Connection, keys: Keys, table: sa.Table, *columns: str) -> int:
    """Encrypt these columns with the newest key; return how many rows there are.

    Raises runtime.keys.KeyProblem for what no key in the file opens.
    """
    secrets = [table.c[name] for name in columns]
    rows = conn.execute(sa.select(*secrets, table.c.id.label("row_id"))).all()
    for row in rows:
        held = zip(columns, row, strict=False)
        anew = {name: keys.rotate(one) for name, one in held if one is not None}
        conn.execute(sa.update(table).where(table.c.id == row.row_id).values(anew))
    return len(rows)
