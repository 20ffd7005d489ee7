"""The mail with new links: sent once, in the learner's language, put off and given up by policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from bridge.pipeline import mail
from bridge.store import events, mails, rates, tables
from bridge.store import links as link_rows
from bridge.store.states import IssuanceState
from tests.bridge.institution import ENTRY, NOON, Institution, institution
from tests.mail_server import HANG_UP, MailServer, mail_server

TO = ENTRY["applicant_email"]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def here(database_url: str, server: MailServer) -> Iterator[Institution]:
    made = institution(
        database_url,
        mail_server=server.url,
        mail_from="certificates@example.edu",
        retry_first="10",
        retry_longest="3600",
    )
    yield made
    made.database.close()


def ask(here: Institution, to: str = TO, *, language: str = "en") -> str:
    with here.database.write() as conn:
        return mails.add(conn, to, language=language, now=here.now())


def run(here: Institution) -> bool:
    return mail.run(here)  # type: ignore[arg-type]


def row(here: Institution, mail_id: str) -> Any:
    with here.database.read() as conn:
        return conn.execute(sa.select(tables.mail).where(tables.mail.c.id == mail_id)).one()


def history(here: Institution, mail_id: str) -> list[tuple[str, str | None]]:
    with here.database.read() as conn:
        return [(event.what, event.detail) for event in events.history(conn, [mail_id])]


def test_every_generated_certificate_comes_with_its_link(
    here: Institution, server: MailServer
) -> None:
    first = here.issue()
    second = here.issue(learner="8", certificate_title="Fish <& Chips>", language="fr")
    here.issue(learner="9", state=IssuanceState.PROCESSING, certificate_title="Not yet")
    here.issue(learner="10", applicant_email="other@learners.example", certificate_title="Other")
    mail_id = ask(here)

    assert run(here) is True

    (sent,) = server.mails
    text, html = (part.get_content() for part in sent.iter_parts())
    assert [TO] == server.recipients
    assert TO == sent["To"]
    assert "Institute of the Sea <certificates@example.edu>" == sent["From"]
    assert f"<{mail_id}@example.edu>" == sent["Message-ID"]
    assert "auto-generated" == sent["Auto-Submitted"]
    assert here.now() == sent["Date"].datetime
    assert "multipart/alternative" == sent.get_content_type()
    for made in (first, second):
        assert f"\n{here.links.url(here.link(made))}\n" in text
        assert f'href="{here.links.url(here.link(made))}"' in html
    assert text.index("Fish <& Chips>") < text.index("Certificate of Completion: Marine Biology")
    assert "<strong>Fish &lt;&amp; Chips&gt;</strong>" in html
    assert "November 20, 2026" in text
    assert [False, False] == ["Not yet" in text, "Other" in text]


def test_a_mail_sent_is_done(here: Institution) -> None:
    here.issue()
    mail_id = ask(here)

    run(here)

    done = row(here, mail_id)
    assert ("sent", None, None) == (done.state, done.next_run_at, done.lease_owner)
    assert [("mail sent", None)] == history(here, mail_id)
    assert run(here) is False


def test_it_is_written_in_the_language_that_was_asked_in(
    here: Institution, server: MailServer
) -> None:
    here.issue()
    ask(here, language="ar")

    run(here)

    (sent,) = server.mails
    text, html = (part.get_content() for part in sent.iter_parts())
    assert "روابط شهاداتك" == sent["Subject"]
    assert "20 نوفمبر 2026" in text
    assert '<html lang="ar" dir="rtl">' in html


def test_a_revoked_link_is_not_mailed_a_fresh_one_is(here: Institution, server: MailServer) -> None:
    made = here.issue()
    old = here.link(made)
    here.revoke(made)
    ask(here)

    run(here)

    text = server.mails[0].get_body(("plain",))
    assert text is not None
    assert here.links.url(old) not in text.get_content()
    assert here.links.url(here.link(made)) in text.get_content()
    with here.database.read() as conn:
        found = link_rows.follow(conn, old)
    assert found is not None
    assert found.revoked_at is not None


def test_a_certificate_that_the_vault_revoked_is_told_as_such(
    here: Institution, server: MailServer
) -> None:
    here.issue(vault_status="revoked")
    ask(here, language="es")

    run(here)

    text = server.mails[0].get_body(("plain",))
    assert text is not None
    assert "\nRetirado\n" in text.get_content()


def test_one_in_anothers_place_is_told_by_itself_and_once(
    here: Institution, server: MailServer
) -> None:
    old = here.issue()
    new = here.issue(replaces=old, revision=1, certificate_title="Marine Biology", language="fr")
    here.change(new, generated_at=here.now())
    for _ in range(2):
        with here.database.write() as conn:
            mails.add_replaced(conn, new, TO, language="fr", now=here.now())

    assert run(here) is True
    assert run(here) is False

    (sent,) = server.mails
    text, html = (part.get_content() for part in sent.iter_parts())
    assert "Votre certificat a été corrigé" == sent["Subject"]
    assert here.links.url(here.link(new)) in text
    assert here.links.url(here.link(old)) not in text + html
    assert "asked for" not in text


def test_what_was_replaced_is_not_among_the_links(here: Institution, server: MailServer) -> None:
    old = here.issue()
    new = here.issue(replaces=old, revision=1)
    here.change(new, generated_at=here.now())
    ask(here)

    run(here)

    text = server.mails[0].get_body(("plain",))
    assert text is not None
    assert here.links.url(here.link(new)) in text.get_content()
    assert here.links.url(here.link(old)) not in text.get_content()


def test_a_server_that_says_later_is_asked_later(here: Institution, server: MailServer) -> None:
    here.issue()
    mail_id = ask(here)
    server.answers["RCPT"] = "450 greylisted"

    assert run(here) is True
    put_off = row(here, mail_id)
    assert ("due", 1, None) == (put_off.state, put_off.tries, put_off.lease_owner)
    assert here.now() + timedelta(seconds=10) == put_off.next_run_at
    assert run(here) is False

    del server.answers["RCPT"]
    server.answers["RCPT"] = "250 ok now"
    here.pass_time(timedelta(seconds=10))
    run(here)

    assert 1 == len(server.raw)
    assert ("sent", None) == (row(here, mail_id).state, row(here, mail_id).problem)


def test_a_server_that_stays_away_is_given_up_after_some_hours(
    here: Institution, server: MailServer
) -> None:
    here.issue()
    mail_id = ask(here)
    server.answers["MAIL"] = HANG_UP

    for _ in range(mail.MOST_TRIES):
        assert run(here) is True
        here.pass_time(timedelta(hours=1))

    problem = "The mail server did not take the mail (SMTPServerDisconnected)."
    given_up = row(here, mail_id)
    assert ("failed", None, problem) == (given_up.state, given_up.next_run_at, given_up.problem)
    assert [("mail failed", problem)] == history(here, mail_id)
    assert run(here) is False


def test_an_address_that_is_refused_is_not_tried_again(
    here: Institution, server: MailServer
) -> None:
    here.issue()
    mail_id = ask(here)
    server.answers["RCPT"] = f"550 <{TO}> unknown"

    run(here)

    assert "failed" == row(here, mail_id).state
    assert 1 == server.dialogue.count("RCPT")


@pytest.mark.parametrize("answer", ["450 later", "550 never"])
def test_neither_log_nor_history_names_the_person_or_the_link(
    here: Institution, server: MailServer, answer: str
) -> None:
    made = here.issue()
    mail_id = ask(here)
    server.answers["RCPT"] = f"{answer} <{TO}>"

    with structlog.testing.capture_logs() as logged:
        run(here)

    told = json.dumps([logged, history(here, mail_id), row(here, mail_id).problem], default=str)
    assert mail_id in told
    canaries = [TO, "khai", ENTRY["full_name"], here.link(made)]
    assert [] == [canary for canary in canaries if canary in told]


def test_a_certificate_withdrawn_meanwhile_leaves_nothing_to_mail(
    here: Institution, server: MailServer
) -> None:
    made = here.issue()
    mail_id = ask(here)
    here.change(made, state=IssuanceState.CANCELLED)

    run(here)

    assert "failed" == row(here, mail_id).state
    assert [] == server.dialogue


@pytest.mark.parametrize("address", ["a, b@learners.example", "a@x.example\r\nBcc: b@x.example"])
def test_an_address_that_is_more_than_one_is_never_mailed(
    here: Institution, server: MailServer, address: str
) -> None:
    here.issue(applicant_email=address)
    mail_id = ask(here, address)

    run(here)

    assert "failed" == row(here, mail_id).state
    assert [] == server.dialogue


def test_a_mail_whose_worker_died_after_sending_goes_out_again_under_the_same_id(
    here: Institution, server: MailServer
) -> None:
    here.issue()
    mail_id = ask(here)
    run(here)
    with here.database.write() as conn:  # as it stood before the commit that never came
        conn.execute(
            sa.update(tables.mail).values(
                state="due", next_run_at=NOON, lease_owner="dead", lease_until=here.now()
            )
        )

    run(here)

    assert [f"<{mail_id}@example.edu>"] * 2 == [sent["Message-ID"] for sent in server.mails]
    assert "sent" == row(here, mail_id).state


def test_two_workers_do_not_send_the_same_mail(here: Institution, server: MailServer) -> None:
    here.issue()
    ask(here)
    with here.database.write() as conn:
        conn.execute(
            sa.update(tables.mail).values(
                lease_owner="other", lease_until=here.now() + timedelta(minutes=1)
            )
        )

    assert run(here) is False
    assert [] == server.dialogue


def test_without_a_mail_server_nothing_is_taken_up(sqlite_url: str) -> None:
    made = institution(sqlite_url)
    made.issue()
    mail_id = ask(made)

    assert run(made) is False
    assert ("due", 0) == (row(made, mail_id).state, row(made, mail_id).fence)
    made.database.close()


def test_counts_of_requests_are_forgotten_after_a_day(here: Institution) -> None:
    window = timedelta(hours=1)
    with here.database.write() as conn:
        rates.allow(conn, "old", most=1, window=window, now=here.now() - timedelta(days=2))
        rates.allow(conn, "new", most=1, window=window, now=here.now())

    run(here)

    with here.database.read() as conn:
        assert 1 == conn.execute(sa.select(sa.func.count()).select_from(tables.rate)).scalar()
