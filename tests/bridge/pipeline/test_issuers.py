"""Vault accounts in trouble: paused, told, resumed; and what the follower makes of each status."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.certificates.page import Page
from bridge.pipeline.replay import resume_issuer
from bridge.store import accounts, tables
from tests.bridge.world import World, key
from tests.scripted_vault import PERMISSIONS, TOKEN, Taken, answers


def without(permission: str) -> frozenset[str]:
    return PERMISSIONS - {f"certificate-vault:{permission}"}


def rotate(world: World, token: str) -> None:
    """Give the issuer another token, and nothing else."""
    with world.bridge.database.write() as conn:
        row = accounts.issuer_by_id(conn, world.issuer_id)
        secrets = {"token": token}
        accounts.set_secrets(conn, row, kind="issuer", keys=world.bridge.keys, secrets=secrets)


@pytest.mark.parametrize(
    ("call", "permission", "expected"),
    [
        ("upload", "create", "certificate-vault:create"),
        ("view", "view", "certificate-vault:view"),
        ("retry", "update", "certificate-vault:update"),
    ],
)
def test_a_missing_permission_pauses_the_issuer_and_names_it(
    world: World, call: str, permission: str, expected: str
) -> None:
    if call == "retry":
        world.vault.outcomes.append("failed")
    world.vault.tokens[TOKEN] = without(permission)
    world.complete()
    world.settle(hours=1)

    assert expected in world.issuer.remedy
    assert None is not world.issuer.paused_at
    assert world.issuance.state in ("sending", "processing")
    assert expected in world.issuance.remedy
    assert 1 == world.history(world.issuer_id).count("paused")

    world.vault.tokens[TOKEN] = PERMISSIONS
    resume_issuer(world.bridge, world.issuer_id, who="alice")
    world.settle()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)
    assert (None, None) == (world.issuer.paused_at, world.issuer.problem)
    assert (1 if call == "retry" else 0) == world.issuance.vault_retries


def test_without_the_permission_to_list_the_issuer_is_paused_until_it_has_it(world: World) -> None:
    world.vault.tokens[TOKEN] = without("list")
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.settle(hours=1)

    assert "certificate-vault:list" in world.issuer.remedy
    assert ["processing"] * 3 == world.states()
    world.vault.tokens[TOKEN] = PERMISSIONS
    resume_issuer(world.bridge, world.issuer_id, who="alice")
    world.settle()
    assert ["generated"] * 3 == world.states()


def test_a_revoked_token_is_tried_once_and_every_row_is_kept(world: World) -> None:
    world.vault.tokens.clear()
    for number in range(8):
        world.complete(f"ada{number}")
    world.run("normalise", "issue")
    world.later(hours=72)
    world.run("issue", "follow")

    first_files = world.bridge.settings.uploads_at_once
    assert 1 <= world.vault.calls["upload_file"] <= first_files, "not once for each certificate"
    assert ["ready"] * 8 == sorted(world.states())
    assert "Unauthorized - Invalid API token" == world.issuer.problem
    assert "vaultbridge issuer rotate" in world.issuer.remedy
    paused = [e.detail for e in world.rows(tables.event) if e.what == "paused"]
    assert ["Unauthorized - Invalid API token"] == paused

    world.vault.tokens["fresh"] = PERMISSIONS
    rotate(world, "fresh")
    resume_issuer(world.bridge, world.issuer_id, who="alice")
    world.settle()
    assert ["generated"] * 8 == world.states()
    assert {1} == set(world.vault.created.values())
    assert ["paused", "resumed"] == world.history(world.issuer_id)


def test_a_refused_token_pauses_the_issuer_though_the_row_was_lost_meanwhile(world: World) -> None:
    def stolen(taken: Taken) -> Any:
        taken_over = {"fence": 2, "lease_owner": "worker-2"}
        world.change(tables.issuance, world.issuance.id, **taken_over)
        return answers(401)(taken)

    world.vault.then("upload", stolen)
    world.issue()

    assert world.issuer.paused_at is not None
    assert ["paused"] == world.history(world.issuer_id)


def test_one_paused_issuer_stops_no_other(world: World) -> None:
    world.add_issuer("second", token="revoked")
    world.add_mapping(
        ("course-completion", "another"),
        ("issuer: main", "issuer: second"),
        ('match: {course: "*"}', 'match: {course: "CHEM"}\npriority: 5'),
    )
    world.complete("ada")
    world.complete("bob", course={"code": "CHEM"})
    world.settle()

    assert ["generated", "sending"] == world.states()


def test_a_token_that_was_replaced_while_the_former_was_in_use_pauses_nothing(
    world: World,
) -> None:
    def replaced(taken: Taken) -> Any:
        world.vault.tokens = {"fresh": PERMISSIONS}
        rotate(world, "fresh")
        return answers(401)(taken)

    world.vault.then("upload", replaced)
    world.issue()

    assert (None, None) == (world.issuer.paused_at, world.issuer.problem)
    world.settle()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)


@pytest.mark.parametrize("bell", ["issue", "follow"])
def test_an_unreadable_token_pauses_its_own_issuer_and_blames_no_certificate(
    world: World, bell: str
) -> None:
    world.complete()
    world.run("normalise")
    if bell == "follow":
        world.run("issue")
        world.later()
    before = world.issuance
    world.change(tables.issuer, world.issuer_id, secrets="encrypted with a lost key")
    world.run(bell)

    row, issuer = world.issuance, world.issuer
    assert (before.state, 0, None) == (row.state, row.tries, row.problem)
    assert "a key that is not in the key file" in issuer.problem
    assert ("issuer.key", True) == (issuer.cause, issuer.paused_at is not None)
    assert "vaultbridge issuer rotate main" in issuer.remedy

    rotate(world, TOKEN)
    resume_issuer(world.bridge, world.issuer_id, who="alice")
    world.settle()
    assert ["generated"] == world.states()


def test_a_poisoned_row_is_moved_on_and_its_neighbours_are_unharmed(world: World) -> None:
    sound = world.bridge.renderer

    class Choking:
        def render(self, page: Page) -> bytes:
            if page.full_name.startswith("Bob"):
                raise ZeroDivisionError
            return sound.render(page)

        template = sound.template
        made_of = sound.made_of
        valid_until = sound.valid_until

    choking: Any = Choking()
    world.bridge = replace(world.bridge, renderer=choking)
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.settle(hours=2)

    states = {row.learner_id: row.state for row in world.rows(tables.issuance)}
    assert {"ada": "generated", "bob": "held", "eve": "generated"} == states
    held = next(r for r in world.rows(tables.issuance) if r.state == "held")
    assert "ZeroDivisionError" in held.problem
    assert "vaultbridge replay" in held.remedy

    world.bridge = replace(world.bridge, renderer=sound)
    assert world.replay(held.id).going
    world.settle()
    assert ["generated"] * 3 == world.states()


def test_a_vault_that_is_ill_is_followed_later_and_as_late_as_it_asks(world: World) -> None:
    world.issue()
    world.vault.then("view", answers(503, "<html>"), answers(429, headers={"Retry-After": "900"}))
    world.later(seconds=5)
    world.run("follow")
    assert (timedelta(seconds=5), "The vault answered 503.") == (
        world.in_wait(world.issuance.next_run_at),
        world.issuance.problem,
    )
    world.later(seconds=5)
    world.run("follow")
    assert timedelta(seconds=900) == world.in_wait(world.issuance.next_run_at)
    world.settle()
    assert (["generated"], None) == (world.states(), world.issuance.problem)


def test_a_view_that_fails_after_the_list_said_generated_is_asked_again(world: World) -> None:
    world.issue()
    world.vault.then("view", answers(502, "<html>"))
    world.vault.finish()
    world.later()
    world.run("follow")

    row = world.issuance
    assert ("processing", "The vault answered 502.") == (row.state, row.problem)
    world.settle()
    assert ["generated"] == world.states()


def test_a_retry_that_must_wait_waits_and_is_not_counted(world: World) -> None:
    world.vault.outcomes.append("failed")
    world.issue()
    world.vault.finish()
    world.vault.then("retry", answers(429, headers={"Retry-After": "900"}))
    world.later()
    world.run("follow")

    row = world.issuance
    assert (0, timedelta(seconds=900)) == (row.vault_retries, world.in_wait(row.next_run_at))
    world.settle()
    assert (1, ["generated"]) == (world.issuance.vault_retries, world.states())
    assert [("upload", "done"), ("retry", "not_sent"), ("retry", "done")] == world.attempts()


def test_a_certificate_revoked_while_it_is_followed_is_cancelled(world: World) -> None:
    world.issue()
    world.vault.only.status = "revoked"
    world.settle()

    row = world.issuance
    assert ("cancelled", "revoked", None) == (row.state, row.vault_status, row.next_run_at)
    assert "revoked at the vault" in row.problem
    assert row.remedy


def test_a_status_that_nobody_knows_is_shown_and_kept_polling(world: World) -> None:
    world.issue()
    world.vault.only.status = "reticulating"
    world.settle(hours=3)

    row = world.issuance
    assert ("processing", "reticulating", None) == (row.state, row.vault_status, row.problem)
    world.vault.only.status = "generated"
    world.settle()
    assert ["generated"] == world.states()


def test_many_are_followed_by_list_pages_alone(world: World) -> None:
    for number in range(3):
        world.complete(f"ada{number}")
    world.run("normalise", "issue")
    world.vault.largest_page = 1
    for number in range(4):
        world.later(seconds=1)
        world.vault.put(title=f"T{number}", name="x", email="x@example.org", issue_date=None)
    for kept in world.vault.kept.values():
        kept.status = "processing"
    world.vault.calls.clear()
    world.later()
    world.run("follow")

    # The four of somebody else are the newest.
    assert {"list": 7} == dict(world.vault.calls)


def test_a_certificate_that_the_vault_lost_is_asked_for_again_and_says_so(world: World) -> None:
    world.issue()
    kept = world.vault.kept.pop(world.vault.only.uuid)
    world.later()
    world.run("follow")

    row = world.issuance
    assert ("processing", "The vault no longer lists this certificate.") == (row.state, row.problem)
    world.vault.kept[kept.uuid] = kept
    world.settle()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)


def test_what_is_generated_has_a_link_a_reference_and_a_write_back_in_one_commit(
    world: World,
) -> None:
    world.generate()

    row = world.issuance
    assert ("generated", world.vault.only.reference_id, None) == (
        row.state,
        row.reference_id,
        row.next_run_at,
    )
    assert row.id == world.one(tables.link).issuance_id
    assert ("due", "ada") == (world.write_back.state, world.write_back.learner_id)
    assert "write_back" in world.rung


def test_a_database_that_goes_down_blames_no_row(world: World, monkeypatch: Any) -> None:
    import sqlalchemy as sa  # noqa: PLC0415

    from bridge.pipeline import issue  # noqa: PLC0415

    def down(*_args: Any) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    world.complete()
    world.run("normalise")
    with monkeypatch.context() as patched:
        patched.setattr(issue, "_issuer", down)
        with pytest.raises(sa.exc.OperationalError):
            issue.run(world.bridge)

    assert (0, None) == (world.issuance.tries, world.issuance.problem)
    world.settle()
    assert ["generated"] == world.states()
