"""Matching and mails: who is told what, once, in which language, however often a worker dies."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from runtime import smtp
from runtime.bell import Bell
from runtime.database import Database
from runtime.post import by_smtp, into_folder
from tests.mail_server import HANG_UP, MailServer, mail_server
from tests.polling import eventually
from tests.processes import program
from tests.vault import samples
from tests.vault.world import World, upload
from vault import steps, wiring
from vault.bells import DELIVER
from vault.notices import BACKOFF, MOST_TRIES, NEVER_ENDED, Notices
from vault.store import customers, entrances, institutions, notices
from vault.store.entrances import Purpose
from vault.store.notices import Kind, Mail
from vault.store.people import assignment, notice

JOHN = "john@example.com"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def step(world: World, post: Any, database: Database | None = None) -> Notices:
    """The step that sends mails, by a way of the test's own."""
    return Notices(
        database=database or world.vault.database,
        links=world.vault.links,
        post=post,
        sender="certificates@example.edu",
        lease=world.vault.settings.lease,
    )


def issue(world: World, institution: int, **fields: str) -> str:
    """Upload and process a certificate; return its uuid."""
    with world.client(world.token(institution)) as client:
        answer = upload(client, **fields)
    world.process()
    uuid: str = answer.json()["data"]["uuid"]
    return uuid


def account(world: World, *emails: str, language: str = "en") -> int:
    """A customer with verified addresses."""
    with world.vault.database.write() as conn:
        now = world.vault.database.now(conn)
        made = customers.of_verified(conn, emails[0], language=language, now=now)
        for email in emails[1:]:
            customers.add_email(conn, made, email, now=now)
    return made


def rows(world: World) -> list[Any]:
    with world.vault.database.read() as conn:
        return list(conn.execute(sa.select(notice).order_by(notice.c.id)).all())


def change(world: World, **values: Any) -> None:
    with world.vault.database.write() as conn:
        conn.execute(sa.update(notice).values(**values))


def parts(mail: EmailMessage) -> tuple[str, str]:
    text, html = (part.get_content() for part in mail.iter_parts() if part is not None)
    return text, html


def test_without_an_account_an_invitation_is_sent(each_world: World, server: MailServer) -> None:
    abc = each_world.institution("ABC University")
    uuid = issue(each_world, abc, applicant_email="John@Example.com")

    assert step(each_world, by_smtp(server.url)).run() is True

    (mail,) = server.mails
    text, html = parts(mail)
    (row,) = rows(each_world)
    assert ["John@Example.com"] == server.recipients
    assert "Your certificate is ready" == mail["Subject"]
    assert "ABC University <certificates@example.edu>" == mail["From"]
    assert f"<{row.uuid}.1@example.edu>" == mail["Message-ID"]
    assert "You do not need an account for that." in text
    assert "Certificate of Achievement\nABC University\n1 June 2025\nVEC-IC-" in text
    assert each_world.vault.links.holder(uuid) in text
    assert re.search(r"https://vault\.example\.edu/my/link/\S{60,}\n", text)
    assert ("invitation", "sent", None) == (row.kind, row.state, row.next_run_at)
    assert 3 == html.count("<a href=")


def test_with_an_account_it_is_assigned_and_said(each_world: World, server: MailServer) -> None:
    owner = account(each_world, "home@example.com", JOHN, language="fr")
    uuid = issue(each_world, each_world.institution("ABC"), applicant_email="JOHN@example.com")
    send = step(each_world, by_smtp(server.url))
    while send.run():
        pass

    (mail,) = server.mails
    with each_world.vault.database.read() as conn:
        (assigned,) = conn.execute(sa.select(assignment)).all()
    assert ["home@example.com"] == server.recipients
    assert "Un certificat a été ajouté à votre compte" == mail["Subject"]
    assert each_world.vault.links.holder(uuid) in parts(mail)[0]
    assert (owner, each_world.row(uuid).id) == (assigned.customer_id, assigned.certificate_id)


def test_an_answer_says_when_it_was_assigned(world: World) -> None:
    account(world, JOHN)
    token = world.token(world.institution("ABC"))
    with world.client(token) as client:
        uuid = upload(client).json()["data"]["uuid"]
        before = client.get(f"/business/certificate-vault/{uuid}").json()["data"]["assigned_at"]
        world.process()
        after = client.get(f"/business/certificate-vault/{uuid}").json()["data"]["assigned_at"]

    assert None is before
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", after)


