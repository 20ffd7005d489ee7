"""What the doctor finds in a vault that is well, and in one that is not in each way there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread

import httpx
import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from runtime.heartbeat import beating
from tests.mail_server import mail_server
from tests.polling import eventually
from tests.vault.checks.finding import ABC, WELL, endpoint, found, noted, trouble
from tests.vault.world import World, upload
from vault import bells, wiring
from vault.checks import CHECKS
from vault.store import endpoints, notices
from vault.store.notices import Kind, Mail, State
from vault.store.people import notice
from vault.store.tables import process


@pytest.fixture
def served(world: World) -> Iterator[str]:
    """The world's vault on a real port; its address."""
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_a_vault_that_is_well(
    world: World, redis_url: str, served: str, client: httpx.Client
) -> None:
    upload(client)
    world.process()
    with mail_server() as mails:
        live = {"redis_url": redis_url, "public_url": served, "mail_server": mails.url}
        told = {name: found(world, name, **live) for name in CHECKS if name != "processes"}

    nearby = told.pop("public address")[1]
    assert dict.fromkeys(told, WELL) == told
    assert nearby[0].startswith(f"QR codes lead to {served}, which is this machine alone.")


def test_a_database_of_another_version(world: World) -> None:
    with world.vault.database.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = 'vault_0001'"))

    assert trouble(world, "database").endswith(". Run: certvault migrate")


def test_a_clock_that_was_set_back(world: World, client: httpx.Client) -> None:
    uuid = upload(client).json()["data"]["uuid"]
    world.set(uuid, created_at=datetime.now(UTC) + timedelta(hours=1))

    assert "which is still to come: the clock was set back." in trouble(world, "clock")


def test_processes_that_nobody_runs(world: World) -> None:
    database = world.vault.database
    with beating(database, process, "worker process"), beating(database, process, bells.CLOCK):
        told = eventually(lambda: one if len(one := found(world, "processes")[0]) == 1 else None)

    start = "Start it, or `certvault serve` for all."
    assert [f"Nobody runs `certvault worker deliver`. {start}"] == told
    assert 3 == len(found(world, "processes")[0])


def test_an_archive_needs_no_processes(world: World) -> None:
    for check in ("redis", "processes", "waiting work", "mails", "disk"):
        assert WELL == found(world, check, read_only=True)


def test_work_that_waits_too_long(world: World, client: httpx.Client) -> None:
    uuid = upload(client).json()["data"]["uuid"]
    world.set(uuid, next_run_at=datetime.now(UTC) - timedelta(minutes=6))

    assert trouble(world, "waiting work").startswith(
        "Certificates that wait for more than 5 minutes: 1. Does `certvault worker process` run, "
    )


def test_certificates_that_failed(world: World, client: httpx.Client) -> None:
    made = [upload(client, certificate_title=f"{n}").json()["data"] for n in range(6)]
    for one in made:
        world.set(one["uuid"], status="failed", problem="It is odd.")
    troubles, notes = found(world, "failed certificates")
    names = [one["reference_id"] for one in reversed(made)]

    assert [f"{n} failed: It is odd. Then: certvault retry {n}" for n in names[:5]] == troubles
    assert ["There are more. Those above are the newest."] == notes


def test_a_mail_server_that_is_not_set_or_does_not_answer(world: World) -> None:
    folder = wiring.mail_folder(world.vault.settings)
    assert noted(world, "mails").startswith(
        f"No mail server is set: mails are files in {folder} and reach nobody."
    )
    with mail_server() as mails:
        mails.extensions.append("AUTH PLAIN")
        mails.answers["AUTH"] = "535 no"
        url = f"smtp://user:wrong@127.0.0.1:{mails.port}"
        told = trouble(world, "mails", mail_server=url)

    assert [] == mails.mails
    assert "(SMTPAuthenticationError 535). Check VAULT_MAIL_SERVER." in told
    assert "wrong" not in told


def test_mails_that_failed_lately(world: World) -> None:
    with world.vault.database.write() as conn:
        now = world.vault.database.now(conn)
        for to, ago in {"a@x.org": timedelta(days=1), "b@x.org": timedelta(days=8)}.items():
            notices.add(conn, [Mail(kind=Kind.SIGN_IN, to=to, language="en")], now=now)
            mine = notice.c.to_address == to
            failed = {"state": State.FAILED.value, "ended_at": now - ago}
            conn.execute(sa.update(notice).where(mine).values(failed))
    with mail_server() as mails:
        told = noted(world, "mails", mail_server=mails.url)

    assert told.startswith("Mails that failed in the last 7 days: 1. See: certvault mail list ")
    assert "x.org" not in told


def test_webhooks_that_fail_or_get_nothing(world: World) -> None:
    abc = world.institution(ABC)
    failing, disabled, _ = (endpoint(world, abc) for _ in range(3))
    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    with world.vault.database.write() as conn:
        endpoints.note_failure(conn, failing, given_up=False, now=moment)
        endpoints.note_disabled(conn, disabled, reason="It is gone.", now=moment)

    which = f"https://abc.example.edu/ of {ABC}"
    look = f"See: certvault webhook deliveries --endpoint {failing}"
    mend = f"It is gone. Once it is mended: certvault webhook enable {disabled}"

    assert (
        [],
        [
            f"{which} fails since 2026-01-02 03:04 UTC. {look}",
            f"{which} was disabled on 2026-01-02: {mend}",
        ],
    ) == found(world, "webhooks")


def test_a_public_address_where_nobody_or_somebody_else_answers(world: World, served: str) -> None:
    nobody = found(world, "public address", public_url="http://127.0.0.1:1")[0]
    other = found(world, "public address", public_url=f"{served}/verify")[0]

    assert nobody[0].startswith("http://127.0.0.1:1 does not answer as this vault (ConnectError).")
    assert "/verify does not answer as this vault (it answered 404, and not as" in other[0]


def test_a_public_address_without_encryption(world: World) -> None:
    _, notes = found(world, "public address", public_url="http://192.0.2.1.invalid")

    assert [
        "QR codes lead to http://192.0.2.1.invalid, which is not https: readers are warned of it."
    ] == notes
