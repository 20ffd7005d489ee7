"""What pages of sites are made from, on both databases."""

from __future__ import annotations

from datetime import timedelta

from bridge.store import connection_checks, deliveries, tables
from tests.bridge.world import SITE, World


def test_deliveries_come_a_page_at_a_time_newest_first(world: World) -> None:
    sent = [world.complete(who) for who in ("ada", "grace", "edith")]
    with world.bridge.database.read() as conn:
        first = deliveries.of_site(conn, world.site_id, limit=2)
        second = deliveries.of_site(conn, world.site_id, after=first[-1].id, limit=2)
        dead = deliveries.of_site(conn, world.site_id, states=["dead"], limit=2)

    assert [*reversed(sent)] == [row.id for row in (*first, *second)]
    assert [] == dead


def test_refusals_are_counted_by_hour(world: World) -> None:
    world.post(b"{}", headers={})
    with world.bridge.database.read() as conn:
        now = world.clock.now()
        found = deliveries.refused_since(conn, since=now, names=[SITE])
        other = deliveries.refused_since(conn, since=now, names=["other"])
        later = deliveries.refused_since(conn, since=now + timedelta(hours=1))

    assert ([(SITE, 1)], [], []) == ([(r.site_name, r.number) for r in found], other, later)


def test_one_check_goes_on_at_a_time_and_one_that_was_cut_off_makes_way(world: World) -> None:
    subject, now = world.site_id, world.clock.now()
    later = now + connection_checks.LONGEST + timedelta(seconds=1)

    def begin(at: object) -> bool:
        with world.bridge.database.write() as conn:
            return connection_checks.begin(conn, subject, who="alice", now=at)  # type: ignore[arg-type]

    assert (True, False, True) == (begin(now), begin(now), begin(later))
    with world.bridge.database.write() as conn:
        connection_checks.tell(conn, subject, [{"name": "stale"}], begun_at=now)
        connection_checks.tell(conn, subject, [{"name": "t"}], begun_at=later, ended_at=later)
    row = world.one(tables.connection_check)
    assert ([{"name": "t"}], later) == (row.findings, row.ended_at)
    assert begin(later)
