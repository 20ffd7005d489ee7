"""Lists, `show`, `replay` and `link`: what support staff see of the rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.store import tables
from tests.bridge.cli.conftest import Run
from tests.bridge.world import SITE, World
from tests.scripted_vault import lost_reply


def test_issuances_tell_where_each_certificate_stands(run: Run, world: World) -> None:
    world.generate()
    world.run("write_back")
    world.complete("bob", learner={"email": "no address"})
    world.run("normalise")

    held, issued = run("issuances", "--json").json

    link = issued["link"]
    assert {
        "id": world.rows(tables.issuance)[0].id,
        "site": SITE,
        "learner_id": "ada",
        "course_id": "42",
        "full_name": "Ada Lovelace",
        "course_title": "Marine Biology",
        "mapping": "course-completion v1",
        "state": "generated",
        "reference_id": world.vault.only.reference_id,
        "status": "generated",
        "link": link,
        "download": issued["download"],
        "verification_url": None,
        "replaces": None,
        "written_back": "read_back",
        "problem": None,
        "remedy": None,
    } == issued
    assert link.startswith("https://certs.example.edu/c/")
    assert issued["download"].startswith("https://certs.example.edu/c/file/")
    assert ("held", None, None, "Bob Lovelace") == (
        held["state"],
        held["link"],
        held["written_back"],
        held["full_name"],
    )
    assert "applicant_email" in held["problem"]
    assert [held] == run("issuances", "--state", "held", "--json").json
    assert [held] == run("issuances", "--limit", "1", "--json").json
    assert "Ada Lovelace" in run("issuances").out


def test_deliveries_and_completions_are_listed_without_what_was_sent(
    run: Run, world: World
) -> None:
    world.complete()
    world.post(b"no json")
    world.run("normalise")

    dead, read = run("deliveries", "--json").json
    (completion,) = run("completions", "--json").json

    assert ("dead", "normalised") == (dead["state"], read["state"])
    assert {"id", "site", "received_at", "state", "problem", "remedy"} == set(dead)
    assert ("mapped", read["id"], "2026-11-23") == (
        completion["state"],
        completion["delivery"],
        completion["round"],
    )
    assert [dead] == run("deliveries", "--state", "dead", "--json").json
    assert "No completion." in run("completions", "--state", "held").out
    header, *lines = run("deliveries").out.splitlines()
    assert [dead["id"], read["id"]] == [line.split()[0] for line in lines]
    assert header.split() == ["id", "site", "received_at", "state", "problem", "remedy"]
    assert dead["remedy"] in lines[0], "nothing is cut off"
    assert "Marine Biology" in run("completions").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["issuances", "--state", "lost"], 2, "'lost' is not one of"),
        (["issuances", "--limit", "0"], 2, "0 is not in the range"),
        (["show", "42"], 1, "'42' is not an id. Ids are of: announcement, api token, completion"),
        (["show", "is_0000000000000000000000"], 1, "There is no issuance is_0000"),
        (["link", "revoke", "is_0000000000000000000000"], 1, "has no live link"),
        (["link", "new", "is_0000000000000000000000"], 1, "is no generated certificate"),
        (["shwo", "x"], 2, "No such command 'shwo'"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    run: Run, arguments: list[str], code: int, told: str
) -> None:
    said = run(*arguments)

    assert (code, "") == (said.code, said.out)
    assert told in said.err


def test_show_tells_the_whole_history_from_delivery_to_gradebook(run: Run, world: World) -> None:
    world.vault.then("upload", lost_reply)
    world.complete()
    world.settle()
    delivery, completion = world.one(tables.delivery), world.completion

    told = run("show", world.issuance.id, "--json").json

    issuance, told_gradebook = world.issuance.id, world.write_back.id
    assert [
        (completion.id, "found"),
        (completion.id, "mapped"),
        (issuance, "ready"),
        (issuance, "file made"),
        (issuance, "upload: ambiguous"),
        (issuance, "answer lost"),
        (issuance, "adopted from the vault"),
        (issuance, "generated"),
        (told_gradebook, "read back"),
    ] == sorted(((line["subject"], line["what"]) for line in told["history"]), key=_order)
    moments = [line["at"] for line in told["history"]]
    assert sorted(moments) == moments
    assert ("issuance", "generated") == (told["row"]["kind"], told["row"]["state"])
    for start in (delivery.id, completion.id):
        assert told["history"] == run("show", start, "--json").json["history"]
    text = run("show", world.issuance.id).out
    assert "upload: ambiguous  by attempt 1" in text
    assert world.vault.only.reference_id in text


def _order(line: tuple[str, str]) -> int:
    """The order in which things happen; some share a moment."""
    order = "found mapped ready file upload: answer adopted generated read"
    return order.split().index(line[1].split()[0])


def test_show_hides_what_no_person_needs_to_see(run: Run, world: World) -> None:
    world.generate()
    ids = [world.one(tables.delivery).id, world.site_id, world.issuer_id, world.write_back.id]

    for row_id in ids:
        row = run("show", row_id, "--json").json["row"]
        assert not {"request", "secrets", "lease_owner", "fence"} & set(row)


def test_replay_says_of_each_id_what_it_did_and_why_and_who_is_kept(run: Run, world: World) -> None:
    world.generate()
    world.post(b"no json")
    world.run("normalise")
    dead = next(r for r in world.rows(tables.delivery) if r.state == "dead")

    said = run("replay", dead.id, "--reason", "parser mended", "--as", "alice")
    whole = world.one(tables.replay).id
    assert (0, f"{dead.id}: It is read again.\n1 going again, 0 unchanged ({whole}).\n") == (
        said.code,
        said.out,
    )
    lines = run("show", dead.id, "--json").json["history"]
    assert [("replayed", "alice", f"parser mended · {whole}")] == [
        (line["what"], line["who"], line["detail"]) for line in lines if line["what"] != "dead"
    ]

    said = run("replay", world.issuance.id, "nonsense")
    assert 1 == said.code
    assert f"It is issued as {world.vault.only.reference_id}; nothing is changed." in said.out
    assert "nonsense: This is not the id of" in said.out


def test_a_revoked_link_is_replaced_and_the_gradebook_is_told_the_new_one(
    run: Run, world: World
) -> None:
    world.generate()
    world.run("write_back")
    old = run("link", "new", world.issuance.id).out.strip()
    assert old in world.lms.gradebook["42", "ada"]

    assert 0 == run("link", "revoke", world.issuance.id, "--as", "alice").code
    new = run("link", "new", world.issuance.id, "--as", "alice").out.strip()

    assert old != new
    world.clock.moment = max(world.clock.now(), datetime.now(UTC))
    world.run("write_back")
    assert new in world.lms.gradebook["42", "ada"]
    assert old not in world.lms.gradebook["42", "ada"]
    assert ["link shown", "link revoked", "link shown"] == [
        what for what in world.history(world.issuance.id) if what.startswith("link")
    ]
