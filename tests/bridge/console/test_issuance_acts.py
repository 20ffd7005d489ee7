"""What support staff do about one certificate, each safe to be pressed twice, with a reason."""

from __future__ import annotations

import csv
import io

import pytest

from bridge.console import issuances as pages
from bridge.people.roles import Role
from bridge.store import tables
from bridge.store.states import MappingState
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import World

WHO = "support-0@staff.example"


def events(world: World, row_id: str) -> list[tuple[str, str, str | None]]:
    """What people did."""
    return [
        (e.what, e.who, e.detail)
        for e in world.rows(tables.event)
        if e.subject == row_id and "@" in e.who
    ]


def test_one_that_was_not_sent_is_cancelled_once_and_can_be_asked_for_again(
    world: World, signed_in: SignedIn
) -> None:
    world.complete()
    world.run("normalise")
    visitor, path = signed_in(Role.SUPPORT), f"/issuances/{world.issuance.id}"

    assert 422 == visitor.post(f"{path}/cancel").status_code
    for _ in range(2):
        assert 303 == visitor.post(f"{path}/cancel", reason="left the course").status_code

    assert ("cancelled", None, "discarded") == (
        world.issuance.state,
        world.issuance.natural_key,
        world.completion.state,
    )
    assert [("cancelled", WHO, "left the course")] == events(world, world.issuance.id)
    world.run("issue")
    assert [] == world.rows(tables.attempt)
    visitor.post(f"/issuances/{world.issuance.id}/replay", what="issuance")
    world.run("normalise", "issue")
    assert "processing" == world.issuance.state


def test_what_a_vault_may_have_is_not_cancelled(world: World, signed_in: SignedIn) -> None:
    world.issue()
    visitor = signed_in(Role.SUPPORT)

    answer = visitor.post(f"/issuances/{world.issuance.id}/cancel", reason="no")

    assert (409, True) == (answer.status_code, "the vault may have it" in answer.text)


def test_one_that_waits_in_a_hold_is_released_or_discarded_alone(
    world: World, signed_in: SignedIn
) -> None:
    world.add_mapping(("mapping: 1\n", "mapping: 1\n# anew\n"), state=MappingState.REHEARSAL)
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.run("normalise")
    ids = {row.learner_id: row.id for row in world.rows(tables.issuance)}
    visitor = signed_in(Role.SUPPORT)
    assert "Release" in visitor.text(f"/issuances/{ids['ada']}")

    for _ in range(2):
        visitor.post(f"/issuances/{ids['ada']}/decide", act="release")
        visitor.post(f"/issuances/{ids['bob']}/decide", act="discard", reason="not ours")

    assert 422 == visitor.post(f"/issuances/{ids['eve']}/decide", act="discard").status_code
    states = {row.learner_id: row.state for row in world.rows(tables.issuance)}
    assert {"ada": "ready", "bob": "cancelled", "eve": "held"} == states


def test_a_correction_is_seen_before_it_is_made_and_made_once(
    world: World, signed_in: SignedIn
) -> None:
    world.generate("ada")
    visitor, old = signed_in(Role.SUPPORT), world.issuance
    path = f"/issuances/{old.id}/correct"
    form = visitor.text(path)
    assert 'value="Ada Lovelace"' in form

    same = visitor.post(path, act="preview")
    seen = visitor.post(path, act="preview", full_name="Ada King")
    unexplained = visitor.post(path, act="correct", full_name="Ada King")
    assert [old.id] == [row.id for row in world.rows(tables.issuance)]
    for _ in range(2):
        done = visitor.post(path, act="correct", full_name="Ada King", reason="married")

    assert (422, True) == (same.status_code, "Nothing is changed yet" in same.text)
    assert 200 == seen.status_code
    assert 'src="data:image/svg+xml;base64,' in seen.text
    assert "<ins><bdi>Ada King</bdi></ins>" in seen.text
    assert (422, True) == (unexplained.status_code, "Say why." in unexplained.text)
    new = world.rows(tables.issuance)[1:]
    assert [("Ada King", old.id)] == [(row.full_name, row.replaces) for row in new]
    assert done.headers["Location"].endswith(new[0].id)


def test_a_learner_is_mailed_their_link_once(
    world: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.generate("ada")
    visitor, path = signed_in(Role.SUPPORT), f"/issuances/{world.issuance.id}/link"
    answer = visitor.post(path)
    if world.bridge.settings.mail_server is None:
        assert (409, True) == (answer.status_code, "No mail server is set" in answer.text)
        return
    assert 303 == answer.status_code
    visitor.post(path)
    assert ["ada@learners.example"] == [row.to_address for row in world.rows(tables.mail)]


def test_one_tells_its_calls_its_trace_and_its_picture(world: World, signed_in: SignedIn) -> None:
    world.generate("ada")
    visitor, path = signed_in(), f"/issuances/{world.issuance.id}"

    text, picture = visitor.text(path), visitor.get(f"{path}/picture.svg")

    for said in ("Calls to the vault", "entry.full_name", "{{ learner.full_name }}", " s</td>"):
        assert said in text
    assert ("image/svg+xml", b"<svg") == (picture.mimetype, picture.data[:4])


def test_the_list_is_taken_away_whole_with_its_filters_and_calculates_nothing(
    world: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "AT_ONCE", 2)
    for who in ("ann", "ben", "cat"):
        world.complete(who, learner={"full_name": f"=1+{who}"})
    world.complete("dan", course={"id": "77"})
    world.run("normalise")

    text = signed_in().text("/issuances.csv?course=42")

    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert ["'=1+cat", "'=1+ben", "'=1+ann"] == [row["full_name"] for row in rows]


def test_rows_alone_are_what_a_live_list_asks_for(world: World, signed_in: SignedIn) -> None:
    world.issue("ada")
    visitor = signed_in()

    page, rows = visitor.text("/issuances?q=ada"), visitor.text("/issuances?q=ada&rows=alone")

    assert 'data-live="/console/issuances?rows=alone&amp;q=ada"' in page
    assert "1 issuance" in page
    assert (f'<tr id="{world.issuance.id}">' in rows, "<html" in rows) == (True, False)
