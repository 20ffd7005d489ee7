"""What a learner sees of one certificate, in each of its states, and how its file comes."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
import structlog
from flask import Flask
from flask.testing import FlaskClient

from bridge.store import tables
from bridge.store.states import IssuanceState
from bridge.vault_client import Forbidden, NotReady, Unavailable, VaultClient
from bridge.web import learner
from tests.bridge.institution import ENTRY, PDF, Institution, institution
from tests.pages import Page, flaws

VERIFY = ENTRY["verification_url"]
REFERENCE = ENTRY["reference_id"]


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Institution]:
    made = institution(sqlite_url)
    yield made
    made.database.close()


@pytest.fixture
def web(here: Institution) -> FlaskClient:
    return client(here)


def client(here: Institution) -> FlaskClient:
    app = Flask("test")
    app.register_blueprint(learner.blueprint(here))  # type: ignore[arg-type]
    app.testing = True
    return app.test_client()


def path(here: Institution, issuance_id: str) -> str:
    return urlsplit(here.links.url(here.link(issuance_id))).path


def test_a_certificate_is_shown_whole(here: Institution, web: FlaskClient) -> None:
    at = path(here, here.issue())

    response = web.get(at)
    page = Page(response)

    assert 200 == response.status_code
    for said in (
        "Status: Issued",
        "Certificate of Completion: Marine Biology",
        "Institute of the Sea has issued this certificate.",
        "Awarded to Nguyễn Thị Minh Khai",
        "Issued by Institute of the Sea",
        "Issued on November 20, 2026",
        f"Reference number {REFERENCE}",
    ):
        assert said in page.text
    assert [{"class": "actions", "method": "post", "action": f"{at}/download"}] == page.all("form")
    assert VERIFY in page.hrefs()


def test_the_button_makes_an_address_that_gives_the_file(
    here: Institution, web: FlaskClient
) -> None:
    response = web.post(f"{path(here, here.issue())}/download")

    assert 303 == response.status_code
    file = web.get(response.location)
    assert (200, "application/pdf") == (file.status_code, file.mimetype)
    assert PDF == file.data
    assert [ENTRY["vault_uuid"]] == here.vault.asked


def test_the_address_that_the_button_makes_expires(here: Institution, web: FlaskClient) -> None:
    at = path(here, here.issue())
    made = web.post(f"{at}/download").location

    here.pass_time(here.settings.download_expires)
    response = web.get(made)

    assert 410 == response.status_code
    assert "This download address has expired" in Page(response).text
    assert at.rpartition(".")[2] not in made + response.get_data(as_text=True)
    assert [] == here.vault.asked
    assert 200 == web.get(web.post(f"{at}/download").location).status_code


def test_whoever_has_the_link_gets_the_file_in_one_request(
    here: Institution, web: FlaskClient
) -> None:
    response = web.get(f"{path(here, here.issue())}/certificate.pdf")

    assert (200, PDF) == (response.status_code, response.data)


def test_a_file_is_handed_out_to_be_kept_under_a_readable_name(
    here: Institution, web: FlaskClient
) -> None:
    response = web.get(f"{path(here, here.issue())}/certificate.pdf")

    expected = (
        'attachment; filename="certificate.pdf"; '
        "filename*=UTF-8''Nguy%E1%BB%85n%20Th%E1%BB%8B%20Minh%20Khai"
        "%20-%20Certificate%20of%20Completion%20Marine%20Biology.pdf"
    )

    assert expected == response.headers["Content-Disposition"]
    assert "nosniff" == response.headers["X-Content-Type-Options"]
    assert "no-store" == response.headers["Cache-Control"]


def test_the_vaults_answer_is_closed_when_the_learner_leaves(
    here: Institution, web: FlaskClient
) -> None:
    here.vault.content = (PDF, b"more" * 100_000)

    response = web.get(f"{path(here, here.issue())}/certificate.pdf", buffered=False)
    next(response.response)  # type: ignore[call-overload]
    open_before = here.vault.open
    response.close()

    assert (1, 0) == (open_before, here.vault.open)


@pytest.mark.parametrize("content", [(b"<!doctype html>",), (), (b"",), (b"%PD",)])
def test_what_is_no_pdf_is_never_handed_out_as_one(
    here: Institution, web: FlaskClient, content: tuple[bytes, ...]
) -> None:
    here.vault.content = content

    response = web.get(f"{path(here, here.issue())}/certificate.pdf")

    assert (503, "text/html") == (response.status_code, response.mimetype)
    assert 0 == here.vault.open


def test_a_pdf_that_begins_in_small_pieces_is_one(here: Institution, web: FlaskClient) -> None:
    here.vault.content = (b"%", b"PDF-1.7 ", b"rest")

    response = web.get(f"{path(here, here.issue())}/certificate.pdf")

    assert b"%PDF-1.7 rest" == response.data


@pytest.mark.parametrize(
    ("error", "status", "said", "waits"),
    [
        (NotReady("x"), 404, "The file is still being prepared", None),
        (Unavailable("x"), 503, "The file cannot be fetched at the moment", "60"),
        (Forbidden("x", remedy="y"), 503, "The file cannot be fetched at the moment", "60"),
    ],
)
def test_a_vault_that_has_no_file_is_explained(
    here: Institution,
    web: FlaskClient,
    error: Exception,
    status: int,
    said: str,
    waits: str | None,
) -> None:
    at = path(here, here.issue())
    here.vault.error = error

    response = web.get(f"{at}/certificate.pdf")
    page = Page(response)

    assert (status, waits) == (response.status_code, response.headers.get("Retry-After"))
    assert said in page.text
    assert at in page.hrefs()


def lost_at_once() -> Iterator[bytes]:
    raise httpx.ReadError("gone")
    yield b""


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (200, PDF, 200),
        (404, b'{"message": "Verified PDF not found."}', 404),
        (403, b'{"message": "Forbidden - Insufficient permissions"}', 503),
        (500, b"<html>", 503),
        (200, lost_at_once(), 503),
    ],
)
def test_the_vaults_own_answers_become_pages(
    here: Institution,
    web: FlaskClient,
    status: int,
    content: bytes | Iterator[bytes],
    expected: int,
) -> None:
    def vault(request: httpx.Request) -> httpx.Response:
        assert request.url.path.endswith(f"/{ENTRY['vault_uuid']}/download")
        return httpx.Response(status, content=content)

    with httpx.Client(transport=httpx.MockTransport(vault)) as http:
        here.vault = VaultClient("https://vault.example", "t", http=http)  # type: ignore[assignment]
        response = web.get(f"{path(here, here.issue())}/certificate.pdf")

    assert expected == response.status_code
    assert (expected == 200) == (PDF == response.data)


@pytest.mark.parametrize(
    ("changed", "word", "sentence"),
    [
        ({"state": "ready"}, "In preparation", "is preparing this certificate"),
        ({"state": "sending"}, "In preparation", "is preparing this certificate"),
        ({"state": "processing"}, "In preparation", "is preparing this certificate"),
        ({"state": "held"}, "Being checked", "is checking the details"),
        ({"state": "failed"}, "Not issued", "quote the number 0a1b2c3d"),
        ({"state": "cancelled"}, "Cancelled", "has cancelled this certificate"),
        ({"vault_status": "revoked"}, "Withdrawn", "has withdrawn this certificate"),
    ],
)
def test_every_other_state_is_told_in_plain_words_and_gives_no_file(
    here: Institution, web: FlaskClient, changed: dict[str, str], word: str, sentence: str
) -> None:
    made = here.issue(**changed, problem="Also claimed by Alice Other", remedy="secret")
    at = path(here, made)

    response = web.get(at)
    page = Page(response)

    assert 200 == response.status_code
    assert f"Status: {word}" in page.text
    assert sentence in page.text
    assert [] == page.all("form")
    assert [] == [href for href in page.hrefs() if "linkedin" in href]
    assert "Alice" not in response.get_data(as_text=True)
    assert 404 == web.get(f"{at}/certificate.pdf").status_code
    assert 404 == web.get(web.post(f"{at}/download").location).status_code
    assert [] == here.vault.asked


def test_a_replaced_certificate_says_where_the_newer_one_is(
    here: Institution, web: FlaskClient
) -> None:
    old = here.issue(vault_status="revoked")
    here.issue(issue_date=None)

    assert "Status: Replaced" in Page(web.get(path(here, old))).text


def corrected(here: Institution, old: str, **changed: Any) -> str:
    """A certificate that came in another's place."""
    new = here.issue(replaces=old, revision=1, **changed)
    was = here.row(old)
    here.change(new, completion_id=was.completion_id, generated_at=here.now())
    return new


