"""A dead link's page: it offers a new link, tells nobody anything, and has its limits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bridge.pipeline import mail
from bridge.queue import BELLS
from bridge.store import tables
from bridge.store.states import IssuanceState
from bridge.web.lost_link import MOST_PER_ADDRESS, MOST_PER_CLIENT
from tests.bridge.institution import ENTRY, Institution, institution
from tests.bridge.web.test_learner import client, path
from tests.pages import Page

KNOWN = ENTRY["applicant_email"]


@pytest.fixture
def here(database_url: str) -> Iterator[Institution]:
    made = institution(
        database_url, mail_server="smtp://127.0.0.1:1", mail_from="certificates@example.edu"
    )
    yield made
    made.database.close()


@pytest.fixture
def web(here: Institution) -> FlaskClient:
    return client(here)


@pytest.fixture
def silent(sqlite_url: str) -> Iterator[Institution]:
    """An institution without a mail server."""
    made = institution(sqlite_url)
    yield made
    made.database.close()


def ask(web: FlaskClient, address: str, *, lang: str = "en", **options: Any) -> TestResponse:
    return web.post(f"/c/lost?lang={lang}", data={"email": address}, **options)


def waiting(here: Institution) -> list[tuple[str, str]]:
    with here.database.read() as conn:
        rows = conn.execute(sa.select(tables.mail).order_by(tables.mail.c.id)).all()
    return [(row.to_address, row.language) for row in rows]


def told(response: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    return response.status_code, response.data, sorted(response.headers.items())


def test_a_revoked_link_says_so_and_offers_a_new_one(here: Institution, web: FlaskClient) -> None:
    made = here.issue(language="es")
    at = path(here, made)
    here.revoke(made)

    response = web.get(at)
    page = Page(response)

    assert 410 == response.status_code
    assert "Institute of the Sea ha revocado este enlace." in page.text
    assert ENTRY["full_name"] not in page.text
    assert ["/c/lost?lang=es"] == [form["action"] for form in page.all("form")]


@pytest.mark.parametrize("token", ["x", "q3PzN0aWTiyD1EMqhLUAJw.AAAAAAAAAAAAAAAAAAAAAAAA", "%00"])
def test_a_forged_link_offers_a_new_one_in_the_browsers_language(
    here: Institution, web: FlaskClient, token: str
) -> None:
    response = web.get(f"/c/{token}", headers={"Accept-Language": "de, ar;q=0.8, fr;q=0.9"})
    page = Page(response)

    assert 404 == response.status_code
    assert "Ce lien ne fonctionne pas" in page.text
    assert ["/c/lost?lang=fr"] == [form["action"] for form in page.all("form")]


def test_a_known_address_gets_a_mail(here: Institution, web: FlaskClient) -> None:
    here.issue()

    response = ask(web, f" {KNOWN.upper()} ", lang="ar")

    assert (303, "/c/sent?lang=ar") == (response.status_code, response.location)
    assert [(KNOWN, "ar")] == waiting(here)
    assert "يُرجى التحقق من بريدك" in Page(web.get(response.location)).text


def test_the_bell_that_is_rung_is_the_one_that_mails(here: Institution, web: FlaskClient) -> None:
    ask(web, KNOWN)

    (rung,) = here.rung

    assert mail.run in BELLS[rung]


@pytest.mark.parametrize("state", [None, "processing", "failed", "held"])
def test_the_answer_is_the_same_for_everybody(
    here: Institution, web: FlaskClient, state: str | None
) -> None:
    if state is not None:
        here.issue(applicant_email="stranger@learners.example", state=IssuanceState(state))
    here.issue(learner="8")

    assert told(ask(web, KNOWN)) == told(ask(web, "stranger@learners.example"))
    assert [(KNOWN, "en")] == waiting(here)
    assert [mail.BELL] * 2 == here.rung


def test_mail_goes_to_the_address_on_the_certificate_never_to_the_one_typed(
    here: Institution, web: FlaskClient
) -> None:
    here.issue(applicant_email="Khai@Learners.example")

    ask(web, "kHAI@lEARNERS.EXAMPLE")

    assert [("Khai@Learners.example", "en")] == waiting(here)


def test_an_address_gets_a_few_mails_an_hour_and_cannot_tell(
    here: Institution, web: FlaskClient
) -> None:
    here.issue()

    answers = [told(ask(web, KNOWN)) for _ in range(MOST_PER_ADDRESS + 2)]

    assert 1 == len({repr(answer) for answer in answers})
    assert MOST_PER_ADDRESS == len(waiting(here))
    here.pass_time(timedelta(hours=1))
    ask(web, KNOWN.upper())
    assert MOST_PER_ADDRESS + 1 == len(waiting(here))


def test_a_client_may_ask_so_often_and_is_told_to_wait(here: Institution, web: FlaskClient) -> None:
    here.issue()
    for n in range(MOST_PER_CLIENT):
        assert 303 == ask(web, f"stranger{n}@learners.example").status_code

    refused = ask(web, KNOWN)
    other = ask(web, KNOWN, environ_base={"REMOTE_ADDR": "192.0.2.7"})

    assert (429, 303) == (refused.status_code, other.status_code)
    assert "Please wait an hour" in Page(refused).text
    assert [(KNOWN, "en")] == waiting(here)


def test_a_network_of_version_six_is_one_client(here: Institution, web: FlaskClient) -> None:
    statuses = [
        ask(
            web,
            f"stranger{n}@learners.example",
            environ_base={"REMOTE_ADDR": f"2001:db8:1:2::{n + 1:x}"},
        ).status_code
        for n in range(MOST_PER_CLIENT + 1)
    ]
    other = ask(web, KNOWN, environ_base={"REMOTE_ADDR": "2001:db8:1:3::1"})

    assert [303] * MOST_PER_CLIENT + [429] == statuses
    assert 303 == other.status_code


@pytest.mark.parametrize(
    "address",
    [
        "",
        "khai",
        "khai@",
        "@learners.example",
        "khai@learners",
        "a b@learners.example",
        "a@b.example, c@d.example",
        "a@b.example\r\nBcc: c@d.example",
        f"{'x' * 250}@learners.example",
    ],
)
def test_what_is_no_address_is_said_to_be_none(
    here: Institution, web: FlaskClient, address: str
) -> None:
    response = ask(web, address, lang="fr")
    page = Page(response)
    (field,) = page.all("input")

    assert 422 == response.status_code
    assert "Cette adresse e-mail n’est pas complète." in page.text
    assert ("true", "mistake hint") == (field["aria-invalid"], field["aria-describedby"])
    assert {"mistake", "hint"} <= {a.get("id") for a in page.all("p")}
    assert [] == waiting(here)


def test_the_field_has_a_label_and_a_hint(here: Institution, web: FlaskClient) -> None:
    page = Page(web.get("/c/lost"))
    (field,), (label,) = page.all("input"), page.all("label")

    assert label["for"] == field["id"]
    assert {"id": "hint"} in page.all("p")
    assert ("email", "email", "email") == (field["type"], field["name"], field["autocomplete"])


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)],
)
def test_another_sites_form_is_refused(
    here: Institution, web: FlaskClient, site: str, status: int
) -> None:
    here.issue()

    response = ask(web, KNOWN, headers={"Sec-Fetch-Site": site})

    assert status == response.status_code
    assert (status == 303) == bool(waiting(here))


def test_without_a_mail_server_a_learner_is_told_whom_to_ask(silent: Institution) -> None:
    web, made = client(silent), silent.issue()
    at = path(silent, made)
    silent.revoke(made)

    revoked, forged = Page(web.get(at)), Page(web.get("/c/x"))

    assert "Please ask Institute of the Sea for a new link." in revoked.text
    assert "Please ask the institution that issued your certificate for a new link." in forged.text
    assert [] == revoked.all("form") + forged.all("form")


def test_without_a_mail_server_nothing_is_kept(silent: Institution) -> None:
    silent.issue()

    response = ask(client(silent), KNOWN)

    assert 200 == response.status_code
    assert "Please ask the institution" in Page(response).text
    assert ([], []) == (waiting(silent), silent.rung)


def test_neither_address_nor_client_is_kept_in_the_counts(
    here: Institution, web: FlaskClient
) -> None:
    ask(web, KNOWN)

    with here.database.read() as conn:
        keys = conn.execute(sa.select(tables.rate.c.key)).scalars().all()

    assert 2 == len(keys)
    assert [] == [key for key in keys if "@" in key or "127.0.0.1" in key]
