"""The key file and what is encrypted with it; institutions' signing keys and their last days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from runtime import checkup
from runtime.checkup import Finding
from runtime.keys import KeyProblem, Keys
from vault import wiring
from vault.checks.installation import Installation
from vault.signing import SigningKeys, SigningProblem
from vault.store import endpoints, signing

#: Long enough to get another certificate from an authority.
SOON = timedelta(days=30)


def keys(of: Installation) -> Iterator[Finding]:
    """Whether the key file is there, private, and the one that secrets were encrypted with."""
    path = wiring.key_file(of.settings)
    with of.database.read() as conn:
        rows = endpoints.all_of_them(conn)
        is_needed = bool(rows) or bool(signing.all_of_them(conn))
    if not path.exists() and not is_needed:
        return  # it is made when it is first needed
    try:
        found = Keys.read(path)
    except KeyProblem as exc:
        yield Finding(text=f"{exc} Restore the file from its copy.")
        return
    yield from checkup.private(path)
    for row in rows:
        try:
            endpoints.secrets_of(row, found)
        except KeyProblem as exc:
            yield Finding(text=f"{exc} Or give it a new one: certvault webhook rotate {row.id}")


def signing_keys(of: Installation) -> Iterator[Finding]:
    """Whether each institution's key opens, and is valid for a while."""
    opener = SigningKeys(of.database, lambda: wiring.keys(of.settings))
    with of.database.read() as conn:
        now = of.database.now(conn)
        rows = signing.all_of_them(conn)
    for row in rows:
        try:
            opener.find(row.institution_id)
        except SigningProblem as exc:
            yield Finding(text=f"{row.institution}: {exc}")
        else:
            yield from _last_day(row, now)


def _last_day(row: sa.Row[Any], now: datetime) -> Iterator[Finding]:
    if row.valid_until - now <= SOON:
        yield Finding(
            text=f"{row.institution}: the certificate of its signing key expires on "
            f"{row.valid_until:%Y-%m-%d}; from then on its certificates fail. Give the vault the "
            f'next one: certvault institution signing-key "{row.institution}" FILE'
        )
