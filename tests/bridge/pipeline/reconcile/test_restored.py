"""A database put back from a copy: it looks before it sends, and nothing is issued twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bridge.store import restored
from bridge.store.tables import completion, issuance, metadata, write_back
from connectors.base import Temporary
from tests.bridge.emptying import empty
from tests.bridge.pipeline.reconcile.campus import complete
from tests.bridge.world import SITE, World, key

Copy = Mapping[str, Sequence[Mapping[str, Any]]]


@pytest.fixture
def changed_settings() -> Mapping[str, str]:
    """Rounds as often as they are: what was put back waits for one."""
    return {}


def copied(world: World) -> Copy:
    """The rows as they are now."""
    return {
        name: [dict(row._mapping) for row in world.rows(table)]
        for name, table in metadata.tables.items()
    }


def put_back(world: World, copy: Copy) -> None:
    """Forget what was done since the copy, and say so."""
    empty(world.bridge.database)
    with world.bridge.database.write() as conn:
        for table in metadata.sorted_tables:
            if rows := copy[table.name]:
                conn.execute(sa.insert(table), list(rows))
        if conn.dialect.name == "postgresql":
            _count_on(conn)
        restored.mark(conn, who="alice", now=world.clock.now())


def _count_on(conn: sa.Connection) -> None:
    """Let what PostgreSQL numbers go on after the rows that are there, as pg_restore does."""
    for table in metadata.sorted_tables:
        if isinstance(table.autoincrement_column, sa.Column):
            newest = sa.select(sa.func.max(table.autoincrement_column)).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table.name, table.autoincrement_column.name)
            conn.execute(sa.select(sa.func.setval(sequence, sa.func.coalesce(newest, 1))))


def told(campus: World, who: str) -> None:
    """A course is completed: the LMS lists it, and delivers it."""
    complete(campus, who, campus.clock.now())
    campus.complete(who, learner={"full_name": f"{who.title()} L"})


def test_what_was_issued_since_the_copy_is_taken_as_done(campus: World) -> None:
    for who in ("ada", "bob"):
        told(campus, who)
    campus.settle(hours=1)
    copy = copied(campus)
    campus.later(hours=1)
    for who in ("eve", "ivy"):
        told(campus, who)
    campus.settle(hours=1)
    issued = {row.learner_id: row.reference_id for row in campus.rows(issuance)}
    gradebook = dict(campus.lms.gradebook)

    put_back(campus, copy)
    assert 2 == len(campus.rows(issuance))
    campus.settle(hours=6)

    assert {key(who): 1 for who in ("ada", "bob", "eve", "ivy")} == campus.vault.created
    assert issued == {row.learner_id: row.reference_id for row in campus.rows(issuance)}
    assert ["generated"] * 4 == campus.states()
    assert gradebook.keys() == campus.lms.gradebook.keys()
    assert None is campus.site().unsure_since
    assert {"open": {}, "mended": {}} == campus.reconcile().counts


def test_the_adopted_certificate_has_the_words_that_the_vault_has(campus: World) -> None:
    copy = copied(campus)
    campus.later(hours=1)
    told(campus, "ada")
    campus.settle(hours=1)
    before = campus.issuance
    put_back(campus, copy)
    campus.settle(hours=6)

    after = campus.issuance
    assert before.id != after.id
    assert (before.ref, before.details) == (after.ref, after.details)
    assert "adopted from the vault" in campus.history(after.id)


def test_a_vault_that_hides_details_is_believed_by_the_time(campus: World) -> None:
    campus.vault.shows_details = False
    copy = copied(campus)
    campus.later(hours=1)
    told(campus, "ada")
    campus.settle(hours=1)
    put_back(campus, copy)
    campus.settle(hours=6)

    assert {key(): 1} == campus.vault.created
    assert ["generated"] == campus.states()


def test_what_the_copy_had_not_sent_is_sent_once_all_is_known(campus: World) -> None:
    told(campus, "ada")
    campus.run("normalise")
    copy = copied(campus)
    campus.settle(hours=1)
    told(campus, "bob")  # its delivery is lost with the database
    campus.run("normalise")
    put_back(campus, copy)

    campus.run("issue")
    assert {key(): 1} == campus.vault.created
    campus.settle(hours=6)
    assert {key("ada"): 1, key("bob"): 1} == campus.vault.created
    assert ["generated"] * 2 == campus.states()


def test_nothing_is_sent_or_written_before_the_lms_could_be_compared(campus: World) -> None:
    told(campus, "ada")
    campus.run("normalise")
    told(campus, "bob")
    campus.run("normalise", "issue")
    campus.vault.finish()
    campus.later()
    campus.run("follow")
    told(campus, "eve")
    campus.run("normalise")
    put_back(campus, copied(campus))
    campus.lms.listing.extend([Temporary("down")] * 1000)
    campus.settle(hours=2)

    assert {key("ada"): 1, key("bob"): 1} == campus.vault.created
    assert [] == campus.lms.writes
    assert {"ready"} == {row.state for row in campus.rows(issuance) if row.learner_id == "eve"}

    campus.lms.listing.clear()
    campus.settle(hours=2)
    assert {key(who): 1 for who in ("ada", "bob", "eve")} == campus.vault.created
    assert 3 == len(campus.lms.writes)


def test_a_look_at_what_was_told_since_the_copy_writes_nothing_over_it(campus: World) -> None:
    campus.add_mapping(('site: "*"', 'site: "*"\nagain: always'))
    told(campus, "ada")
    campus.settle(hours=1)
    copy = copied(campus)
    campus.later(days=2)
    told(campus, "ada")
    campus.settle(hours=1)
    writes = list(campus.lms.writes)
    assert 2 == len(writes)

    put_back(campus, copy)
    campus.change(write_back, campus.write_back.id, next_run_at=campus.clock.now())
    campus.run("write_back")
    assert writes == campus.lms.writes
    campus.settle(hours=6)

    assert None is campus.site().unsure_since
    assert 2 == campus.lms.gradebook["42", "ada"].count("<p>")


def test_a_site_that_cannot_list_waits_for_a_person(campus: World) -> None:
    campus.lms.lists = False
    campus.complete("ada")
    campus.run("normalise")
    put_back(campus, copied(campus))
    campus.settle(hours=2)
    assert {} == campus.vault.created

    with campus.bridge.database.write() as conn:
        now = campus.clock.now()
        restored.send_again(conn, campus.site_id, who="alice", why="few came", now=now)
    campus.settle(hours=1)
    assert {key(): 1} == campus.vault.created
    assert ["restored from a copy", "sends again after a restoration"] == campus.history(
        campus.site_id
    )


def test_another_systems_certificate_is_still_nobodys_proof(campus: World) -> None:
    copy = copied(campus)
    campus.later(hours=1)
    campus.vault.put(
        title="Certificate of Completion: Marine Biology",
        name="Ada L",
        email="ada@learners.example",
        issue_date="2026-11-23",
        details="By hand.",
    )
    told(campus, "ada")
    campus.run("normalise")
    put_back(campus, copy)
    campus.settle(hours=6)

    assert {key(): 1} == campus.vault.created
    assert ["held"] == campus.states()


def test_a_run_that_began_before_the_grace_was_over_settles_nothing(campus: World) -> None:
    told(campus, "ada")
    campus.run("normalise")
    put_back(campus, copied(campus))
    campus.run("reconcile")

    assert None is not campus.site().unsure_since
    assert timedelta(0) < campus.in_wait(campus.site().next_run_at)
    campus.settle(hours=1)
    assert None is campus.site(SITE).unsure_since
    assert ["mapped"] == campus.states(completion)