def test_an_old_link_leads_to_the_corrected_certificate_and_its_file(
    here: Institution, web: FlaskClient
) -> None:
    old = here.issue(vault_status="revoked", reference_id="VEC-OLD")
    here.change(old, generated_at=here.now())
    at = path(here, old)
    new = corrected(here, old, full_name="Nguyễn Thị Minh", reference_id="VEC-NEW")

    page = Page(web.get(at))
    assert "Status: Issued" in page.text
    assert "Awarded to Nguyễn Thị Minh " in page.text
    assert "Reference number VEC-NEW" in page.text
    assert "What this certificate has replaced" in page.text
    replaced = "<s><bdi>Certificate of Completion: Marine Biology</bdi>"
    assert replaced in web.get(at).get_data(as_text=True)
    assert 200 == web.get(f"{at}/certificate.pdf").status_code
    assert [here.row(new).vault_uuid] == here.vault.asked
    assert page.text == Page(web.get(path(here, new))).text
    assert [] == flaws(page)


def test_until_the_corrected_one_is_there_the_old_one_is(
    here: Institution, web: FlaskClient
) -> None:
    old = here.issue()
    coming = corrected(here, old, state=IssuanceState.PROCESSING, vault_status="processing")
    here.change(coming, generated_at=None)
    at = path(here, old)

    assert "Status: Issued" in Page(web.get(at)).text
    here.change(old, vault_status="revoked")
    assert "Status: In preparation" in Page(web.get(at)).text


