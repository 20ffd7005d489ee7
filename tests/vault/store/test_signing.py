"""Signing keys as records: one an institution, replaced and removed whole."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.vault.world import World
from vault.store import signing

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_an_institution_has_its_newest_key_and_no_other(each_world: World) -> None:
    mine, other = each_world.institution("ABC"), each_world.institution("XYZ")
    with each_world.vault.database.write() as conn:
        for secrets in ("first", "second"):
            values = {"secrets": secrets, "subject": "CN=A", "valid_until": NOW, "now": NOW}
            signing.put(conn, institution_id=mine, **values)
        found = signing.find(conn, institution_id=mine)
        listed = signing.all_of_them(conn)

        assert "second" == found.secrets
        assert [("ABC", "CN=A", NOW)] == [(k.institution, k.subject, k.valid_until) for k in listed]
        assert None is signing.find(conn, institution_id=other)
        assert [True, False] == [signing.remove(conn, institution_id=mine) for _ in range(2)]
        assert None is signing.find(conn, institution_id=mine)
