"""What people see of issuances: found, within their limits, with everything that happened."""

from __future__ import annotations

import pytest

from bridge.console import issuances as pages
from bridge.people.roles import Limits, Role
from bridge.store import tables
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import SECOND, SITE, World


@pytest.fixture
def two_sites(world: World) -> World:
    """A certificate of Ada's at one site, one of Bob's held at another."""
    world.add_site(SECOND, "scripted")
    world.generate("ada")
    world.post(world.body("bob", course={"id": "77"}), path=f"/hooks/scripted/{SECOND}")
    world.run("normalise")
    [row] = [row for row in world.rows(tables.issuance) if row.learner_id == "bob"]
    world.hold(row.id)
    return world


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("", "ada bob"),
        ("?q=ADA@learners.example", "ada"),
        ("?q=bob", "bob"),
        ("?state=held", "bob"),
        ("?state=nonsense", "ada bob"),
        (f"?site={SITE}", "ada"),
        ("?course=77", "bob"),
        ("?mapping=course-completion&issuer=main", "ada bob"),
        ("?issuer=other", ""),
        ("?since=2026-11-23&until=2026-11-23", "ada bob"),
        ("?until=2026-11-22", ""),
        ("?since=2026-11-24", ""),
        ("?since=yesterday", "ada bob"),
        ("?q=%25", ""),
    ],
)
def test_filters_find_what_they_say(
    two_sites: World, signed_in: SignedIn, query: str, seen: str
) -> None:
    text = signed_in().text(f"/issuances{query}")

    found = [who for who in ("ada", "bob") if f"{who.title()} Lovelace" in text]
    assert seen.split() == found


def test_a_reference_id_finds_its_certificate(two_sites: World, signed_in: SignedIn) -> None:
    [ada] = [row for row in two_sites.rows(tables.issuance) if row.reference_id]

    text = signed_in().text(f"/issuances?q={ada.reference_id.lower()}")

    assert "Ada Lovelace" in text
    assert "Bob Lovelace" not in text


@pytest.mark.parametrize(
    "limits",
    [
        Limits(sites=frozenset({SITE})),
        Limits(courses=frozenset({f"{SITE}/42"})),
        Limits(issuers=frozenset({"main"}), sites=frozenset({SITE, "signed-main"})),
    ],
)
def test_what_is_beyond_the_limits_is_not_there(
    two_sites: World, signed_in: SignedIn, limits: Limits
) -> None:
    visitor = signed_in(Role.SUPPORT, limits)
    ids = {row.learner_id: row.id for row in two_sites.rows(tables.issuance)}

    text = visitor.text("/issuances")

    assert "Ada Lovelace" in text
    assert "Bob Lovelace" not in text
    assert SECOND not in text or limits.courses
    assert 200 == visitor.get(f"/issuances/{ids['ada']}").status_code
    for path in ("", "/certificate.pdf"):
        assert 404 == visitor.get(f"/issuances/{ids['bob']}{path}").status_code
    assert 404 == visitor.post(f"/issuances/{ids['bob']}/replay").status_code


def test_a_page_leads_to_the_older_ones_and_keeps_the_filters(
    world: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 2)
    for who in ("ann", "ben", "cat", "dan", "eve"):
        world.complete(who)
    world.run("normalise")
    visitor, path, seen = signed_in(), "/issuances?state=ready", []
    while path:
        text = visitor.text(path)
        seen.append([w for w in ("ann", "ben", "cat", "dan", "eve") if w.title() in text])
        _, found, rest = text.partition('href="/console/issuances?after=')
        path = "/issuances?after=" + rest.partition('"')[0].replace("&amp;", "&") if found else ""
        assert not path or "state=ready" in path

    assert [["dan", "eve"], ["ben", "cat"], ["ann"]] == seen


def test_one_shows_every_step_and_attempt(two_sites: World, signed_in: SignedIn) -> None:
    [ada] = [row for row in two_sites.rows(tables.issuance) if row.learner_id == "ada"]

    text = signed_in().text(f"/issuances/{ada.id}")

    for said in ("upload: done", "generated", ada.reference_id, "course-completion v1", "42"):
        assert said in text
    assert 'action="/console/issuances' not in text  # a viewer looks


def test_support_staff_replay_what_is_held(two_sites: World, signed_in: SignedIn) -> None:
    [bob] = [row for row in two_sites.rows(tables.issuance) if row.learner_id == "bob"]
    visitor = signed_in(Role.SUPPORT)

    answer = visitor.post(f"/issuances/{bob.id}/replay", what="issuance")

    assert 303 == answer.status_code
    two_sites.run("normalise")
    [now] = [row for row in two_sites.rows(tables.issuance) if row.learner_id == "bob"]
    assert now.state != "held"
    [event] = [e for e in two_sites.rows(tables.event) if e.subject == bob.id and "staff" in e.who]
    assert "support-0@staff.example" == event.who


def test_a_replay_that_changes_nothing_says_so(two_sites: World, signed_in: SignedIn) -> None:
    [ada] = [row for row in two_sites.rows(tables.issuance) if row.learner_id == "ada"]

    answer = signed_in(Role.SUPPORT).post(f"/issuances/{ada.id}/replay", what="issuance")

    assert (409, True) == (answer.status_code, "not set going again" in answer.text)


def test_the_file_is_the_one_that_was_sent(two_sites: World, signed_in: SignedIn) -> None:
    [ada] = [row for row in two_sites.rows(tables.issuance) if row.learner_id == "ada"]

    answer = signed_in().get(f"/issuances/{ada.id}/certificate.pdf")

    assert ("application/pdf", b"%PDF-") == (answer.mimetype, answer.data[:5])


def test_markup_in_a_name_stays_text(world: World, signed_in: SignedIn) -> None:
    world.issue("ada", learner={"full_name": "<img src=x onerror=alert(1)> Ada"})
    visitor = signed_in()

    for path in ("/issuances", f"/issuances/{world.issuance.id}"):
        text = visitor.text(path)

        assert "<img src=x" not in text
        assert "&lt;img src=x" in text


def test_the_overview_and_the_failures_say_what_needs_a_person(
    two_sites: World, signed_in: SignedIn
) -> None:
    visitor = signed_in()

    front, failures = visitor.text("/"), visitor.text("/failures")
    one = visitor.text("/failures/issue.bug.Fault")

    for text in (front, failures, one):
        assert "issue.bug.Fault" in text
    assert "2</strong> completed" in front
    assert "three faults" in one
    assert 404 == visitor.get("/failures/nothing.like.this").status_code
