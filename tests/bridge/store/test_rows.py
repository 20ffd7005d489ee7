"""The rows: what is kept comes back whole, once, and in the schema that the migrations make."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bridge.store import (
    accounts,
    completions,
    ids,
    issuances,
    mapping_versions,
    tables,
    write_backs,
)
from bridge.store import deliveries as delivery_rows
from bridge.store.states import MappingState
from connectors.base import Completion, Course, Grade, Learner
from runtime.keys import KeyProblem, Keys, new_key
from tests.bridge.world import NOON, World

FULL = Completion(
    course=Course(id="42", code="BIO-1", title="Biología", category="Sci", language="es"),
    learner=Learner(
        id="7",
        full_name="محمد علي",
        given_name="محمد",
        family_name="علي",
        preferred_name="حمودي علي",
        legal_name="محمد بن علي",
        email="m@x.example",
        id_number="00042",
        language="ar",
        country="AE",
        custom={"name_ar": "محمد"},
    ),
    noticed_at=datetime(2026, 11, 23, 23, 30, tzinfo=timezone(timedelta(hours=4))),
    completed_at=datetime(2026, 11, 23, 3, 30, tzinfo=timezone(timedelta(hours=4))),
    grade=Grade(percent=Decimal("99.50"), points=Decimal(199), maximum=Decimal(200), text="A"),
    role="student",
    cohorts=("a", "b"),
    enrolled=3,
    extra={"a": [1, None, {"b": True}]},
)
BARE = Completion(course=Course(id="1"), learner=Learner(id="2"), noticed_at=NOON)


@pytest.mark.parametrize("found", [FULL, BARE], ids=["full", "bare"])
def test_a_completion_comes_back_as_it_was(world: World, found: Completion) -> None:
    with world.bridge.database.write() as conn:
        row_id = completions.add(conn, world.site_id, found, delivery_id=None, now=NOON)
    with world.bridge.database.read() as conn:
        row = completions.by_id(conn, str(row_id))

    assert row is not None
    assert found == completions.unpack(row.data)
    assert completions.provisional_round(found) == row.round


def test_a_row_of_an_earlier_release_is_read_as_one_without_what_it_did_not_know() -> None:
    kept = completions.pack(FULL)
    added = {"preferred_name", "legal_name"}
    learner = {name: value for name, value in kept["learner"].items() if name not in added}
    unnamed = replace(FULL, learner=replace(FULL.learner, preferred_name=None, legal_name=None))

    assert unnamed == completions.unpack({**kept, "learner": learner})


def test_a_rounds_date_is_the_one_in_utc() -> None:
    assert "2026-11-22" == completions.provisional_round(FULL)
    assert "noticed 2026-11-23T12:00:00+00:00" == completions.provisional_round(BARE)


def test_the_migrations_make_the_tables_that_the_program_knows(world: World) -> None:
    with world.bridge.database.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": False})

        assert [] == compare_metadata(context, tables.metadata)


def test_foreign_keys_are_held_to_on_both_databases(world: World) -> None:
    with pytest.raises(sa.exc.IntegrityError), world.bridge.database.write() as conn:
        completions.add(conn, "st_of_nobody", BARE, delivery_id=None, now=NOON)


def test_the_same_deliveries_in_another_order_are_waited_for_and_known(world: World) -> None:
    new = [
        delivery_rows.New(site_id=world.site_id, dedupe_key=f"{n}", sealed="", received_at=NOON)
        for n in range(2)
    ]
    there, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with world.bridge.database.write() as conn:
            delivery_rows.store(conn, new[:1])
            there.set()
            assert go_on.wait(30)
            delivery_rows.store(conn, new)

    def second() -> list[bool]:
        with world.bridge.database.write() as conn:
            return [is_new for _, is_new in delivery_rows.store(conn, new[::-1])]

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        assert there.wait(30)
        other = pool.submit(second)
        # It holds the second key, or waits for the first: where it holds one, each waits for ever.
        wait([other], timeout=0.5)
        go_on.set()

        one.result()
        assert [False, False] == other.result()


def test_each_course_that_was_completed_is_known_as_it_was_told_last(world: World) -> None:
    for number, (course, title, state) in enumerate(
        [
            ("1", "Botany", "mapped"),
            ("1", "Botany, renamed", "unmatched"),
            ("1", "", "found"),  # nobody has asked the LMS yet
            ("2", "Zoology", "discarded"),
            ("3", "Algae", "held"),
        ]
    ):
        found = replace(
            FULL,
            course=Course(id=course, title=title or None),
            completed_at=NOON + timedelta(days=number),
        )
        with world.bridge.database.write() as conn:
            row_id = completions.add(conn, world.site_id, found, delivery_id=None, now=NOON)
        world.change(tables.completion, row_id, state=state)

    with world.bridge.database.read() as conn:
        known = completions.courses(conn, [world.site_id])
        assert [] == completions.courses(conn, ["st_another"])
    expected = [("1", "Botany, renamed"), ("2", "Zoology")]
    assert expected == [(course.id, course.title) for _, course in known]


def test_ids_sort_by_the_moment_they_were_made_and_say_their_kind() -> None:
    made = [ids.new_id("is", NOON + timedelta(milliseconds=n)) for n in range(5)]

    assert sorted(made) == made
    assert {"issuance"} == {ids.kind_of(row_id) for row_id in made}
    assert [None] * 4 == [ids.kind_of(x) for x in ("", "is", "is_1", "zz_" + "0" * 22)]


def test_a_secret_opens_for_its_own_row_and_key_only(world: World) -> None:
    keys = world.bridge.keys
    with world.bridge.database.read() as conn:
        one, other = accounts.sites(conn)
    foreign = Keys([new_key()])

    assert accounts.secrets_of(one, kind="site", keys=keys)
    with pytest.raises(KeyProblem, match=f"belong to site {one.name}"):
        keys.decrypt(one.secrets, purpose=f"site {other.name}")
    with pytest.raises(KeyProblem, match=f"belong to site {one.name}"):
        accounts.secrets_of(one, kind="issuer", keys=keys)
    with pytest.raises(KeyProblem):
        accounts.secrets_of(one, kind="site", keys=foreign)
    assert {} == accounts.secrets_or_none(one, kind="site", keys=foreign)


def test_a_mapping_version_never_changes_and_only_the_last_is_in_use(world: World) -> None:
    with world.bridge.database.write() as conn:
        added = [
            mapping_versions.add(conn, "m", text, now=NOON) for text in ("one", "one", "two", "one")
        ]
        assert 1 == mapping_versions.deactivate(conn, "m")
        added.append(mapping_versions.add(conn, "m", "one", now=NOON))

    assert [(1, True), (1, False), (2, True), (3, True), (4, True)] == added
    rows = [row for row in world.rows(tables.mapping_version) if row.name == "m"]
    was, active = "superseded", "published"
    assert [(1, "one", was), (2, "two", was), (3, "one", was), (4, "one", active)] == sorted(
        (row.version, row.document, row.state) for row in rows
    )


def test_a_version_comes_forward_and_is_not_stored_again_for_it(world: World) -> None:
    draft, rehearsal, published = MappingState.DRAFT, MappingState.REHEARSAL, MappingState.PUBLISHED
    way = [
        ("one", published, (1, True)),
        ("two", draft, (2, True)),
        ("two", draft, (2, False)),
        ("one", draft, (1, False)),
        ("two", rehearsal, (2, True)),
        ("two", rehearsal, (2, False)),
        ("three", draft, (3, True)),
        ("two", published, (2, True)),
        ("two", published, (2, False)),
        ("two", rehearsal, (4, True)),
        ("one", published, (5, True)),
    ]
    with world.bridge.database.write() as conn:
        came = [
            (text, state, mapping_versions.add(conn, "m", text, now=NOON, state=state))
            for text, state, _ in way
        ]

    assert way == came
    states = [row.state for row in world.rows(tables.mapping_version) if row.name == "m"]
    assert {"draft": 1, "published": 1, "superseded": 3} == Counter(states)


def test_no_two_versions_of_a_name_are_in_use(world: World) -> None:
    with world.bridge.database.write() as conn:
        mapping_versions.add(conn, "m", "one", now=NOON)
        mapping_versions.add(conn, "m", "two", now=NOON, state=MappingState.DRAFT)

    one = tables.mapping_version.c.document == "two"
    with pytest.raises(sa.exc.IntegrityError), world.bridge.database.write() as conn:
        conn.execute(sa.update(tables.mapping_version).where(one).values(state="rehearsal"))


def test_an_attempts_outcome_once_written_stays(world: World) -> None:
    world.issue()
    attempt = world.one(tables.attempt)
    with world.bridge.database.write() as conn:
        ended = {"status_code": 500, "detail": None, "now": NOON}
        issuances.end_attempt(conn, attempt.id, outcome="ambiguous", **ended)

    assert [("upload", "done")] == world.attempts()


def test_a_file_is_kept_once_whoever_it_is_for(world: World) -> None:
    with world.bridge.database.write() as conn:
        names = {issuances.keep_file(conn, b"%PDF", now=NOON) for _ in range(2)}
        (name,) = names
        assert b"%PDF" == issuances.file_content(conn, name)

    assert 1 == len(world.rows(tables.file))


def test_certificates_at_an_address_are_found_whatever_its_case(world: World) -> None:
    world.generate()
    with world.bridge.database.read() as conn:
        found = issuances.generated_for(conn, "ADA@Learners.example")
        assert [world.issuance.id] == [row.id for row in found]
        assert [] == issuances.generated_for(conn, "bob@learners.example")


def test_lists_of_deliveries_hold_nothing_of_what_was_sent(world: World) -> None:
    world.complete()
    with world.bridge.database.read() as conn:
        (row,) = delivery_rows.recent(conn, state=None, limit=10)

    assert "request" not in row
    assert "scripted-main" == row["site"]


@pytest.mark.parametrize(
    ("state", "then"),
    [("read_back", "due"), ("overridden", "due"), ("refused", "due"), ("writing", "writing")],
)
def test_a_write_back_made_due_twice_is_one_row_and_starts_afresh(
    world: World, state: str, then: str
) -> None:
    """An open write stays one: what became of it is to be seen first."""
    world.generate()
    world.run("write_back")
    row = world.write_back
    world.change(tables.write_back, row.id, next_run_at=None, tries=5, state=state)
    with world.bridge.database.write() as conn:
        write_backs.make_due(conn, [world.issuance.id], now=NOON)

    assert (row.id, then, NOON, 0) == (
        world.write_back.id,
        world.write_back.state,
        world.write_back.next_run_at,
        world.write_back.tries,
    )


def test_nothing_is_made_due_for_what_is_not_final_or_told_nowhere(world: World) -> None:
    world.issue()
    with world.bridge.database.write() as conn:
        write_backs.make_due(conn, [world.issuance.id, "is_nobody"], now=NOON)

    assert [] == world.rows(tables.write_back)


def test_dates_and_moments_come_back_aware_and_whole(world: World) -> None:
    world.issue()
    row = world.issuance

    assert date(2026, 11, 23) == row.issue_date
    assert UTC == row.created_at.tzinfo
    assert 1000 <= row.created_at.microsecond
