"""``vaultbridge expiring``: what ends soon, and what has ended."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bridge.store import tables
from tests.bridge.cli.conftest import Run
from tests.bridge.world import SITE, World

TODAY = datetime.now(UTC).date()
FIRST, LATER = TODAY + timedelta(days=10), TODAY + timedelta(days=100)
GONE = TODAY - timedelta(days=5)


@pytest.fixture
def valid(world: World) -> World:
    """Certificates of four learners: one soon ends, one later, one has ended, one never does."""
    for who, day in (("ada", FIRST), ("bob", LATER), ("cyd", GONE), ("dan", None)):
        generated(world, who, day)
    return world


def generated(world: World, who: str, day: date | None, **changes: Any) -> str:
    world.generate(who, **changes)
    row_id: str = world.rows(tables.issuance)[-1].id
    world.change(tables.issuance, row_id, expires_on=day)
    return row_id


def listed(run: Run, *options: str) -> list[str]:
    return [row["learner_id"] for row in run("expiring", *options, "--json").json]


def test_what_ends_within_a_span_or_until_a_date_is_listed(run: Run, valid: World) -> None:
    assert ["ada"] == listed(run)
    assert ["ada", "bob"] == listed(run, "--within", "100d")
    assert ["ada"] == listed(run, "--within", "99d")
    assert [] == listed(run, "--within", "9d")
    assert ["ada", "bob"] == listed(run, "--within", LATER.isoformat())
    assert ["cyd"] == listed(run, "--expired")
    assert [] == listed(run, "--expired", "--within", "4d")
    assert [] == listed(run, "--site", "signed-main")


def test_each_is_told_with_whose_it_is_and_what_is_left(run: Run, valid: World) -> None:
    (told,) = run("expiring", "--json").json

    assert (FIRST.isoformat(), 10, SITE) == (told["expires_on"], told["days"], told["site"])
    assert ("Marine Biology", "Ada Lovelace") == (told["course"], told["full_name"])
    out = run("expiring").out
    assert "Ada Lovelace" in out
    assert str(FIRST) in out
    assert "None from" in run("expiring", "--within", "1d").out


def test_what_was_corrected_is_listed_once_also_where_it_stays_valid(
    run: Run, valid: World
) -> None:
    ada, *_, dan = valid.rows(tables.issuance)
    corrected = {"learner_id": ada.learner_id, "replaces": ada.id, "expires_on": FIRST}
    valid.change(tables.issuance, dan.id, **corrected)

    assert [dan.id] == [row["id"] for row in run("expiring", "--json").json]


def test_what_was_renewed_or_revoked_is_not_listed(run: Run, valid: World) -> None:
    ada = valid.rows(tables.issuance)[0]
    valid.change(tables.issuance, ada.id, vault_status="revoked")
    assert [] == listed(run)
    valid.change(tables.issuance, ada.id, vault_status="generated")
    assert ["ada"] == listed(run)

    valid.add_mapping(("issuer: main\n", "issuer: main\nagain: always\n"))
    valid.later(days=400)
    generated(valid, "ada", FIRST + timedelta(days=365))

    assert [] == listed(run)
    assert ["bob", "ada"] == listed(run, "--within", "500d")
