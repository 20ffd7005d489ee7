"""Purging: what is old goes, what is needed stays, what remains says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.pipeline.purge import Purger
from bridge.store import tables
from runtime import crashpoint
from tests.bridge.world import World

DAYS = {"keep_deliveries_days": 30, "keep_answers_days": 30, "keep_files_days": 30}


def purger(world: World, **days: int) -> Purger:
    settings = replace(world.bridge.settings, **{**DAYS, **days})
    return Purger(bridge=replace(world.bridge, settings=settings))


def test_what_is_old_is_purged_and_says_so_and_downloads_go_on(world: World) -> None:
    world.generate()
    world.change(tables.attempt, world.rows(tables.attempt)[0].id, detail="said of Ada")
    sha256 = world.issuance.file_sha256
    world.later(days=31)
    world.generate("bob")

    purger(world).round()

    old, young = world.rows(tables.delivery)
    assert "gone: purged after 30 days" == old.request
    assert not young.request.startswith("gone: ")
    assert "purged after 30 days" == world.rows(tables.attempt)[0].detail
    ada, bob = world.rows(tables.issuance)
    assert (None, 1) == (ada.file_sha256, len(world.rows(tables.file)))
    assert bob.file_sha256 == world.rows(tables.file)[0].sha256
    (line,) = [row for row in world.rows(tables.event) if row.what == "file purged"]
    assert f"purged after 30 days; its SHA-256 was {sha256}" == line.detail
    link = next(row for row in world.rows(tables.link) if row.issuance_id == ada.id)
    page = f"/c/{world.bridge.links.token(link.id)}/certificate.pdf"
    assert 200 == world.app.test_client().get(page).status_code


def test_what_is_not_at_its_end_stays_and_0_keeps_all(world: World) -> None:
    world.issue()  # the vault has not made it
    world.post(b"{", delivery="msg_unreadable")
    world.run("normalise")
    world.later(days=400)

    purger(world, keep_deliveries_days=0).round()

    assert world.issuance.file_sha256 is not None
    assert [] == [r for r in world.rows(tables.delivery) if r.request.startswith("gone: ")]
    purger(world).round()
    assert [True, False] == [
        row.request.startswith("gone: ") for row in world.rows(tables.delivery)
    ]


@pytest.mark.parametrize("point", ["purge.purging", "purge.purged"])
def test_after_a_death_the_next_round_goes_on(world: World, point: str) -> None:
    world.generate()
    world.later(days=31)

    class Dead(BaseException):
        pass

    def die(at: str) -> None:
        if at == point:
            raise Dead

    crashpoint.watch(die)
    try:
        with pytest.raises(Dead):
            purger(world).round()
    finally:
        crashpoint.watch(None)
    purger(world).round()

    assert world.one(tables.delivery).request.startswith("gone: ")
    assert ([], None) == (world.rows(tables.file), world.issuance.file_sha256)
    assert 1 == [row.what for row in world.rows(tables.event)].count("file purged")
