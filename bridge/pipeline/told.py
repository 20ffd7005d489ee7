"""What a vault tells of the certificates it is processing: by its list's pages, then one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import sqlalchemy as sa

from bridge.pipeline import adopt
from bridge.vault_client import VaultCertificate, VaultClient

#: The list is walked so far for one batch; what lies beyond is asked for by itself, a few a time.
MOST_PAGES = 30
MOST_VIEWS = 20
#: So few are asked for by themselves rather than by pages.
FEW = 2

#: By the issuance's id; None where the vault was asked for that one and does not know it.
Told: TypeAlias = "dict[str, VaultCertificate | None]"


def tell(
    vault: VaultClient, rows: Sequence[sa.Row[Any]], *, sent: Mapping[str, datetime]
) -> Iterator[Told]:
    """What each call tells. Raises VaultError, also half-way.

    ``sent``: when they were sent, at least of those whose certificate has no name yet. Who is in no
    answer was not asked about, or is not in the list.
    """
    left = {row.id: row for row in rows}
    if len(rows) > FEW or any(row.vault_uuid is None for row in rows):
        for page in _pages(vault, since=min(row.created_at for row in rows)):
            found = _recognised(vault, page, left.values(), sent)
            yield found
            for row_id in found:
                del left[row_id]
            if not left:
                return
    unseen = [row for row in left.values() if row.vault_uuid is not None]
    for row in unseen[:MOST_VIEWS]:
        yield {row.id: vault.view(row.vault_uuid)}


def _pages(vault: VaultClient, *, since: datetime) -> Iterator[list[VaultCertificate]]:
    """The list's pages, newest first, as far back as ``since``."""
    for number in range(1, MOST_PAGES + 1):
        page, more = vault.page(number)
        yield page
        oldest = min((item.created_at for item in page if item.created_at), default=None)
        if not more or (oldest is not None and oldest < since - adopt.CLOCK_SKEW):
            return


def _recognised(
    vault: VaultClient,
    page: Sequence[VaultCertificate],
    rows: Collection[sa.Row[Any]],
    sent: Mapping[str, datetime],
) -> Told:
    named = {row.vault_uuid: row.id for row in rows if row.vault_uuid is not None}
    found: Told = {named[item.uuid]: item for item in page if item.uuid in named}
    nameless = {adopt.key_of(row): row for row in rows if row.vault_uuid is None}
    alike: defaultdict[str, list[VaultCertificate]] = defaultdict(list)
    for item in page if nameless else ():
        if (row := nameless.get(adopt.key_listed(item))) is not None:
            alike[row.id].append(item)
    for row in nameless.values():
        ours = _ours(vault, row, alike[row.id], since=sent.get(row.id, row.created_at))
        if ours is not None:
            found[row.id] = ours
    return found


def _ours(
    vault: VaultClient,
    row: sa.Row[Any],
    alike: Sequence[VaultCertificate],
    *,
    since: datetime,
) -> VaultCertificate | None:
    """The one of equal key that a bulk upload made for us; of several, the one that proves it."""
    whole = alike if len(alike) < 2 else [vault.view(item.uuid) or item for item in alike]
    return next((item for item in whole if _from_the_batch(item, row, since=since)), None)


def _from_the_batch(item: VaultCertificate, row: sa.Row[Any], *, since: datetime) -> bool:
    """Proved by the batch, where the vault shows it; otherwise as any certificate is adopted."""
    if item.batch_id is not None and row.batch_id is not None:
        return bool(item.batch_id == row.batch_id)
    return adopt.is_ours(item, row, since=since)
