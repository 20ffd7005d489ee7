"""Issuances over the API: pages by cursor, filters, one with its history, its file, replays."""

from __future__ import annotations

import pytest

from bridge.people.tokens import Scope
from bridge.store import tables
from tests.bridge.api.conftest import MakeProgram
from tests.bridge.world import TITLE, World


def test_pages_tell_each_row_once_newest_first_also_while_more_come(
    world: World, program: MakeProgram
) -> None:
    for n in range(5):
        world.complete(f"l{n}")
    world.run("normalise")
    reader, seen, cursor = program(), [], None
    while True:
        query = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        told = reader.told("/issuances", **query)
        seen += [one["learner_id"] for one in told["items"]]
        cursor = told["next"]
        if cursor is None:
            break
        world.complete(f"late{len(seen)}")
        world.run("normalise")

    assert [f"l{n}" for n in reversed(range(5))] == seen


def test_filters_are_those_of_the_consoles_list(world: World, program: MakeProgram) -> None:
    world.generate("ada")
    world.complete("mary", learner={"email": None})
    world.run("normalise")
    reader = program()

    def found(**query: str) -> list[str]:
        return [one["learner_id"] for one in reader.told("/issuances", **query)["items"]]

    reference = next(r for r in world.rows(tables.issuance) if r.reference_id).reference_id
    assert ["ada"] == found(q="ADA@learners.example")
    assert ["ada"] == found(q=reference)
    assert ["ada"] == found(state="generated", site="scripted-main", issuer="main", course="42")
    assert ["ada"] == found(mapping="course-completion", state="generated")
    assert [] == found(since="2027-01-01T00:00:00Z")
    assert [] == found(until="2026-01-01T00:00:00+04:00")
    assert [] == found(site="elsewhere")
    for wrong in ({"state": "gone"}, {"since": "2026-01-01"}, {"limit": "0"}, {"limit": "201"}):
        assert 422 == reader.get("/issuances", **wrong).status_code


def test_one_is_told_from_delivery_to_gradebook(world: World, program: MakeProgram) -> None:
    world.generate()
    world.run("write_back")
    row = world.issuance
    reader = program()

    told = reader.told(f"/issuances/{row.id}")
    file = reader.get(f"/issuances/{row.id}/file")

    assert (TITLE, "generated", "Ada Lovelace", "Marine Biology") == (
        told["certificate_title"],
        told["state"],
        told["full_name"],
        told["course_title"],
    )
    assert ["upload"] == [one["operation"] for one in told["attempts"]]
    assert world.write_back.id == told["write_backs"][0]["id"]
    assert told["history"] == sorted(told["history"], key=lambda one: one["at"])
    assert "/c/" in told["learner_link"] or told["learner_link"].startswith("https://certs")
    assert ("application/pdf", b"%PDF") == (file.mimetype, file.data[:4])
    assert "secret" not in str(told)


def test_support_sets_going_again_what_a_person_has_mended(
    world: World, program: MakeProgram
) -> None:
    world.issue("ada", learner={"email": None})
    [row] = world.rows(tables.issuance)
    helper = program(Scope.SUPPORT)

    done = helper.post(f"/issuances/{row.id}/replay", {"reason": "address added"}, key="r-1")
    again = helper.post(f"/issuances/{row.id}/replay", {"reason": "address added"}, key="r-1")

    assert (200, True) == (done.status_code, done.get_json()["going"])
    assert done.get_json() == again.get_json()
    [replay] = world.rows(tables.replay)
    assert ("token program", "address added") == (replay.who, replay.reason)


def test_what_is_not_sent_is_cancelled_and_a_gradebook_row_written_again(
    world: World, program: MakeProgram
) -> None:
    world.generate()
    issued = world.issuance.id
    world.complete("mary")
    world.run("normalise")
    [unsent] = [row for row in world.rows(tables.issuance) if row.id != issued]
    helper = program(Scope.SUPPORT)

    cancelled = helper.post(f"/issuances/{unsent.id}/cancel", {"reason": "not hers"})
    refused = helper.post(f"/issuances/{issued}/cancel", {"reason": "not hers"})
    world.run("write_back")
    told = [helper.post(f"/issuances/{one}/write-back") for one in (issued, unsent.id)]

    mailed = helper.post(f"/issuances/{issued}/send-link")

    assert (409, True) == (mailed.status_code, "BRIDGE_MAIL_SERVER" in mailed.text)
    assert "cancelled" == cancelled.get_json()["state"]
    assert (409, 422) == (
        refused.status_code,
        helper.post(f"/issuances/{unsent.id}/cancel").status_code,
    )
    assert [409, 409] == [one.status_code for one in told]
    assert ["already" in one.text or "No gradebook" in one.text for one in told] == [True, True]


@pytest.mark.parametrize("text", ["x" * 1001, "nul\0"])
def test_a_reason_that_cannot_be_kept_is_refused(
    world: World, program: MakeProgram, text: str
) -> None:
    answer = program(Scope.SUPPORT).post("/issuances/is_none/replay", {"reason": text})

    assert (422, True) == (answer.status_code, "reason" in answer.text)
