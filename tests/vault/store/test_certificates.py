"""Every query of certificates names its institution, whatever its caller has checked before."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from tests.vault.world import World, upload
from vault.store import certificates, listing
from vault.store.certificates import NotFailed
from vault.store.listing import Filters

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_anothers_certificate_is_not_found_listed_or_retried(
    world: World, client: httpx.Client
) -> None:
    uuid = upload(client).json()["data"]["uuid"]
    world.set(uuid, status="failed")
    other = world.institution("Other University")

    with world.vault.database.write() as conn:
        assert None is certificates.find(conn, uuid, institution_id=other)
        assert ([], 0) == listing.page(conn, Filters(), institution_id=other, number=1, size=10)
        with pytest.raises(NotFailed):
            certificates.retry(conn, uuid, institution_id=other, now=NOW)
    assert "failed" == world.row(uuid).status
