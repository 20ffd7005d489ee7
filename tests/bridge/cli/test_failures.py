"""``vaultbridge failures``: what stays behind, grouped, with the next move."""

from __future__ import annotations

import pytest

from bridge.store import tables
from tests.bridge.cli.conftest import Run
from tests.bridge.world import SITE, World
from tests.scripted_vault import answers

MOVE = "Complete it in the LMS (looked up every night), or name another source in the mapping."
EMAIL = "complete.missing.applicant_email"


def broken(world: World) -> None:
    """Three learners without an e-mail address, a dead letter, and a vault that wants to wait."""
    for name in ("ada", "bob", "eve"):
        world.complete(name, learner={"email": None})
    world.post(b"no json")
    world.vault.then("upload", answers(429, {"message": "Too many."}))
    world.complete("ivy")
    world.run("normalise", "issue")


def test_failures_are_grouped_by_cause_and_what_waits_for_a_person_comes_first(
    run: Run, world: World
) -> None:
    broken(world)
    newest = [row for row in world.rows(tables.issuance) if row.cause == EMAIL][-1]

    missing, dead, later = run("failures", "--json").json

    assert {
        "cause": EMAIL,
        "connector": "scripted",
        "step": "complete",
        "code": "missing",
        "field": "applicant_email",
        "places": [SITE],
        "size": 3,
        "states": {"held": 3},
        "first_seen": missing["first_seen"],
        "last_seen": newest.failing_since.isoformat(),
        "means": "The field that the last part names came out empty.",
        "mended_by": "the mapping's author",
        "next": MOVE,
        "replay": f"vaultbridge replay --cause {EMAIL}",
        "example": {
            "id": newest.id,
            "problem": "entry.applicant_email: is empty",
            "remedy": newest.remedy,
        },
    } == missing
    assert missing["first_seen"] < missing["last_seen"]
    assert ("normalise.malformed.whole", {"dead": 1}) == (dead["cause"], dead["states"])
    assert ("issue.vault_http_429", None, {"sending": 1}) == (
        later["cause"],
        later["replay"],
        later["states"],
    )


def test_failures_read_well_on_a_terminal(run: Run, world: World) -> None:
    broken(world)
    newest = [row for row in world.rows(tables.issuance) if row.cause == EMAIL][-1]

    first, *_, last = run("failures").out.split("\n\n")

    assert [
        f"     3 {EMAIL}",
        f"       scripted {SITE} · 3 held · since 2026-11-23 12:00",
        "       The field that the last part names came out empty.",
        f"       Mended by the mapping's author. {MOVE}",
        f"       Then: vaultbridge replay --cause {EMAIL} --dry-run",
        f"       For example {newest.id}: entry.applicant_email: is empty",
    ] == first.splitlines()
    assert "3 causes, 5 rows.\n" == last


def test_nothing_behind_is_said(run: Run, world: World) -> None:
    world.generate()

    assert (0, "Nothing stays behind.\n") == (run("failures").code, run("failures").out)
    assert [] == run("failures", "--json").json


def test_a_cause_shows_its_members_also_by_its_beginning(run: Run, world: World) -> None:
    broken(world)
    ids = [row.id for row in world.rows(tables.issuance) if row.cause == EMAIL]

    for cause in (EMAIL, "complete.missing", "complete"):
        told = run("failures", "show", cause, "--json").json
        assert list(reversed(ids)) == [row["id"] for row in told["rows"]]
        assert [EMAIL] == [group["cause"] for group in told["groups"]]
    assert {
        "id": ids[-1],
        "kind": "issuance",
        "site": SITE,
        "course_id": "42",
        "learner_id": "eve",
        "state": "held",
        "cause": EMAIL,
        "failing_since": told["rows"][0]["failing_since"],
        "problem": "entry.applicant_email: is empty",
        "remedy": told["rows"][0]["remedy"],
    } == told["rows"][0]
    text = run("failures", "show", EMAIL, "--limit", "2").out
    assert all(row_id in text for row_id in ids[1:])
    assert "The newest 2 of 3; --limit shows more." in text


def test_sites_and_issuers_in_trouble_are_failures_too(run: Run, world: World) -> None:
    world.vault.tokens.clear()
    world.issue()

    token, waiting = run("failures", "--json").json
    assert ("issue.vault_token", "issuer.vault_token") == (token["cause"], waiting["cause"])
    assert (["main"], {"issuer": 1}) == (waiting["places"], waiting["states"])
    assert world.issuer_id == run("failures", "show", "issuer", "--json").json["rows"][0]["id"]
    assert ["issue.vault_token"] == [
        group["cause"] for group in run("failures", "--site", SITE, "--json").json
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["failures", "show", "nonsense"], "Nothing fails for 'nonsense'."),
        (["failures", "--site", "nowhere"], "There is no site called 'nowhere'."),
    ],
)
def test_a_mistake_is_told(run: Run, world: World, arguments: list[str], told: str) -> None:
    said = run(*arguments)

    assert (1, "") == (said.code, said.out)
    assert told in said.err


def test_what_is_counted_comes_from_an_index_alone(world: World) -> None:
    with world.bridge.database.read() as conn:
        plan = conn.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT cause, site_id, state, count(*), min(failing_since), "
            "max(failing_since) FROM issuance WHERE cause IS NOT NULL AND state != 'cancelled' "
            "GROUP BY cause, site_id, state"
        ).all()

    assert ["SEARCH issuance USING COVERING INDEX ix_issuance_cause (cause>?)"] == [
        row[3] for row in plan
    ]