def test_a_later_account_gets_all_that_waits_for_its_addresses(each_world: World) -> None:
    abc, other = each_world.institution("ABC"), each_world.institution("Other")
    first = issue(each_world, abc)
    second = issue(each_world, other, applicant_email="JOHN@EXAMPLE.COM")
    third = issue(each_world, abc, applicant_email="second@example.com")
    issue(each_world, abc, applicant_email="somebody@example.com")

    made = account(each_world, JOHN)
    with each_world.vault.database.write() as conn:
        mine = {row.uuid for row in customers.certificates(conn, made)}
        customers.add_email(conn, made, "Second@example.com", now=datetime.now(UTC))
        more = {row.uuid for row in customers.certificates(conn, made)}

    assert {first, second} == mine
    assert {first, second, third} == more


def test_an_address_belongs_to_one_account(each_world: World) -> None:
    account(each_world, JOHN)
    other = account(each_world, "other@example.com")

    with each_world.vault.database.write() as conn, pytest.raises(customers.TakenEmail):
        customers.add_email(conn, other, "JOHN@example.com", now=datetime.now(UTC))


def test_processing_again_sends_nothing_again(each_world: World, server: MailServer) -> None:
    uuid = issue(each_world, each_world.institution("ABC"))
    send = step(each_world, by_smtp(server.url))
    send.run()
    each_world.set(uuid, status="processing", next_run_at=datetime.now(UTC))
    each_world.process()

    assert "generated" == each_world.row(uuid).status
    assert False is send.run()
    assert 1 == len(server.mails)


def test_a_failed_certificate_is_told_to_nobody(world: World) -> None:
    token = world.token(world.institution("ABC"))
    with world.client(token) as client:
        uuid = upload(client, file=samples.pdf()).json()["data"]["uuid"]
    for stored in world.vault.files.folder.glob("??/*"):
        stored.unlink()
    world.process()

    assert ("failed", []) == (world.row(uuid).status, rows(world))


