"""Whether the vault lives, and whether it can serve."""

from __future__ import annotations

import httpx
import sqlalchemy as sa

from tests.vault.world import World


def test_a_working_vault_is_live_and_ready(each_world: World) -> None:
    with each_world.client(None) as anyone:
        live, ready = anyone.get("/health/live"), anyone.get("/health/ready")

    assert (200, {"status": "live"}) == (live.status_code, live.json())
    assert (200, {"status": "ready", "problems": []}) == (ready.status_code, ready.json())


def test_a_schema_of_another_version_is_not_ready_but_live(world: World) -> None:
    with world.vault.database.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    with world.client(None) as anyone:
        live, ready = anyone.get("/health/live"), anyone.get("/health/ready")

    assert 200 == live.status_code
    assert 503 == ready.status_code
    assert "is newer than this program" in ready.json()["problems"][0]


def test_a_folder_of_files_that_is_gone_is_not_ready(world: World, client: httpx.Client) -> None:
    folder = world.vault.files.folder
    folder.rename(folder.with_name("elsewhere"))
    ready = client.get("/health/ready")

    assert (
        503,
        ["The folder of files cannot be written. Check VAULT_FILES, its owner and its disk."],
    ) == (
        ready.status_code,
        ready.json()["problems"],
    )
