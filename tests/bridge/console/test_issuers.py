"""Issuers in the console: added by a form, checked, changed, paused and resumed."""

from __future__ import annotations

import io

from bridge.people.roles import Limits, Role
from bridge.store import accounts, owners, tables
from tests.bridge.console.conftest import Browser, SignedIn
from tests.bridge.console.test_sites import admin, checked, kind
from tests.bridge.world import World
from tests.scripted_vault import TOKEN

__all__ = ["admin", "kind"]  # pytest finds fixtures by their names here
PNG = b"\x89PNG\r\n\x1a\n"


def secrets(world: World, name: str = "main") -> dict[str, object]:
    with world.bridge.database.read() as conn:
        row = accounts.issuer_named(conn, name)
    return accounts.secrets_of(row, kind="issuer", keys=world.bridge.keys)


def test_an_issuer_is_added_and_its_token_checked(world: World, admin: Browser) -> None:
    typed = {"name": "second", "url": world.vault.url, "institution": "Institute", "token": TOKEN}
    wrong = admin.post("/add/issuer", **{**typed, "url": "vault", "owners": "nobody"})
    assert 422 == wrong.status_code
    assert all(f'id="{part}-wrong"' in wrong.text for part in ("url", "owners"))
    assert (True, False) == ("Institute" in wrong.text, TOKEN in wrong.text)

    picture = (io.BytesIO(PNG), "logo.png")
    assert 303 == admin.post("/add/issuer", **typed, logo=picture).status_code

    assert "All there." in checked(admin, "/issuers/second")
    shown = admin.text("/issuers/second")
    assert "https://certs.example.edu/hooks/vault/second" in shown
    assert TOKEN not in shown
    assert PNG == admin.get("/issuers/second/logo").data
    assert "second" in admin.text("/issuers")
    assert 409 == admin.post("/add/issuer", **typed).status_code


def test_a_token_without_permissions_is_told_one_by_one(world: World, admin: Browser) -> None:
    world.change(tables.issuer, world.issuer_id, vault_url="http://127.0.0.1:1")
    admin.post("/issuers/main/check")
    assert "did not answer" in checked(admin, "/issuers/main")

    world.change(tables.issuer, world.issuer_id, vault_url=world.vault.url)
    admin.post("/issuers/main/secrets", token="revoked")
    admin.post("/issuers/main/check")
    told = checked(admin, "/issuers/main")

    assert "5 missing" in told
    assert "certificate-vault:create" in told


def test_secrets_are_rotated_and_a_paused_issuer_sends_again(world: World, admin: Browser) -> None:
    paused = {"problem": "p", "remedy": "r", "cause": "c", "failing_since": world.clock.now()}
    world.change(tables.issuer, world.issuer_id, paused_at=world.clock.now(), **paused)
    assert "Let it send again" in admin.text("/issuers/main")
    assert 303 == admin.post("/issuers/main/resume").status_code
    assert None is world.issuer.paused_at

    admin.post("/issuers/main/secrets", webhook_secret="the-first-secret")
    admin.post("/issuers/main/secrets", webhook_secret="the-second-secret")
    assert "the-second-secret the-first-secret" == secrets(world)["webhook_secret"]
    admin.post("/issuers/main/secrets", act="drop_old")
    assert {"token": TOKEN, "webhook_secret": "the-second-secret"} == secrets(world)
    assert 422 == admin.post("/issuers/main/secrets").status_code
    assert 422 == admin.post("/issuers/main/secrets", token="two words").status_code


def test_what_is_printed_and_who_is_told_are_changed(world: World, admin: Browser) -> None:
    form = {"signatory_name": "Prof. X", "owners": "alice@example.edu"}
    assert 303 == admin.post("/issuers/main/settings", **form).status_code
    assert ("Prof. X", None) == (world.issuer.signatory_name, world.issuer.signatory_role)
    assert ("alice@example.edu",) == owners.of(world.issuer, kind="issuer", keys=world.bridge.keys)
    assert "signatory name: Prof. X; owners: alice@example.edu" in str(
        [e.detail for e in world.rows(tables.event)]
    )

    picture = {"logo": (io.BytesIO(b"MZ"), "logo.png")}
    assert 422 == admin.post("/issuers/main/settings", **form, **picture).status_code


def test_an_issuer_is_seen_within_limits_and_removed_by_its_name(
    world: World, admin: Browser, signed_in: SignedIn
) -> None:
    world.add_issuer("other")
    other = signed_in(Role.ADMIN, Limits(issuers=frozenset({"other"})))
    for path in ("/issuers/main", "/issuers/main/check", "/issuers/main/secrets"):
        assert 404 == other.get(path).status_code
    assert "/issuers/main" not in other.text("/issuers")

    assert 422 == admin.post("/issuers/main/remove", name="").status_code
    assert 303 == admin.post("/issuers/main/remove", name="main").status_code
    assert 404 == admin.get("/issuers/main").status_code
