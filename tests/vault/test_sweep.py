"""The sweep: unused uploads, passing files of the dead, content without a record."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from runtime.database import Database
from tests.vault import samples
from tests.vault.world import World, upload
from vault import steps, wiring
from vault.addresses import API
from vault.store.tables import chore, file
from vault.sweep import EVERY


def files(world: World) -> set[str]:
    """All files of the folder."""
    folder = world.vault.files.folder
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def ahead(client: httpx.Client, text: str) -> str:
    """The id of a file uploaded ahead of its entry."""
    sent = client.post(f"{API}/upload-file", files={"file": ("a.pdf", samples.pdf(text))})
    found: str = sent.json()["data"]["file_id"]
    return found


def too_late(world: World, uuid: str) -> None:
    """Let a file's time be up."""
    with world.vault.database.write() as conn:
        past = world.vault.database.now(conn) - timedelta(seconds=1)
        conn.execute(sa.update(file).where(file.c.uuid == uuid).values(unused_until=past))


def aged(world: World) -> None:
    """Let every file be two hours old."""
    for name in files(world):
        then = time.time() - 7200
        os.utime(world.vault.files.folder / name, (then, then))


@pytest.fixture
def client(each_world: World) -> httpx.Client:
    return each_world.client(each_world.token(each_world.institution("ABC University")))


def test_unused_uploads_go_and_used_ones_and_those_in_time_stay(
    each_world: World, client: httpx.Client
) -> None:
    upload(client, file=samples.pdf("Needed"))
    late, same, early = (ahead(client, text) for text in ("Late", "Needed", "Early"))
    too_late(each_world, late)
    too_late(each_world, same)
    aged(each_world)
    before = files(each_world)
    wiring.sweep(each_world.vault).run()

    assert 3 == len(before)
    assert 2 == len(files(each_world)) == len(files(each_world) & before)
    with each_world.vault.database.read() as conn:
        left = conn.execute(sa.select(file.c.uuid).where(file.c.uuid.is_not(None))).scalars().all()
    assert [early] == left


def test_what_the_dead_left_goes_once_it_is_old(each_world: World, client: httpx.Client) -> None:
    upload(client)
    before = files(each_world)
    store = each_world.vault.files
    store.stage(b"a crash came")
    store.keep(store.stage(b"no record was committed"))
    wiring.sweep(each_world.vault).run()
    young = files(each_world)
    aged(each_world)
    with each_world.vault.database.write() as conn:
        conn.execute(sa.update(chore).values(next_run_at=each_world.vault.database.now(conn)))
    wiring.sweep(each_world.vault).run()

    assert 3 == len(young)
    assert before == files(each_world)


def test_the_clock_rings_for_it_once_an_hour(world: World) -> None:
    assert ["process"] == steps.due_bells(world.vault.database)
    wiring.sweep(world.vault).run()
    assert [] == steps.due_bells(world.vault.database)

    now = world.vault.database.now
    later = Database(
        world.vault.settings.database_url,
        now=lambda: _an_hour_later(world, now),
    )
    assert ["process"] == steps.due_bells(later)
    later.close()


def _an_hour_later(world: World, now: object) -> object:
    with world.vault.database.read() as conn:
        return world.vault.database.now(conn) + EVERY
