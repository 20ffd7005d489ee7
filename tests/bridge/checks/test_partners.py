"""The doctor on vaults and LMSs: what each lacks, and the command that mends it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from bridge.store import tables
from connectors.base import Finding, Permanent, Temporary
from tests.bridge.checks.finding import WELL, Found, found, noted, trouble
from tests.bridge.institution import KEY
from tests.bridge.world import SITE, World
from tests.scripted_vault import PERMISSIONS, TOKEN


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret.key"
    path.write_text(f"{KEY}\n")
    return path


def test_a_token_that_the_vault_refuses(world: World, key_file: Path) -> None:
    world.vault.tokens[TOKEN] = frozenset(PERMISSIONS) - {"certificate-vault:download"}

    assert (
        f"main: {world.vault.url} does not take its token for certificate-vault:download. Give it "
        "these there, or enter another token: vaultbridge issuer rotate main --secret token=@FILE"
    ) == trouble(world, "issuers", key_file=key_file)


def test_a_paused_issuer_whose_token_is_good_again(world: World, key_file: Path) -> None:
    kept = dict(world.vault.tokens)
    world.vault.tokens.clear()
    world.issue()
    world.vault.tokens.update(kept)

    told = trouble(world, "issuers", key_file=key_file)
    assert told.startswith("main: the vault takes its token again, but sending is paused since ")
    assert told.endswith("To resume: vaultbridge issuer check main")


def test_a_vault_that_is_down(world: World, key_file: Path) -> None:
    world.change(tables.issuer, world.issuer_id, vault_url="http://127.0.0.1:1")

    told = trouble(world, "issuers", key_file=key_file)
    assert told.startswith("main: The vault did not answer (ConnectError")
    assert told.endswith(
        "See that http://127.0.0.1:1 runs and can be reached from here, then: "
        "vaultbridge issuer check main"
    )


def test_what_a_site_lacks(world: World, key_file: Path) -> None:
    world.lms.findings += [Finding(name="grading", ok=False, problem="Not granted.", remedy="Do.")]

    check = f"Then: vaultbridge site check {SITE}"
    assert f"{SITE}: grading: Not granted. Do. {check}" == trouble(
        world, "sites", key_file=key_file
    )


def test_what_a_site_goes_without_is_a_note(world: World, key_file: Path) -> None:
    world.lms.findings += [Finding(name="roles", ok=True, note="Staff is certified.")]

    assert f"{SITE}: roles: Staff is certified." == noted(world, "sites", key_file=key_file)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (Temporary("It is down."), "It is down. See that the LMS can be reached from here. "),
        (Permanent("No.", remedy="Grant it.", code="x"), "Grant it. "),
    ],
    ids=["down", "refusing"],
)
def test_a_site_that_cannot_be_asked(
    world: World, key_file: Path, raised: Exception, told: str
) -> None:
    def findings() -> object:
        raise raised
        yield

    world.lms.findings = findings()  # type: ignore[assignment]

    assert f"{told}Then: vaultbridge site check {SITE}" in trouble(
        world, "sites", key_file=key_file
    )


def test_a_site_that_is_back_is_a_note(world: World, key_file: Path) -> None:
    world.lms.enriching.append(Temporary("down"))
    world.complete()
    world.run("normalise")

    assert noted(world, "sites", key_file=key_file).startswith(f"{SITE}: all is there again. ")


def test_an_installation_that_nobody_has_set_up(world: World, key_file: Path) -> None:
    world.change(tables.issuer, world.issuer_id, removed_at=world.clock.now())
    with world.bridge.database.write() as conn:
        conn.execute(sa.update(tables.mapping_version).values(state="superseded"))
    no_mapping: Found = (
        [],
        ["No mapping is active, so nothing is issued: vaultbridge mappings add"],
    )

    assert ([], ["There is none yet: vaultbridge issuer add NAME"]) == found(
        world, "issuers", key_file=key_file
    )
    assert no_mapping == found(world, "sites", key_file=key_file)
    with world.bridge.database.write() as conn:
        conn.execute(sa.update(tables.site).values(removed_at=world.clock.now()))
    assert ([], ["There is none yet: vaultbridge site add NAME"]) == found(
        world, "sites", key_file=key_file
    )
    assert WELL == found(world, "keys", key_file=_private(key_file))


def _private(path: Path) -> Path:
    path.chmod(0o600)
    return path