def test_a_link_mailed_to_a_wrong_address_leads_no_further(
    here: Institution, web: FlaskClient
) -> None:
    old = here.issue()
    corrected(here, old, applicant_email="minh@learners.example", full_name="Somebody Right")

    page = Page(web.get(path(here, old)))

    assert "Status: Replaced" in page.text
    assert "You will find its link in your gradebook." in page.text
    assert "Somebody Right" not in page.text


def test_a_revoked_link_leads_nowhere(here: Institution, web: FlaskClient) -> None:
    old = here.issue()
    at = path(here, old)
    corrected(here, old)
    here.revoke(old)

    assert 410 == web.get(at).status_code


def test_a_page_in_preparation_offers_to_look_again(here: Institution, web: FlaskClient) -> None:
    at = path(here, here.issue(state=IssuanceState.PROCESSING))

    assert "?" in Page(web.get(at)).hrefs()
    assert 2 == Page(web.get(f"{at}?lang=fr")).hrefs().count("?lang=fr")  # the switch, the button
    assert "http-equiv" not in web.get(at).get_data(as_text=True)


def test_an_issuance_held_for_want_of_everything_has_a_page(
    here: Institution, web: FlaskClient
) -> None:
    entry = ("certificate_title", "full_name", "applicant_email", "issue_date", "details")
    from_vault = ("reference_id", "verification_url", "vault_uuid", "vault_status")
    nothing = dict.fromkeys([*entry, *from_vault, "natural_key"])

    page = Page(web.get(path(here, here.issue(state=IssuanceState.HELD, **nothing))))

    assert "Certificate" in page.text
    assert "None" not in page.text
    assert [] == page.all("dl")


