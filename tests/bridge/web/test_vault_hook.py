"""What a vault tells by webhook: checked, never believed, and asked about at the next beat."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from bridge.pipeline.hear import SIGNATURE, hear
from bridge.pipeline.receive import TurnedAway
from bridge.store import accounts, tables
from runtime.group_commit import GroupCommit
from tests.bridge.commits import commits_of
from tests.bridge.world import World
from tests.polling import eventually
from tests.scripted_vault import TOKEN, Taken, normal

SECRET = "whsec_dGhlIHZhdWx0J3Mgc2VjcmV0"
HOOK = "/hooks/vault/main"


@pytest.fixture(autouse=True)
def _secret(world: World) -> None:
    hidden = {"token": TOKEN, "webhook_secret": f"an-older-one {SECRET}"}
    with world.bridge.database.write() as conn:
        row = accounts.issuer_named(conn, "main")
        accounts.set_secrets(conn, row, kind="issuer", keys=world.bridge.keys, secrets=hidden)


def tell(
    world: World, body: Any, *, secret: str = SECRET, signature: str | None = None, to: str = HOOK
) -> TestResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    made = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    given = {"X-Webhook-Signature": made if signature is None else signature}
    return world.app.test_client().post(to, data=raw, headers=given)


def signed(body: bytes) -> dict[str, str]:
    return {SIGNATURE: hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}


def about(world: World, **changes: Any) -> dict[str, Any]:
    kept = world.vault.only
    told = {"event": "certificate_application.approved", "uuid": kept.uuid}
    return {**told, "applicant_email": kept.email, **changes}


def test_a_certificate_that_the_vault_speaks_of_is_asked_about_at_the_next_beat(
    world: World,
) -> None:
    world.issue()
    for _ in range(6):
        world.clock.moment = world.issuance.next_run_at
        world.run("follow")
    before = world.in_wait(world.issuance.next_run_at)
    answer = tell(world, about(world))

    assert (200, {"issuances": 1}) == (answer.status_code, answer.get_json())
    assert world.in_wait(world.issuance.next_run_at) <= 2 * world.bridge.settings.poll_first
    assert before > 10 * world.bridge.settings.poll_first
    assert "processing" == world.issuance.state, "what is told is not believed"
    world.vault.finish()
    world.later(seconds=10)
    world.run("follow")
    assert "generated" == world.issuance.state


def test_what_it_speaks_of_while_a_worker_is_asking_is_asked_about_once_more(world: World) -> None:
    def then_told(taken: Taken) -> Any:
        before = normal(taken)
        world.vault.finish()
        assert {"issuances": 1} == tell(world, about(world)).get_json()
        return before

    world.issue()
    for _ in range(6):
        world.clock.moment = world.issuance.next_run_at
        world.run("follow")
    world.vault.then("view", then_told)
    world.clock.moment = world.issuance.next_run_at
    world.run("follow")

    assert "processing" == world.issuance.state
    assert world.in_wait(world.issuance.next_run_at) <= 2 * world.bridge.settings.poll_first


def test_one_that_a_bulk_upload_took_in_is_known_by_its_address(world: World) -> None:
    world.vault.appears_at_once = False
    for who in ("ada", "bob"):
        world.complete(who)
    world.run("normalise", "issue")
    for _ in range(6):
        world.clock.moment = max(row.next_run_at for row in world.rows(tables.issuance))
        world.run("follow")
    told = {"uuid": "a-new-one", "applicant_email": "ADA@learners.example"}

    assert {"issuances": 1} == tell(world, told).get_json()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_batch_that_the_vault_tells_of_at_once_shares_its_commit(world: World) -> None:
    """Genuine or not, they wait for one writer, as what LMSs deliver does."""
    world.issue()
    for _ in range(6):
        world.clock.moment = world.issuance.next_run_at
        world.run("follow")
    group: GroupCommit[Any] = GroupCommit(world.bridge.database)
    genuine = json.dumps(about(world)).encode()
    told = [*[signed(genuine)] * 8, *[{SIGNATURE: "forged"}] * 8]
    begun = threading.Event()

    def all_wait(_conn: sa.Connection) -> None:
        begun.set()  # and nobody who comes from now on is of the same group
        eventually(lambda: group.waiting() == len(told))

    def tell_one(headers: dict[str, str]) -> int | None:
        try:
            return hear(world.bridge, group, "main", headers, genuine)
        except TurnedAway:
            return None

    pool = ThreadPoolExecutor(len(told) + 1)
    with pool, commits_of(world.bridge.database) as commits:
        held = pool.submit(group.write, all_wait)
        assert begun.wait(30)
        woken = list(pool.map(tell_one, told))
        held.result()

    assert [1, *[0] * 7, *[None] * 8] == sorted(woken, key=lambda n: (n is None, -(n or 0)))
    assert 2 == commits.count, "the one they waited for, and their own"
    assert [("vault/main", 8)] == [(r.site_name, r[3]) for r in world.rows(tables.refusal)]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"secret": "another"}, "vault/main"),
        ({"signature": ""}, "vault/main"),
        ({"signature": "é" * 64}, "vault/main"),
        ({"to": "/hooks/vault/nobody"}, "(unknown)"),
    ],
)
def test_what_is_not_provably_the_vaults_is_turned_away_and_counted(
    world: World, changes: dict[str, str], name: str
) -> None:
    world.issue()
    answer = tell(world, about(world), **changes)

    assert 401 == answer.status_code
    refused = [(row.site_name, row.count) for row in world.rows(tables.refusal)]
    assert [(name, 1)] == refused


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"uuid": 7, "applicant_email": []}'])
def test_what_is_authentic_and_unreadable_wakes_nothing_and_is_not_told_again(
    world: World, body: bytes
) -> None:
    world.issue()

    assert (200, {"issuances": 0}) == ((a := tell(world, body)).status_code, a.get_json())


def test_an_issuer_without_a_secret_hears_nobody(world: World) -> None:
    with world.bridge.database.write() as conn:
        row = accounts.issuer_named(conn, "main")
        hidden = {"token": TOKEN}
        accounts.set_secrets(conn, row, kind="issuer", keys=world.bridge.keys, secrets=hidden)

    assert 401 == tell(world, {}, secret="nobody's").status_code
