"""Sites are compared, differences found by cause, mended one by one or all, and dismissed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.console import reconciliation as pages
from bridge.people.roles import Limits, Role
from bridge.store import tables
from connectors.base import Completion, Course, Learner
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import SECOND, SITE, World


@pytest.fixture
def lost(world: World) -> World:
    """Two completions that nobody told us, in two courses."""
    yesterday = world.clock.now() - timedelta(days=1)
    for who, course in (("ada", "42"), ("bob", "77")):
        world.lms.true_times[who] = yesterday
        found = Completion(course=Course(id=course), learner=Learner(id=who), noticed_at=yesterday)
        world.lms.listed.append(found)
    return world


def test_a_site_is_compared_and_one_difference_mended_another_dismissed(
    lost: World, signed_in: SignedIn
) -> None:
    visitor = signed_in(Role.SUPPORT)

    begun = visitor.post("/reconciliation", site=SITE)
    path = begun.headers["Location"].removeprefix("/console")
    assert (303, "reconcile" in lost.rung) == (begun.status_code, True)
    assert "data-renew" in visitor.text(path)
    lost.finish_run(path.rpartition("/")[2])

    assert "data-renew" not in (told := visitor.text(path))
    assert "<strong>2</strong> completions in the LMS" in told
    assert "never_told" in visitor.text("/reconciliation")
    ada, bob = (
        next(row for row in lost.rows(tables.difference) if row.learner_id == who)
        for who in ("ada", "bob")
    )
    unsaid = visitor.post(f"/reconciliation/differences/{bob.id}", act="dismiss", reason=" ")
    mended = visitor.post(f"/reconciliation/differences/{ada.id}", act="mend")
    again = visitor.post(f"/reconciliation/differences/{ada.id}", act="mend")
    gone = visitor.post(f"/reconciliation/differences/{bob.id}", act="dismiss", reason="a test")

    assert [422, 303, 409, 303] == [one.status_code for one in (unsaid, mended, again, gone)]
    states = {row.learner_id: (row.state, row.settled_by) for row in lost.rows(tables.difference)}
    who = "support-0@staff.example"
    assert {"ada": ("mended", who), "bob": ("dismissed", who)} == states
    assert ["ada"] == [row.learner_id for row in lost.rows(tables.completion)]
    said = {row.what: (row.who, row.detail) for row in lost.rows(tables.event) if row.who == who}
    assert said["dismissed"] == (who, "a test")
    assert said["found by reconciliation"][0] == who


def test_all_of_a_cause_are_mended_by_a_run_of_their_site(lost: World, signed_in: SignedIn) -> None:
    lost.reconcile()
    visitor = signed_in(Role.SUPPORT)

    begun = visitor.post("/reconciliation", site=SITE, cause="never_told")
    twice = visitor.post("/reconciliation", site=SITE, cause="never_told")
    lost.finish_run(begun.headers["Location"].rpartition("/")[2])

    assert (303, 409) == (begun.status_code, twice.status_code)
    assert {"mended"} == {row.state for row in lost.rows(tables.difference)}
    assert 2 == len(lost.rows(tables.completion))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"site": "nowhere/else"}, "nothing here"),
        ({"site": SITE, "since": "yesterday"}, "Give a day as YYYY-MM-DD."),
        ({"site": SITE, "cause": "foreign"}, "mended by what its remedy says"),
        ({}, "Choose one of the sites."),
    ],
)
def test_a_mistake_begins_no_run(
    world: World, signed_in: SignedIn, given: dict[str, str], said: str
) -> None:
    answer = signed_in(Role.SUPPORT).post("/reconciliation", **given)

    assert (True, True) == (answer.status_code in (404, 422), said in answer.text)
    assert [] == world.rows(tables.reconcile_run)


def test_who_is_limited_sees_and_settles_what_is_theirs(lost: World, signed_in: SignedIn) -> None:
    lost.reconcile()
    lost.add_site(SECOND, "scripted")
    teacher = signed_in(
        Role.SUPPORT, Limits(sites=frozenset({SITE}), courses=frozenset({f"{SITE}/77"}))
    )
    rows = {row.learner_id: row.id for row in lost.rows(tables.difference)}

    text = teacher.text("/reconciliation/differences")
    assert ("77 · bob" in text, "ada" in text) == (True, False)
    assert "Compare a site now" not in teacher.text("/reconciliation")
    assert 422 == teacher.post("/reconciliation", site=SITE).status_code
    for act in ("mend", "dismiss"):
        answer = teacher.post(f"/reconciliation/differences/{rows['ada']}", act=act, reason="x")
        assert 404 == answer.status_code
    faculty = signed_in(Role.SUPPORT, Limits(sites=frozenset({SECOND})))
    assert 422 == faculty.post("/reconciliation", site=SITE).status_code
    assert 303 == faculty.post("/reconciliation", site=SECOND).status_code


def test_differences_are_told_a_page_at_a_time(
    lost: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 1)
    lost.reconcile()
    visitor, path, seen = signed_in(), "/reconciliation/differences?cause=never_told", []
    while path:
        text = visitor.text(path)
        seen += [who for who in ("ada", "bob") if f"· {who}<" in text]
        _, found, rest = text.partition('href="/console/reconciliation/differences?after=')
        address = rest.partition('"')[0].replace("&amp;", "&")
        path = f"/reconciliation/differences?after={address}" if found else ""

    assert ["ada", "bob"] == sorted(seen)
    assert "act" not in seen
    assert "Mend this one" not in visitor.text("/reconciliation/differences"), "a viewer looks"
