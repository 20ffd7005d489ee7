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
from vault.store import customers, entrances, notices
from vault.store.entrances import Purpose
from vault.store.leftovers import KEPT
from vault.store.notices import Kind, Mail
from vault.store.people import customer_session, mailed_link, notice
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
    (store.folder / "incoming" / "x").write_bytes(b"a crash came")
    store.keep(b"no record was committed")
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


JOHN = "john@example.com"


def ask_to_sign_in(world: World) -> None:
    """As the form does: a link, and the mail that carries it; it is sent."""
    with world.vault.database.write() as conn:
        now = world.vault.database.now(conn)
        link = entrances.add_link(conn, Purpose.SIGN_IN, JOHN, language="en", now=now)
        mail = Mail(kind=Kind.SIGN_IN, to=JOHN, language="en", link_id=link)
        notices.add(conn, [mail], now=now)
    send_mails(world)


def send_mails(world: World) -> None:
    send = wiring.notices(world.vault)
    while send.run():
        pass


def change(world: World, table: sa.Table, **values: timedelta) -> None:
    """Set moments of all rows of a table, as seen from now."""
    with world.vault.database.write() as conn:
        now = world.vault.database.now(conn)
        moments = {name: now + wait for name, wait in values.items()}
        conn.execute(sa.update(table).values(**moments))


def left(world: World) -> tuple[list[str], int, int]:
    """The kinds of the mails, and how many links and sessions there are."""
    with world.vault.database.read() as conn:
        kinds = conn.execute(sa.select(notice.c.kind).order_by(notice.c.id)).scalars().all()
        links, sessions = (
            conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (mailed_link, customer_session)
        )
    return list(kinds), links, sessions


def mail_files(world: World) -> list[str]:
    return sorted(path.name for path in wiring.mail_folder(world.vault.settings).glob("*.eml"))


def test_what_visits_left_behind_goes_and_invitations_stay(
    each_world: World, client: httpx.Client
) -> None:
    upload(client)
    each_world.process()
    send_mails(each_world)
    invitation = mail_files(each_world)
    ask_to_sign_in(each_world)
    with each_world.vault.database.write() as conn:
        now = each_world.vault.database.now(conn)
        made = customers.of_verified(conn, "mary@example.com", language="en", now=now)
        entrances.open_session(conn, made, now=now)
    wiring.sweep(each_world.vault).run()
    early = left(each_world)

    past = -KEPT - timedelta(minutes=1)
    change(each_world, mailed_link, expires_at=past)
    change(each_world, customer_session, expires_at=past)
    change(each_world, chore, next_run_at=timedelta())
    aged_mails(each_world)
    wiring.sweep(each_world.vault).run()

    assert (["invitation", "sign_in"], 2, 1) == early
    assert (["invitation"], 0, 0) == left(each_world)
    assert invitation == mail_files(each_world)


def aged_mails(world: World) -> None:
    """Let every mail's file be two hours old."""
    for path in wiring.mail_folder(world.vault.settings).iterdir():
        then = time.time() - 7200
        os.utime(path, (then, then))


def test_a_mail_that_left_while_its_certificate_was_erased_goes(world: World) -> None:
    folder = wiring.mail_folder(world.vault.settings)
    folder.mkdir()
    for name in ("4dd0e1b4-5e0e-4d5b-8f39-8a3a7b1c2d10.1.eml", ".x.passing"):
        (folder / name).write_text("Hello John")
    wiring.sweep(world.vault).run()
    early = len(list(folder.iterdir()))
    aged_mails(world)
    change(world, chore, next_run_at=timedelta())
    wiring.sweep(world.vault).run()

    assert (2, []) == (early, list(folder.iterdir()))