def test_what_users_wrote_is_never_markup(here: Institution, web: FlaskClient) -> None:
    made = here.issue(full_name="<script>x</script>", certificate_title="{{ 7 * 7 }} & {x}")

    body = web.get(path(here, made)).get_data(as_text=True)

    assert "&lt;script&gt;x&lt;/script&gt;" in body
    assert "{{ 7 * 7 }} &amp; {x}" in body
    assert "<script" not in body


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//x.example", None])
def test_a_verification_address_that_is_none_is_not_linked(
    here: Institution, web: FlaskClient, url: str | None
) -> None:
    page = Page(web.get(path(here, here.issue(verification_url=url))))

    assert "Verify this certificate" not in page.text
    assert [] == [href for href in page.hrefs() if url and url in href]


def test_linkedin_is_told_everything_but_the_private_link(
    here: Institution, web: FlaskClient
) -> None:
    made = here.issue(certificate_title="Fish & Chips")
    page = Page(web.get(path(here, made)))

    (href,) = [href for href in page.hrefs() if "linkedin" in href]
    parts = urlsplit(href)

    assert "https://www.linkedin.com/profile/add" == f"https://{parts.netloc}{parts.path}"
    expected = {
        "startTask": ["CERTIFICATION_NAME"],
        "name": ["Fish & Chips"],
        "organizationName": ["Institute of the Sea"],
        "issueYear": ["2026"],
        "issueMonth": ["11"],
        "certUrl": [VERIFY],
        "certId": [REFERENCE],
    }

    assert expected == parse_qs(parts.query)
    assert here.link(made) not in href


def test_without_a_verification_page_linkedin_gets_no_address(
    here: Institution, web: FlaskClient
) -> None:
    page = Page(web.get(path(here, here.issue(verification_url=None))))

    (href,) = [href for href in page.hrefs() if "linkedin" in href]

    assert "certUrl" not in parse_qs(urlsplit(href).query)


@pytest.mark.parametrize(
    ("language", "query", "accepts", "expected"),
    [
        ("ar-EG", "", "fr", ("ar", "rtl", "صدرت")),
        ("en", "?lang=ar", "fr", ("ar", "rtl", "صدرت")),
        ("ar", "?lang=es", "fr", ("es", "ltr", "Emitido")),
        ("fr", "?lang=xx", "ar", ("fr", "ltr", "Délivré")),
        ("hi", "", "fr", ("en", "ltr", "Issued")),
    ],
)
def test_a_page_speaks_the_certificates_language_or_the_one_chosen(
    here: Institution,
    web: FlaskClient,
    language: str,
    query: str,
    accepts: str,
    expected: tuple[str, str, str],
) -> None:
    at = path(here, here.issue(language=language))

    page = Page(web.get(f"{at}{query}", headers={"Accept-Language": accepts}))
    (html,) = page.all("html")

    assert expected[:2] == (html["lang"], html["dir"])
    assert expected[2] in page.text


def test_a_page_can_be_switched_among_the_four_languages(
    here: Institution, web: FlaskClient
) -> None:
    page = Page(web.get(path(here, here.issue())))

    expected = ["?lang=en", "?lang=ar", "?lang=fr", "?lang=es"]

    assert expected == page.hrefs()[:4]
    assert ["true"] == [a["aria-current"] for a in page.all("a") if "aria-current" in a]


def test_a_page_is_built_for_a_screen_reader_and_a_phone(
    here: Institution, web: FlaskClient
) -> None:
    page = Page(web.get(path(here, here.issue(language="ar"))))

    assert [] == flaws(page)
    assert "اللغة" == page.all("nav")[0]["aria-label"]


@pytest.mark.parametrize("kind", ["page", "file", "dead", "expired", "redirect"])
def test_every_answer_is_kept_private(here: Institution, web: FlaskClient, kind: str) -> None:
    at = path(here, here.issue())
    response = {
        "page": lambda: web.get(at),
        "file": lambda: web.get(f"{at}/certificate.pdf"),
        "dead": lambda: web.get("/c/nonsense"),
        "expired": lambda: web.get("/c/file/nonsense"),
        "redirect": lambda: web.post(f"{at}/download"),
    }[kind]()

    expected = {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
        "Cross-Origin-Opener-Policy": "same-origin",
    }

    assert expected == {name: response.headers.get(name) for name in expected}
    assert None is response.headers.get("Set-Cookie")


