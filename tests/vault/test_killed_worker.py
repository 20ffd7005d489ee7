"""Real workers that are killed, or hang, in the middle of their work: a successor finishes it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from tests.polling import PATIENCE_S, eventually
from tests.processes import program
from tests.vault import reading
from tests.vault.world import World, upload
from vault.addresses import API
from vault.store.tables import certificate

COUNT = 40


def test_a_killed_workers_certificates_are_finished_by_the_next(
    each_world: World, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _environment(each_world, redis_url, monkeypatch)
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client, program("vault.cli", "clock", log=tmp_path / "clock"):
        references = {
            upload(client, certificate_title=f"T{n}").json()["data"]["reference_id"]
            for n in range(COUNT)
        }
        with program("vault.cli", "worker", "process", log=tmp_path / "first") as worker:
            eventually(lambda: _held(each_world))
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        interrupted = _held(each_world)
        assert 0 < interrupted
        with program("vault.cli", "worker", "process", log=tmp_path / "second") as worker:
            eventually(lambda: _generated(each_world) == COUNT, within=60)
            worker.terminate()
            assert 0 == worker.wait(timeout=PATIENCE_S)

        listed = client.get(API, params={"per_page": 100}).json()["data"]
        assert references == {item["reference_id"] for item in listed}
        assert COUNT == len(listed)
        _each_has_one_whole_pdf(each_world, client, [item["uuid"] for item in listed])


def test_a_worker_that_hangs_ends_itself_and_the_next_goes_on(
    world: World, client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = upload(client).json()["data"]["uuid"]
    _environment(world, "redis://127.0.0.1:1", monkeypatch)
    with program("tests.vault.stuck_worker", log=tmp_path / "log") as worker:
        assert 1 == worker.wait(timeout=PATIENCE_S)

    assert "Timeout" in (tmp_path / "log").read_text()
    assert ("processing", 1) == (world.row(uuid).status, world.row(uuid).tries)
    eventually(lambda: world.process() or world.row(uuid).status == "generated")


def _environment(world: World, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = world.vault.settings
    for name, value in {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis_url,
        "FILES": str(settings.files),
        "PUBLIC_URL": settings.public_url,
        "LEASE_SECONDS": "10",
        "CLOCK_SECONDS": "0.1",
    }.items():
        monkeypatch.setenv(f"VAULT_{name}", value)


def _held(world: World) -> int:
    return _count(world, certificate.c.lease_owner.is_not(None))


def _generated(world: World) -> int:
    return _count(world, certificate.c.status == "generated")


def _count(world: World, where: sa.ColumnElement[bool]) -> int:
    with world.vault.database.read() as conn:
        found = conn.execute(sa.select(sa.func.count(certificate.c.id)).where(where))
        return int(found.scalar_one())


def _each_has_one_whole_pdf(world: World, client: httpx.Client, uuids: list[str]) -> None:
    for uuid in uuids:
        data = client.get(f"{API}/{uuid}").json()["data"]
        pdf = client.get(f"{API}/{uuid}/download").content
        assert 1 == len(data["documents"])
        assert data["reference_id"] in reading.text(pdf)
    kept = [p for p in world.vault.files.folder.glob("??/*") if p.is_file()]
    assert COUNT + 1 == len(kept)  # every upload was the same file
