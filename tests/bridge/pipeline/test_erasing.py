"""Erasing a learner's data: everything of a person goes, and nothing is issued again."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
import sqlalchemy as sa

from bridge.pipeline import erasing
from bridge.store import tables
from bridge.store.accounts import NotThere
from bridge.store.learners import Found
from tests.bridge.world import SITE, World
from tests.scripted_vault import lost_reply

ADDRESS = "ada@learners.example"
#: What must not be left anywhere.
PERSONAL = ("Ada Lovelace", ADDRESS, '"ada"')


def certified(world: World, who: str = "ada") -> None:
    """A certificate, made and told in the gradebook."""
    world.generate(who)
    world.run("write_back")


def found(world: World, email: str = ADDRESS) -> Found:
    return erasing.only(erasing.find(world.bridge, email=email))


def erase(world: World, email: str = ADDRESS) -> erasing.Erased:
    return erasing.erase(world.bridge, found(world, email), who="alice", reason="asked for it")


def everything(world: World) -> str:
    """All rows, with raw deliveries as they came."""
    rows = [
        {name: _readable(world, name, value) for name, value in row._mapping.items()}
        for table in tables.metadata.tables.values()
        for row in world.rows(table)
    ]
    return json.dumps(rows, ensure_ascii=False, default=str)


def _readable(world: World, name: str, value: object) -> object:
    if name == "request" and not str(value).startswith("gone: "):
        return json.dumps(world.bridge.keys.decrypt(str(value), purpose="delivery"))
    return value.decode("latin-1") if isinstance(value, bytes) else value


def test_everything_of_a_person_goes_and_others_stay(world: World) -> None:
    world.vault.erases = True
    certified(world)
    certified(world, "bob")
    files = len(world.rows(tables.file))

    done = erase(world)
    world.run("issue")

    left = everything(world)
    assert [] == [text for text in PERSONAL if text in left]
    assert "Bob Lovelace" in left
    assert ["42"] == done.gradebook
    assert ["erased", "generated"] == sorted(world.states())
    assert files - 1 == len(world.rows(tables.file))
    assert ["", "Bob Lovelace"] == sorted(kept.name for kept in world.vault.kept.values())
    assert "done" == world.one(tables.vault_erasure).state
    row = world.one(tables.erasure)
    assert ("done", None, "alice") == (row.state, row.sealed, row.who)


def test_nothing_is_issued_again_whoever_tells_it_again(world: World) -> None:
    certified(world)
    completion = world.completion
    body = world.body()
    body["data"]["completed_at"] = completion.data["completed_at"]
    erase(world)

    # Sent again, by another delivery; replayed; compared with the LMS's own list.
    world.post(body, delivery="msg_again")
    world.run("normalise", "issue", "follow", "write_back")
    for row_id in (completion.id, world.issuance.id, world.rows(tables.delivery)[0].id):
        assert not world.replay(row_id).going
    world.run("normalise", "issue", "follow", "write_back")

    assert (["erased"], ["erased"]) == (world.states(), world.states(tables.completion))
    assert 1 == sum(world.vault.created.values())
    assert [] == [text for text in PERSONAL if text in everything(world)]


def test_nor_where_only_the_certificate_is_the_same(world: World) -> None:
    certified(world)
    body = world.body()
    body["data"]["completed_at"] = world.completion.data["completed_at"]
    body["data"]["course"]["id"] = "43"
    erase(world)

    world.post(body, delivery="msg_of_another_course")
    world.run("normalise", "issue")

    assert ["erased"] == world.states()
    assert {"erased"} == set(world.states(tables.completion))
    assert [] == [text for text in PERSONAL if text in everything(world)]


def test_reconciliation_misses_nobody_who_was_erased(world: World) -> None:
    world.vault.erases = True
    certified(world)
    told = world.lms.listed  # type: ignore[attr-defined]
    told.append(_as_listed(world))
    assert [] == world.differences() or world.reconcile() is not None
    erase(world)
    world.run("issue")
    world.later(hours=2)

    world.reconcile(fix=True)
    world.run("normalise", "issue", "write_back")

    assert [] == world.differences()
    assert ["erased"] == world.states()


def _as_listed(world: World) -> object:
    from bridge.store import completions  # noqa: PLC0415

    return completions.unpack(world.completion.data)


def test_while_something_is_under_way_nothing_is_erased(world: World) -> None:
    world.issue()  # the vault has not made it yet

    with pytest.raises(erasing.UnderWay, match=world.issuance.id):
        erase(world)

    assert ADDRESS == world.issuance.applicant_email


def test_the_learners_page_says_so(world: World) -> None:
    certified(world)
    url = world.bridge.links.token(world.one(tables.link).id)

    erase(world)
    answer = world.app.test_client().get(f"/c/{url}")

    assert 410 == answer.status_code
    assert "has been erased" in answer.get_data(as_text=True)
    assert "Ada" not in answer.get_data(as_text=True)


def test_a_vault_whose_answer_is_lost_is_asked_again(world: World) -> None:
    world.vault.erases = True
    certified(world)
    erase(world)
    world.vault.then("erase", lost_reply)

    world.run("issue")
    assert "due" == world.one(tables.vault_erasure).state
    world.settle(hours=1)

    assert ("done", 2) == (world.one(tables.vault_erasure).state, world.vault.calls["erase"])


def test_for_a_vault_that_cannot_erase_there_is_a_text(world: World) -> None:
    certified(world)
    erase(world)
    world.run("issue")

    assert "kept" == world.one(tables.vault_erasure).state
    assert "Ada Lovelace" == world.vault.only.name
    world.later(hours=2)
    world.reconcile()
    assert [] == world.differences()


def test_what_came_by_other_deliveries_is_found_by_looking_into_them(world: World) -> None:
    certified(world)
    certified(world, "bob")
    odd = b'{"type": "course.completed", "data": {"learner": "Ad\\u0061 Lovelace"}}'
    world.post(odd, delivery="msg_unreadable")
    world.run("normalise")

    erase(world)
    world.run("issue")

    requests = [row.request for row in world.rows(tables.delivery)]
    assert [True, False, True] == [request.startswith("gone: ") for request in requests]


def test_an_export_holds_all_of_it_and_the_file(world: World) -> None:
    certified(world)

    packed = zipfile.ZipFile(io.BytesIO(erasing.export(world.bridge, [found(world)], who="alice")))

    told = json.loads(packed.read("data.json"))["learners"][0]
    assert "Ada Lovelace" in told["deliveries"][0]["body"]
    assert (ADDRESS, "ada") == (told["issuances"][0]["applicant_email"], told["learner_id"])
    (name,) = [name for name in packed.namelist() if name != "data.json"]
    assert packed.read(name).startswith(b"%PDF-")


def test_who_was_erased_is_found_by_nothing(world: World) -> None:
    certified(world)
    erase(world)

    with pytest.raises(NotThere):
        found(world)
    with pytest.raises(NotThere):
        erasing.find(world.bridge, site=SITE, learner_id="ada")


def test_two_learners_of_one_address_are_named_and_neither_is_erased(world: World) -> None:
    certified(world)
    world.complete("eve", learner={"email": ADDRESS})
    world.run("normalise")

    with pytest.raises(erasing.Several, match=r"ada at .* eve at"):
        erase(world)


def test_the_history_of_it_names_no_person(world: World) -> None:
    certified(world)
    done = erase(world)

    with world.bridge.database.read() as conn:
        rows = conn.execute(
            sa.select(tables.event).where(tables.event.c.subject == done.erasure_id)
        ).all()

    assert [("learner's data erased", "alice", "asked for it")] == [
        (row.what, row.who, row.detail) for row in rows
    ]
