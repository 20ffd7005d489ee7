"""The audit log: found by filters, read without a scan, taken away as CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bridge.people.roles import Limits, Role
from bridge.pipeline import audit
from bridge.store import acts, events, tables
from bridge.store.acts import Filters
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import NOON, SITE, World

OWN = "own@staff.example"


@pytest.fixture
def log(world: World) -> World:
    """Four acts, a minute between them, among what the pipeline does."""
    told: list[dict[str, Any]] = [
        {"subject": world.site_id, "what": "added", "who": "ada"},
        {
            "subject": world.site_id,
            "what": "changed",
            "who": "bob",
            "before": {"settings": {"url": "https://a.example"}, "timezone": None},
            "after": {"settings": {"url": "https://b.example"}, "timezone": "Asia/Dubai"},
        },
        {"subject": world.issuer_id, "what": "rotated", "who": "ada", "detail": "=1+1"},
        {"subject": "template classic", "what": "changed", "who": "ada"},
    ]
    with world.bridge.database.write() as conn:
        for number, each in enumerate(told):
            events.record(conn, world.site_id, "looked at", at=NOON)
            events.record(conn, at=NOON + timedelta(minutes=number), **each)
    return world


def found(world: World, **filters: Any) -> list[str]:
    return [
        f"{act.who} {act.what} {act.name}" for act in audit.every(world.bridge, Filters(**filters))
    ]


def test_acts_are_told_newest_first_by_what_things_are_called(log: World) -> None:
    assert [
        "ada changed classic",
        "ada rotated main",
        f"bob changed {SITE}",
        f"ada added {SITE}",
    ] == found(log)


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"who": "ada"}, 3),
        ({"kind": "site"}, 2),
        ({"which": SITE}, 2),
        ({"which": "classic"}, 1),
        ({"which": "nothing"}, 0),
        ({"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=3)}, 2),
        ({"who": "bob", "kind": "issuer"}, 0),
    ],
)
def test_filters(log: World, filters: dict[str, Any], count: int) -> None:
    assert count == len(found(log, **filters))


def test_pages_go_on_where_the_last_one_ended_though_moments_are_the_same(world: World) -> None:
    with world.bridge.database.write() as conn:
        for number in range(7):
            events.record(conn, events.KEYS, f"act {number}", at=NOON, who="ada")
    told, after = [], None
    while page := audit.page(world.bridge, Filters(), after=after, limit=3):
        told += [act.what for act in page]
        after = page[-1].place

    assert [f"act {number}" for number in reversed(range(7))] == told


@pytest.mark.parametrize(
    "filters", [{}, {"who": "ada"}, {"kind": "site"}, {"since": NOON, "until": NOON}]
)
def test_acts_are_read_by_their_own_index_among_very_many_events(
    log: World, filters: dict[str, Any]
) -> None:
    database = log.bridge.database
    with database.write() as conn:
        one = {"subject": log.site_id, "at": NOON, "what": "seen", "who": "vaultbridge"}
        conn.execute(sa.insert(tables.event), [one] * 5000)
        if not database.is_sqlite:
            conn.execute(sa.text("ANALYZE event"))
    asked: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    place = acts.Place(at=NOON, id=1)
    with database.read() as conn:
        sa.event.listen(database.engine, "before_cursor_execute", note)
        acts.page(conn, Filters(**filters), after=place, limit=50)
        acts.kinds(conn)
        sa.event.remove(database.engine, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        plans = [
            " ".join(str(row) for row in conn.exec_driver_sql(explain + statement, parameters))
            for statement, parameters in asked
        ]

    assert len(plans) >= 2
    for plan in plans:
        assert "ix_event_act" in plan, plan
        assert "Seq Scan" not in plan
        assert "TEMP B-TREE" not in plan


def test_the_page_shows_what_changed_and_its_filters_stay_in_the_address(
    log: World, signed_in: SignedIn
) -> None:
    visitor = signed_in(Role.ADMIN)

    text = visitor.text(f"/audit?which={SITE}&who=bob")

    assert "settings.url" in text
    assert "<del><bdi>https://a.example</bdi></del>" in text
    assert "<ins><bdi>Asia/Dubai</bdi></ins>" in text
    assert "rotated" not in text
    assert f"/console/audit.csv?who=bob&amp;which={SITE}" in text
    wrong = visitor.get("/audit?since=yesterday")
    assert (422, True) == (wrong.status_code, "YYYY-MM-DD" in wrong.text)
    assert 200 == visitor.get("/audit?after=cut-off").status_code


def test_the_log_is_taken_away_whole_and_calculates_nothing(
    log: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "CHUNK", 2)
    visitor = signed_in(Role.ADMIN)

    table = visitor.get("/audit.csv?until=2026-11-23")
    lines = visitor.get("/audit.jsonl?until=2026-11-23")

    assert 'attachment; filename="audit.csv"' == table.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(table.data.decode("utf-8-sig"))))
    told = [json.loads(line) for line in lines.text.splitlines()]
    assert [row["subject"] for row in rows] == [one["subject"] for one in told]
    by_what = {(row["kind"], row["what"]): row for row in rows}
    assert "'=1+1" == by_what["issuer", "rotated"]["detail"]
    assert (
        "settings.url: https://a.example → https://b.example; timezone: – → Asia/Dubai"
        == by_what["site", "changed"]["changed"]
    )
    assert {"timezone": None} == {
        k: v for one in told if one["before"] for k, v in one["before"].items() if k == "timezone"
    }


def test_the_log_is_for_admins_who_see_everything(log: World, signed_in: SignedIn) -> None:
    limited = signed_in(Role.ADMIN, Limits(sites=frozenset({SITE})))
    support = signed_in(Role.SUPPORT)

    for path in ("/audit", "/audit.csv", "/audit.jsonl"):
        assert [403, 403] == [who.get(path).status_code for who in (limited, support)]
