"""`certvault retry`, `revoke`, `erase`, `doctor`: what an operator does to certificates."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from tests.vault.world import PUBLIC_URL, World, upload
from vault.addresses import API
from vault.cli import main


@pytest.fixture(autouse=True)
def _settings(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str, world: World, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAULT_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("VAULT_REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setenv("VAULT_FILES", str(world.vault.settings.files))
    monkeypatch.setenv("VAULT_PUBLIC_URL", PUBLIC_URL)


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args)


def state(client: httpx.Client, uuid: str) -> str:
    found: str = client.get(f"{API}/{uuid}").json()["data"]["status"]["value"]
    return found


def test_a_failed_certificate_is_retried_by_its_reference_id(
    world: World, client: httpx.Client
) -> None:
    made = upload(client).json()["data"]
    told = run("retry", made["reference_id"])
    assert (1, True) == (told.exit_code, "Only a failed certificate can" in told.output)

    world.set(made["uuid"], status="failed")
    told = run("retry", made["reference_id"].lower())
    assert (0, f"{made['reference_id']} will be processed again.\n") == (
        told.exit_code,
        told.stdout.splitlines(keepends=True)[-1],
    )
    assert "processing" == state(client, made["uuid"])


def test_a_certificate_is_revoked_with_its_reason(client: httpx.Client) -> None:
    made = upload(client).json()["data"]

    assert 0 != run("revoke", made["uuid"], "--reason", " ").exit_code
    assert 0 != run("revoke", "VEC-IC-0", "--reason", "Typo").exit_code
    assert (
        0
        != run("revoke", made["uuid"], "--reason", "Typo", "--replaced-by", made["uuid"]).exit_code
    )
    assert "processing" == state(client, made["uuid"])
    assert 0 == run("revoke", made["uuid"], "--reason", "Typo").exit_code
    assert "revoked" == state(client, made["uuid"])


def test_a_holders_data_is_erased_once_and_only_when_meant(client: httpx.Client) -> None:
    made = upload(client).json()["data"]

    assert 1 == run("erase", made["uuid"]).exit_code
    assert "John Smith" == client.get(f"{API}/{made['uuid']}").json()["data"]["full_name"]
    assert 0 == run("erase", made["uuid"], "--yes").exit_code
    assert [] == client.get(API, params={"search": "John"}).json()["data"]
    assert [made["uuid"]] == [
        one["uuid"]
        for one in client.get(API, params={"search": made["reference_id"]}).json()["data"]
    ]
    assert "is erased already" in run("erase", made["uuid"], "--yes").output


def test_the_doctor_names_what_is_wrong_and_what_to_do(world: World, client: httpx.Client) -> None:
    upload(client)
    world.process()
    told = run("doctor", "--quick")
    assert 1 == told.exit_code
    assert "database: well\nclock: well\nredis: trouble\n  Redis does not answer" in told.output
    assert "content of files:" not in told.output

    one = next(world.vault.settings.files.glob("[0-9a-f][0-9a-f]/*"))
    one.unlink()
    told = run("doctor")
    assert f"content of files: trouble\n  The stored file {one.name} is missing." in told.output


def test_the_doctor_looks_no_further_than_a_database_without_schema(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAULT_DATABASE_URL", f"sqlite:///{tmp_path}/empty.sqlite")
    told = run("doctor")

    assert 1 == told.exit_code
    assert ["database: trouble"] == [line for line in told.output.splitlines() if line[0] != " "]