def test_a_worker_killed_after_sending_repeats_the_same_mail(
    each_world: World, server: MailServer
) -> None:
    class Killed(BaseException):
        pass

    def send_and_die(message: EmailMessage, to: str) -> None:
        by_smtp(server.url)(message, to)
        raise Killed

    issue(each_world, each_world.institution("ABC"))
    with pytest.raises(Killed):
        step(each_world, send_and_die).run()
    assert False is step(each_world, by_smtp(server.url)).run()  # the dead worker's lease holds
    change(each_world, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    step(each_world, by_smtp(server.url)).run()

    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert parts(first) == parts(second)
    assert ["sent"] == [row.state for row in rows(each_world)]


def test_kill_9_between_the_servers_yes_and_our_commit_sends_the_same_mail_again(
    each_world: World,
    server: MailServer,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = each_world.vault.settings
    for name, value in {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis_url,
        "FILES": str(settings.files),
        "KEY_FILE": str(settings.key_file),
        "PUBLIC_URL": settings.public_url,
        "MAIL_SERVER": server.url,
        "MAIL_FROM": "certificates@example.edu",
    }.items():
        monkeypatch.setenv(f"VAULT_{name}", value)
    issue(each_world, each_world.institution("ABC"))
    with program("vault.cli", "worker", "deliver", log=tmp_path / "first") as worker:
        server.on_kept = worker.kill
        Bell(redis_url, service=wiring.SERVICE).ring(DELIVER)
        worker.wait(timeout=60)
    killed = [row.state for row in rows(each_world)]
    server.on_kept = lambda: None
    change(each_world, lease_until=datetime.now(UTC))
    with program("vault.cli", "worker", "deliver", log=tmp_path / "second"):
        Bell(redis_url, service=wiring.SERVICE).ring(DELIVER)
        eventually(lambda: ["sent"] == [row.state for row in rows(each_world)], within=60)

    first, second = server.mails
    assert ["due"] == killed
    assert first["Message-ID"] == second["Message-ID"]
    assert parts(first) == parts(second)


def test_two_workers_send_it_once(each_world: World, server: MailServer) -> None:
    issue(each_world, each_world.institution("ABC"))
    other = step(each_world, by_smtp(server.url))

    def meanwhile(message: EmailMessage, to: str) -> None:
        assert False is other.run()
        by_smtp(server.url)(message, to)

    step(each_world, meanwhile).run()

    assert 1 == len(server.mails)


def test_a_mail_that_somebody_waits_for_overtakes_all_others(
    each_world: World, server: MailServer
) -> None:
    abc = each_world.institution("ABC")
    issue(each_world, abc)
    issue(each_world, abc, certificate_title="Another")
    with each_world.vault.database.write() as conn:
        now = each_world.vault.database.now(conn)
        mary = "mary@example.com"
        link = entrances.add_link(conn, Purpose.SIGN_IN, mary, language="en", now=now)
        mail = Mail(kind=Kind.SIGN_IN, to=mary, language="en", link_id=link)
        notices.add(conn, [mail], now=now)
    send = step(each_world, by_smtp(server.url))
    while send.run():
        pass

    assert [mary, JOHN, JOHN] == server.recipients


def test_sent_again_on_request_it_is_a_mail_of_its_own(
    each_world: World, server: MailServer
) -> None:
    issue(each_world, each_world.institution("ABC"))
    send = step(each_world, by_smtp(server.url))
    send.run()
    (row,) = rows(each_world)
    with each_world.vault.database.write() as conn:
        notices.send_again(conn, row.uuid[:8], now=datetime.now(UTC))
    send.run()

    first, second = server.mails
    assert (f"<{row.uuid}.1@example.edu>", f"<{row.uuid}.2@example.edu>") == (
        first["Message-ID"],
        second["Message-ID"],
    )
    assert parts(first) == parts(second)


@pytest.mark.parametrize(
    ("verb", "answer", "state"),
    [("RCPT", "550 nobody", "failed"), ("RCPT", "450 later", "due"), ("MAIL", HANG_UP, "due")],
)
def test_each_answer_means_later_or_never(
    world: World, server: MailServer, verb: str, answer: str, state: str
) -> None:
    issue(world, world.institution("ABC"))
    server.answers[verb] = answer
    before = datetime.now(UTC)
    step(world, by_smtp(server.url)).run()

    (row,) = rows(world)
    assert state == row.state
    assert JOHN not in row.problem
    assert (state == "due") == (row.next_run_at is not None and row.next_run_at > before)


def test_a_mail_is_tried_over_a_long_week_end() -> None:
    waits = [BACKOFF.wait(tries) for tries in range(1, MOST_TRIES)]

    assert timedelta(days=4) < sum(waits, timedelta()) < timedelta(days=5)


def test_it_is_given_up_in_the_end(world: World) -> None:
    def nobody(message: EmailMessage, to: str) -> None:
        raise smtp.NotNow("no answer")

    issue(world, world.institution("ABC"))
    for _ in range(MOST_TRIES):
        change(world, next_run_at=datetime.now(UTC))
        assert step(world, nobody).run()

    (row,) = rows(world)
    assert ("failed", "no answer", None) == (row.state, row.problem, row.next_run_at)


def test_a_mail_that_ends_its_worker_does_so_only_so_often(world: World) -> None:
    class Killed(BaseException):
        pass

    def die(message: EmailMessage, to: str) -> None:
        raise Killed

    issue(world, world.institution("ABC"))
    for _ in range(MOST_TRIES):
        with pytest.raises(Killed):
            step(world, die).run()
        change(world, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    step(world, die).run()

    (row,) = rows(world)
    assert ("failed", NEVER_ENDED) == (row.state, row.problem)


def test_an_address_that_is_none_fails_for_good(world: World, server: MailServer) -> None:
    issue(world, world.institution("ABC"))
    change(world, to_address="a@example.com, b@example.com")
    step(world, by_smtp(server.url)).run()

    (row,) = rows(world)
    assert ("failed", "The address is not a mail address.") == (row.state, row.problem)
    assert [] == server.recipients


@pytest.mark.parametrize("status", ["revoked", "failed"])
def test_what_has_lost_its_sense_is_not_sent(world: World, server: MailServer, status: str) -> None:
    world.set(issue(world, world.institution("ABC")), status=status)
    step(world, by_smtp(server.url)).run()

    assert [("cancelled", "The certificate is not valid any more.")] == [
        (row.state, row.problem) for row in rows(world)
    ]
    assert [] == server.mails


def test_whoever_claimed_it_meanwhile_is_not_invited(world: World, server: MailServer) -> None:
    issue(world, world.institution("ABC"))
    account(world, JOHN)
    step(world, by_smtp(server.url)).run()

    assert ["cancelled"] == [row.state for row in rows(world)]
    assert [] == server.mails


@pytest.mark.parametrize(
    ("language", "subject", "direction"),
    [
        ("en", "Your certificate is ready", "ltr"),
        ("ar", "شهادتك جاهزة", "rtl"),
        ("fr", "Votre certificat est prêt", "ltr"),
        ("es", "Su certificado está listo", "ltr"),
    ],
)
def test_an_invitation_speaks_the_institutions_language(
    world: World, server: MailServer, language: str, subject: str, direction: str
) -> None:
    abc = world.institution("جامعة <b>ABC</b>")
    with world.vault.database.write() as conn:
        institutions.change(conn, abc, {"language": language})
    issue(world, abc)
    step(world, by_smtp(server.url)).run()

    (mail,) = server.mails
    text, html = parts(mail)
    assert (subject, language) == (mail["Subject"], mail["Content-Language"])
    assert f'<html lang="{language}" dir="{direction}">' in html
    assert {"rtl": "text-align:right", "ltr": "text-align:left"}[direction] in html
    assert "جامعة &lt;b&gt;ABC&lt;/b&gt;" in html
    assert "{" not in text


def test_without_a_server_mails_become_files(world: World) -> None:
    issue(world, world.institution("ABC"))
    wiring.notices(world.vault).run()

    folder = wiring.mail_folder(world.vault.settings)
    (file,) = folder.iterdir()
    (row,) = rows(world)
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (f"{row.uuid}.1.eml", 0o600, 0o700) == (
        file.name,
        file.stat().st_mode & 0o777,
        folder.stat().st_mode & 0o777,
    )
    assert (JOHN, "Your certificate is ready") == (mail["To"], mail["Subject"])
    assert "sent" == row.state


def test_a_file_holds_an_address_in_any_script(world: World) -> None:
    to = "محمد@learners.example"
    issue(world, world.institution("ABC"))
    change(world, to_address=to)
    wiring.notices(world.vault).run()

    (file,) = wiring.mail_folder(world.vault.settings).iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert to == mail["To"]


def test_no_name_and_no_address_adds_a_header(world: World) -> None:
    issue(world, world.institution("ABC\r\nBcc: evil@example.com"))
    issue(world, world.institution("XYZ"), applicant_email="mary@example.com")
    with world.vault.database.write() as conn:
        conn.execute(
            sa.update(notice)
            .where(notice.c.to_address == "mary@example.com")
            .values(to_address="mary@example.com\r\nBcc: evil@example.com")
        )
    send = wiring.notices(world.vault)
    while send.run():
        pass

    (file,) = wiring.mail_folder(world.vault.settings).iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert ["sent", "failed"] == [row.state for row in rows(world)]
    assert '"ABC Bcc: evil@example.com" <vault@localhost.localdomain>' == mail["From"]
    assert (None, JOHN) == (mail["Bcc"], mail["To"])


def test_the_worker_of_what_is_sent_out_sends_them(each_world: World) -> None:
    issue(each_world, each_world.institution("ABC"))
    before = steps.due_bells(each_world.vault.database)
    run = steps.answer(each_world.vault, DELIVER)
    while run():
        pass

    assert DELIVER in before
    assert DELIVER not in steps.due_bells(each_world.vault.database)
    assert ["sent"] == [row.state for row in rows(each_world)]


def test_a_folder_that_cannot_be_written_is_for_later(world: World, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    issue(world, world.institution("ABC"))
    step(world, into_folder(tmp_path / "taken")).run()

    (row,) = rows(world)
    assert ("due", "The folder of mails cannot be used: File exists.") == (row.state, row.problem)


def test_with_a_server_set_mails_go_there(world: World, server: MailServer) -> None:
    settings = dataclasses.replace(world.vault.settings, mail_server=server.url)
    issue(world, world.institution("ABC"))
    wiring.notices(dataclasses.replace(world.vault, settings=settings)).run()

    assert [JOHN] == server.recipients


def test_erasing_a_certificate_deletes_the_files_of_its_mails(world: World) -> None:
    abc = world.institution("ABC")
    uuid, other = issue(world, abc), issue(world, abc, certificate_title="Another")
    send = wiring.notices(world.vault)
    while send.run():
        pass
    with world.client(world.token(abc)) as client:
        answer = client.post(f"/business/certificate-vault/{uuid}/erase")

    (row,) = rows(world)
    left = [path.name for path in wiring.mail_folder(world.vault.settings).iterdir()]
    assert 200 == answer.status_code
    assert (world.row(other).id, [f"{row.uuid}.1.eml"]) == (row.certificate_id, left)


def test_erasing_takes_the_holder_out_of_the_mails(each_world: World, server: MailServer) -> None:
    uuid = issue(each_world, each_world.institution("ABC"))
    step(each_world, by_smtp(server.url)).run()
    account(each_world, JOHN)
    with each_world.vault.database.write() as conn:
        notices.forget(conn, each_world.row(uuid).id)
        assigned = conn.execute(sa.select(assignment)).all()

    assert ([], []) == (rows(each_world), assigned)
