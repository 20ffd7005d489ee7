"""Every query of certificates names its institution, whatever its caller has checked before."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
import sqlalchemy as sa

from tests.vault.world import World, upload
from vault.certificate import Entry
from vault.store import certificates, listing
from vault.store.certificates import NotFailed, Uploaded
from vault.store.listing import Filters
from vault.store.tables import file
from vault.store.uploads import StoredFile

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


def uploaded(institution_id: int, uuid: str, title: str) -> Uploaded:
    """An upload to be added; its file's hash begins with its uuid."""
    return Uploaded(
        institution_id=institution_id,
        uuid=uuid,
        reference_id=f"VEC-IC-2026{uuid}",
        entry=Entry(
            certificate_title=title,
            full_name="John Smith",
            applicant_email="john@example.com",
            issue_date=None,
            details=None,
        ),
        file=StoredFile(sha256=uuid.ljust(64, "0"), size=1, mime_type="x/y", kind="upload"),
    )


def test_of_uploads_added_together_each_is_its_own_institutions_and_duplicates_leave_nothing(
    each_world: World,
) -> None:
    one, other = each_world.institution("One"), each_world.institution("Other")
    together = [
        uploaded(other, "aa", "Latin"),
        uploaded(one, "bb", "Latin"),
        uploaded(one, "cc", "Greek"),
        uploaded(one, "dd", "Greek"),
    ]
    with each_world.vault.database.write() as conn:
        rows, told = certificates.add_each(conn, together, now=NOW)
    with each_world.vault.database.write() as conn:
        again, _ = certificates.add_each(conn, [uploaded(one, "ee", "Latin")], now=NOW)
        left = conn.scalars(sa.select(file.c.sha256)).all()

    assert {} == again
    assert 0 == told  # nobody asked for webhooks
    assert {"aa", "bb"} < set(rows)
    assert 3 == len(rows)
    assert (other, "Other", "Latin") == (
        rows["aa"].institution_id,
        rows["aa"].institution_name,
        rows["aa"].certificate_title,
    )
    assert {row.uploaded_sha256 for row in rows.values()} == set(left)
    assert all(row.uploaded_sha256.startswith(uuid) for uuid, row in rows.items())