@pytest.mark.parametrize("name", ["learner.css", "icon.svg"])
def test_the_style_may_be_kept_by_the_browser(web: FlaskClient, name: str) -> None:
    with web.get(f"/c/static/{name}") as response:
        assert 200 == response.status_code
        assert "no-store" not in response.headers["Cache-Control"]


def test_a_bridge_below_a_path_stays_below_it(sqlite_url: str) -> None:
    here = institution(sqlite_url, public_url="https://example.edu/certs")
    at = path(here, here.issue()).removeprefix("/certs")
    web = client(here)

    page = Page(web.get(at))

    assert ["/certs/c/static/learner.css", "/certs/c/static/icon.svg"] == [
        link["href"] for link in page.all("link")
    ]
    assert f"/certs{at}/download" == page.all("form")[0]["action"]
    assert web.post(f"{at}/download").location.startswith("/certs/c/file/")
    here.database.close()


def test_a_database_that_is_away_is_a_page_too(here: Institution, web: FlaskClient) -> None:
    at = path(here, here.issue(language="ar"))
    with here.database.write() as conn:
        conn.execute(sa.text("ALTER TABLE link RENAME TO gone"))

    response = web.get(at, headers={"Accept-Language": "fr"})

    assert (503, "60") == (response.status_code, response.headers["Retry-After"])
    assert "Cette page ne peut pas être affichée" in Page(response).text


def test_neither_link_nor_person_is_logged(
    here: Institution, web: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    at = path(here, here.issue())
    caplog.set_level(logging.DEBUG)

    with structlog.testing.capture_logs() as logged:
        here.vault.error = Unavailable("away")
        file = web.post(f"{at}/download").location
        for address in (at, f"{at}/certificate.pdf", file, f"{at}x"):
            web.get(address)
        with here.database.write() as conn:
            conn.execute(sa.text("ALTER TABLE link RENAME TO gone"))
        web.get(at)

    told = json.dumps(logged) + caplog.text
    assert "download_failed" in told
    assert "database_down" in told
    canaries = [
        at.rpartition("/")[2],
        file.rpartition("/")[2],
        at.rpartition("/")[2].partition(".")[0],
        ENTRY["full_name"],
        ENTRY["applicant_email"],
    ]
    assert [] == [canary for canary in canaries if canary in told]


def test_no_page_names_an_address_of_another_host_but_the_two_it_must(
    here: Institution, web: FlaskClient
) -> None:
    body = web.get(path(here, here.issue())).get_data(as_text=True)

    hosts = set(re.findall(r"(?:href|src|action)=\"https?://([^/\"]+)", body))

    assert {"vault.example", "www.linkedin.com"} == hosts


def test_a_link_revoked_meanwhile_ends_the_file_too(here: Institution, web: FlaskClient) -> None:
    made = here.issue()
    at = path(here, made)
    file = web.post(f"{at}/download").location
    here.revoke(made)

    statuses = [
        web.get(at).status_code,
        web.get(file).status_code,
        web.get(f"{at}/certificate.pdf").status_code,
        web.post(f"{at}/download").status_code,
    ]

    assert [410] * 4 == statuses
    assert [] == here.vault.asked


def test_a_signed_link_that_was_never_given_out_is_dead(
    here: Institution, web: FlaskClient
) -> None:
    token = here.links.token("AAAAAAAAAAAAAAAAAAAAAA")
    download = here.links.download_token("AAAAAAAAAAAAAAAAAAAAAA", now=here.now())

    assert [404, 404] == [
        web.get(f"/c/{token}").status_code,
        web.get(f"/c/file/{download}").status_code,
    ]


def test_a_link_stays_good_for_ever(here: Institution, web: FlaskClient) -> None:
    at = path(here, here.issue())
    here.pass_time(timedelta(days=20_000))

    assert 200 == web.get(at).status_code
    assert 200 == web.get(f"{at}/certificate.pdf").status_code
    with here.database.read() as conn:
        assert 1 == conn.execute(sa.select(sa.func.count()).select_from(tables.link)).scalar()
