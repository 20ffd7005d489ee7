"""A customer's pages: signing in by a mailed link, claiming, addresses, sessions, rates."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from tests.vault.world import PUBLIC_URL, World, upload
from vault.addresses import API
from vault.notices import Notices
from vault.store import entrances, rates
from vault.store.people import (
    assignment,
    customer,
    customer_email,
    customer_session,
    mailed_link,
    notice,
)
from vault.web.app import create_app
from vault.web.entrance import MOST_PER_ADDRESS, MOST_PER_CLIENT, SPAN

JOHN = "john@example.com"


class Mailbox:
    """What the vault mailed in a test."""

    def __init__(self, world: World) -> None:
        self.mails: list[EmailMessage] = []
        self._step = Notices(
            database=world.vault.database,
            links=world.vault.links,
            post=lambda message, _: self.mails.append(message),
            sender="certificates@example.edu",
            lease=world.vault.settings.lease,
        )

    def fetch(self) -> EmailMessage:
        """Have sent what is due; return the newest mail."""
        while self._step.run():
            pass
        return self.mails[-1]

    def link(self, what: str = "/my/link/") -> str:
        """The newest mail's link that holds ``what``."""
        body = self.fetch().get_body(("plain",))
        assert body is not None
        found = re.search(rf"https://vault\.example\.edu({re.escape(what)}\S+)", body.get_content())
        assert found is not None
        return found[1]


@pytest.fixture
def mailbox(world: World) -> Mailbox:
    return Mailbox(world)


@pytest.fixture
def browser(world: World) -> Iterator[httpx.Client]:
    """Somebody's browser, without a token, at one address."""
    with browser_of(world) as client:
        yield client


def browser_of(world: World, address: str = "192.0.2.1") -> httpx.Client:
    transport = httpx.WSGITransport(app=world.app, remote_addr=address)
    return httpx.Client(transport=transport, base_url=PUBLIC_URL)


def sign_in(browser: httpx.Client, mailbox: Mailbox, email: str = JOHN) -> None:
    browser.post("/my/sign-in", data={"email": email})
    assert 303 == browser.post(mailbox.link()).status_code


def issue(world: World, **fields: Any) -> str:
    """A generated certificate of an institution of its own; return its uuid."""
    token = world.token(world.institution(f"Institution {fields}"))
    with world.client(token) as client:
        uuid: str = upload(client, **fields).json()["data"]["uuid"]
    world.process()
    return uuid


def heading(page: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found is not None
    return re.sub("<.*?>", "", found[1])


def titles(page: httpx.Response) -> list[str]:
    return re.findall(r"<h2><bdi>(.*?)</bdi></h2>", page.text)


def form_token(page: httpx.Response) -> str:
    return re.findall(r'name="form" value="(.*?)"', page.text)[0]


def test_a_mailed_link_signs_in_and_shows_what_waited(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    uuid = issue(world, applicant_email="JOHN@example.com")
    issue(world, applicant_email="other@example.com", certificate_title="Another's")
    mailbox.fetch()
    sign_in(browser, mailbox)
    page = browser.get("/my")
    pdf = browser.get(f"/my/certificates/{uuid}/certificate.pdf")

    assert ["Certificate of Achievement"] == titles(page)
    assert f"{PUBLIC_URL}/verify/{world.row(uuid).reference_id}" in page.text
    assert (200, "application/pdf") == (pdf.status_code, pdf.headers["Content-Type"])
    assert pdf.content.startswith(b"%PDF-")


def test_what_was_generated_while_the_account_was_made_is_claimed_at_the_next_look(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    sign_in(browser, mailbox)
    issue(world)
    with world.vault.database.write() as conn:
        conn.execute(sa.delete(assignment))  # as if processing had not seen the account yet

    assert ["Certificate of Achievement"] == titles(browser.get("/my"))


def test_an_invitation_makes_the_account_and_claims(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    issue(world)
    link = mailbox.link()
    page = browser.get(link)
    answer = browser.post(link)

    assert "Create a free account for john@example.com" == heading(page)
    assert (303, "/my") == (answer.status_code, answer.headers["Location"])
    assert ["Certificate of Achievement"] == titles(browser.get("/my"))


def test_the_holders_link_views_and_downloads_without_an_account(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    uuid = issue(world, full_name="محمد علي")
    link = mailbox.link("/holder/")
    page = browser.get(link)
    pdf = browser.get(f"{link}/certificate.pdf")
    world.set(uuid, status="revoked")

    assert (200, "Certificate of Achievement") == (page.status_code, heading(page))
    assert "محمد علي" in page.text
    assert pdf.content.startswith(b"%PDF-")
    assert {"Set-Cookie", "set-cookie"}.isdisjoint(page.headers)
    for path in (link, f"{link}/certificate.pdf"):  # everybody's page says why
        answer = browser.get(path)
        assert (302, f"/verify/{world.row(uuid).reference_id}") == (
            answer.status_code,
            answer.headers["Location"],
        )


def test_the_holders_link_of_one_who_was_erased_leads_to_everybodys_page(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    token = world.token(world.institution("ABC"))
    with world.client(token) as client:
        data = upload(client).json()["data"]
        world.process()
        link = mailbox.link("/holder/")
        client.post(f"{API}/{data['uuid']}/erase")

    assert f"/verify/{data['reference_id']}" == browser.get(link).headers["Location"]


def test_an_invitation_opens_no_account_that_is_there_already(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    issue(world)
    passed_on = mailbox.link()
    sign_in(browser, mailbox)
    with browser_of(world) as friend:
        answers = [friend.get(passed_on), friend.post(passed_on)]

    for answer in answers:
        assert (409, "There is an account for this address already") == (
            answer.status_code,
            heading(answer),
        )
        assert {"Set-Cookie", "set-cookie"}.isdisjoint(answer.headers)
    assert ["Certificate of Achievement"] == titles(browser.get("/my"))


def test_signing_in_again_ends_the_browsers_former_session(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    sign_in(browser, mailbox)
    former = browser.cookies["__Host-vault-session"]
    sign_in(browser, mailbox)
    with browser_of(world) as thief:
        thief.cookies.set("__Host-vault-session", former)

        assert "Mail me a link" in thief.get("/my").text
    assert "Sign out" in browser.get("/my").text


def test_both_pages_share_what_anyone_may_see(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    title = "R&D: 100% <fit>"
    uuid = issue(world, certificate_title=title)
    holder = browser.get(mailbox.link("/holder/"))
    sign_in(browser, mailbox)
    row = world.row(uuid)
    verification = f"{PUBLIC_URL}/verify/{row.reference_id}"

    for page in (holder, browser.get("/my")):
        address = html.unescape(
            re.findall(r'href="(https://www\.linkedin\.com/.*?)"', page.text)[0]
        )
        assert {
            "startTask": ["CERTIFICATION_NAME"],
            "name": [title],
            "organizationName": [f"Institution {{'certificate_title': {title!r}}}"],
            "issueYear": ["2025"],
            "issueMonth": ["6"],
            "certUrl": [verification],
            "certId": [row.reference_id],
        } == parse_qs(urlsplit(address).query)
        assert f'<a href="{verification}" dir="ltr">{verification}</a>' in page.text


def test_a_holders_link_cannot_be_guessed(world: World, browser: httpx.Client) -> None:
    uuid = issue(world)
    good = world.vault.links.sign("holder", uuid)
    wrong = world.vault.links.sign("session", uuid)

    assert 200 == browser.get(f"/holder/{good}").status_code
    for token in (wrong, uuid, f"{uuid}.{'A' * 43}", good[:-2], f"{good}x"):
        assert 410 == browser.get(f"/holder/{token}").status_code


def test_looking_at_a_link_does_not_use_it_up(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    browser.post("/my/sign-in", data={"email": JOHN})
    link = mailbox.link()

    assert [200, 200, 200] == [
        browser.get(link).status_code,
        browser.head(link).status_code,
        browser.get(link).status_code,
    ]
    assert 303 == browser.post(link).status_code


def test_a_link_works_once(world: World, browser: httpx.Client, mailbox: Mailbox) -> None:
    browser.post("/my/sign-in", data={"email": JOHN})
    link = mailbox.link()
    browser.post(link)
    with browser_of(world) as thief:
        answer = thief.post(link)

    assert (410, "This link does not work any more") == (answer.status_code, heading(answer))
    assert {"Set-Cookie", "set-cookie"}.isdisjoint(answer.headers)


def test_a_link_that_is_too_old_is_dead(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    browser.post("/my/sign-in", data={"email": JOHN})
    link = mailbox.link()
    with world.vault.database.write() as conn:
        conn.execute(sa.update(mailed_link).values(expires_at=datetime.now(UTC)))

    assert (410, 410) == (browser.get(link).status_code, browser.post(link).status_code)


@pytest.mark.parametrize("token", ["x", "x.y", "%00", "a" * 500, f"{'a' * 24}.{'A' * 43}"])
def test_a_link_that_is_none_of_ours_is_dead(browser: httpx.Client, token: str) -> None:
    assert 410 == browser.get(f"/my/link/{token}").status_code
    assert 410 == browser.post(f"/my/link/{token}").status_code


def test_every_address_gets_the_same_answer(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    sign_in(browser, mailbox)
    known = browser.post("/my/sign-in", data={"email": JOHN})
    unknown = browser.post("/my/sign-in", data={"email": "nobody@example.com"})

    assert (303, "/my/sent") == (known.status_code, known.headers["Location"])
    assert (303, "/my/sent") == (unknown.status_code, unknown.headers["Location"])
    assert [JOHN, JOHN, "nobody@example.com"] == [
        mail["To"] for _ in [mailbox.fetch()] for mail in mailbox.mails
    ]


@pytest.mark.parametrize(
    "given",
    ["", "john", "john@example", "a@b@example.com", "a b@example.com", "a@example.com,b@c.d"],
)
def test_what_is_no_address_is_told(browser: httpx.Client, given: str) -> None:
    answer = browser.post("/my/sign-in", data={"email": given})

    assert 422 == answer.status_code
    assert 'role="alert">This is not a complete e-mail address.' in answer.text


def test_an_address_is_mailed_only_so_often_and_does_not_learn_it(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    answers = [
        browser.post("/my/sign-in", data={"email": email}).status_code
        for email in [JOHN] * MOST_PER_ADDRESS + ["JOHN@EXAMPLE.COM"]
    ]
    mailbox.fetch()

    assert [303] * (MOST_PER_ADDRESS + 1) == answers
    assert MOST_PER_ADDRESS == len(mailbox.mails)


def use_up(world: World, address: str) -> None:
    """Have a client ask as often as it may."""
    with world.vault.database.write() as conn:
        now = world.vault.database.now(conn)
        for _ in range(MOST_PER_CLIENT):
            rates.allow(conn, f"link for {address}", most=MOST_PER_CLIENT, span=SPAN, now=now)


def test_a_client_may_ask_only_so_often(world: World, browser: httpx.Client) -> None:
    before = browser.post("/my/sign-in", data={"email": JOHN}).status_code
    use_up(world, "192.0.2.1")
    answer = browser.post("/my/sign-in", data={"email": JOHN})
    with browser_of(world, "192.0.2.2") as other:
        elsewhere = other.post("/my/sign-in", data={"email": JOHN})

    assert 303 == before
    assert (429, "3600") == (answer.status_code, answer.headers["Retry-After"])
    assert 303 == elsewhere.status_code


def test_behind_a_proxy_each_client_counts_for_itself(world: World) -> None:
    settings = dataclasses.replace(world.vault.settings, trusted_proxies=1)
    app = create_app(dataclasses.replace(world.vault, settings=settings))
    proxied = httpx.Client(
        transport=httpx.WSGITransport(app=app, remote_addr="127.0.0.1"), base_url=PUBLIC_URL
    )

    def ask(seen: str) -> int:
        headers = {"X-Forwarded-For": seen}
        return proxied.post("/my/sign-in", data={"email": JOHN}, headers=headers).status_code

    use_up(world, "192.0.2.1")

    # Who asks may claim to be another: what the proxy saw counts.
    assert (429, 303) == (ask("203.0.113.8, 192.0.2.1"), ask("192.0.2.1, 192.0.2.2"))


def test_the_session_is_a_guarded_cookie(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    browser.post("/my/sign-in", data={"email": JOHN})
    cookie = browser.post(mailbox.link()).headers["Set-Cookie"]
    name, _, rest = cookie.partition("=")
    attributes = {part.strip() for part in rest.split(";")[1:]}

    assert "__Host-vault-session" == name
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
    assert f"Max-Age={int(entrances.SESSION_LASTS.total_seconds())}" in attributes


def test_a_cookie_that_was_changed_is_nobodys(world: World, mailbox: Mailbox) -> None:
    with browser_of(world) as browser:
        sign_in(browser, mailbox)
        value = browser.cookies["__Host-vault-session"]
    signed, _, signature = value.rpartition(".")
    # The first letter: not all of the last one's bits count.
    forged = f"{signed}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    for changed in (forged, value.partition(".")[0], "x"):
        with browser_of(world) as other:
            other.cookies.set("__Host-vault-session", changed)
            assert "Mail me a link" in other.get("/my").text


@pytest.mark.parametrize("how", ["ended", "old"])
def test_the_database_ends_a_session(
    world: World, browser: httpx.Client, mailbox: Mailbox, how: str
) -> None:
    sign_in(browser, mailbox)
    then = datetime.now(UTC) - timedelta(seconds=1)
    change = {"ended": {"revoked_at": then}, "old": {"expires_at": then}}[how]
    with world.vault.database.write() as conn:
        conn.execute(sa.update(customer_session).values(**change))

    assert "Mail me a link" in browser.get("/my").text


def test_signing_out_ends_the_session_and_everywhere_all(world: World, mailbox: Mailbox) -> None:
    with browser_of(world) as phone, browser_of(world) as laptop, browser_of(world) as desk:
        for browser in (phone, laptop, desk):
            sign_in(browser, mailbox)
        cookie = phone.cookies["__Host-vault-session"]
        phone.post("/my/sign-out", data={"form": form_token(phone.get("/my"))})
        phone.cookies.set("__Host-vault-session", cookie)
        still = "Sign out" in laptop.get("/my").text
        laptop.post("/my/sign-out", data={"form": form_token(laptop.get("/my")), "everywhere": "1"})

        assert "Mail me a link" in phone.get("/my").text
        assert still
        assert "Mail me a link" in desk.get("/my").text


def test_another_address_is_added_by_its_own_mail(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    issue(world, applicant_email="work@example.com")
    mailbox.fetch()
    sign_in(browser, mailbox)
    form = form_token(browser.get("/my"))
    answer = browser.post("/my/emails", data={"form": form, "email": "Work@example.com"})
    before = titles(browser.get("/my"))
    link = mailbox.link()
    with browser_of(world) as phone:  # the mail may be read elsewhere
        told = heading(phone.get(link))
        done = phone.post(link)

    assert 303 == answer.status_code
    assert "Work@example.com" == mailbox.mails[-1]["To"]
    assert [] == before
    assert "Add Work@example.com to the account of john@example.com" == told
    assert (200, "The address is confirmed") == (done.status_code, heading(done))
    assert {"Set-Cookie", "set-cookie"}.isdisjoint(done.headers)
    assert ["Certificate of Achievement"] == titles(browser.get("/my"))


def test_anothers_address_cannot_be_taken(world: World, mailbox: Mailbox) -> None:
    with browser_of(world) as john, browser_of(world) as mary:
        sign_in(john, mailbox)
        sign_in(mary, mailbox, "mary@example.com")
        form = form_token(mary.get("/my"))
        mary.post("/my/emails", data={"form": form, "email": JOHN})
        answer = mary.post(mailbox.link())

        assert (409, "This address belongs to another account") == (
            answer.status_code,
            heading(answer),
        )
        assert JOHN not in mary.get("/my").text


def with_two_addresses(browser: httpx.Client, mailbox: Mailbox) -> str:
    """Sign John in with another address of his; return what his forms carry."""
    sign_in(browser, mailbox)
    form = form_token(browser.get("/my"))
    browser.post("/my/emails", data={"form": form, "email": "Home@example.com"})
    browser.post(mailbox.link())
    return form


def addresses(page: httpx.Response) -> dict[str, bool]:
    """The addresses on a customer's page, and whether mail goes there."""
    found = re.findall(r'<li>\s*<bdi dir="ltr">(.*?)</bdi>(.*?)</li>', page.text, re.DOTALL)
    return {email: "our mail goes here" in rest for email, rest in found}


def test_mail_goes_to_the_address_that_the_customer_chooses(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    form = with_two_addresses(browser, mailbox)
    before = addresses(browser.get("/my"))
    for email in ("other@example.com", "HOME@example.com"):
        answer = browser.post("/my/emails/main", data={"form": form, "email": email})
        assert (303, "/my") == (answer.status_code, answer.headers["Location"])
    issue(world)

    assert {JOHN: True, "Home@example.com": False} == before
    assert {JOHN: False, "Home@example.com": True} == addresses(browser.get("/my"))
    assert "Home@example.com" == mailbox.fetch()["To"]


def test_an_address_can_be_removed_but_not_the_one_that_mail_goes_to(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    form = with_two_addresses(browser, mailbox)
    issue(world, applicant_email="home@example.com")
    for email in (JOHN, "home@example.com"):
        browser.post("/my/emails/remove", data={"form": form, "email": email})
    page = browser.get("/my")
    issue(world, applicant_email="home@example.com", certificate_title="Later")

    assert {JOHN: True} == addresses(page)
    assert ["Certificate of Achievement"] == titles(browser.get("/my"))
    assert "Your certificate is ready" == mailbox.fetch()["Subject"]


def test_another_customers_address_cannot_be_removed_or_chosen(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    form = with_two_addresses(browser, mailbox)
    with browser_of(world) as mary:
        sign_in(mary, mailbox, "mary@example.com")
        for path in ("main", "remove"):
            browser.post(f"/my/emails/{path}", data={"form": form, "email": "mary@example.com"})

        assert {"mary@example.com": True} == addresses(mary.get("/my"))
        assert {JOHN: True, "Home@example.com": False} == addresses(browser.get("/my"))


def test_an_account_can_be_deleted_and_what_was_in_it_waits(
    each_world: World,
) -> None:
    mailbox = Mailbox(each_world)
    with browser_of(each_world) as browser, browser_of(each_world) as other:
        form = with_two_addresses(browser, mailbox)
        uuid = issue(each_world)
        holder = mailbox.link("/holder/")
        sign_in(other, mailbox, "home@example.com")
        asked = browser.get("/my/delete")
        gone = browser.post("/my/delete", data={"form": form})
        with each_world.vault.database.read() as conn:
            left = [
                conn.execute(sa.select(table)).all()
                for table in (customer, customer_email, customer_session, assignment)
            ]
            kinds = conn.execute(sa.select(notice.c.kind, notice.c.to_address)).all()

        assert (200, "Delete your account?") == (asked.status_code, heading(asked))
        assert (200, "Your account is deleted") == (gone.status_code, heading(gone))
        assert [[], [], [], []] == left
        assert {("sign_in", JOHN), ("sign_in", "home@example.com")} == set(map(tuple, kinds))
        assert all("Mail me a link" in each.get("/my").text for each in (browser, other))
        assert 200 == browser.get(holder).status_code
        sign_in(browser, mailbox)
        assert ["Certificate of Achievement"] == titles(browser.get("/my"))
        assert 200 == browser.get(f"/my/certificates/{uuid}/certificate.pdf").status_code


def test_the_account_speaks_the_language_of_its_last_signing_in(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    sign_in(browser, mailbox)
    browser.post("/my/sign-in?lang=fr", data={"email": JOHN})
    browser.post(mailbox.link())
    issue(world)

    assert "fr" == mailbox.fetch()["Content-Language"]


@pytest.mark.parametrize(
    "path",
    ["/my/emails", "/my/emails/main", "/my/emails/remove", "/my/delete", "/my/sign-out"],
)
def test_a_form_of_another_site_or_session_does_nothing(
    world: World, mailbox: Mailbox, path: str
) -> None:
    with browser_of(world) as john, browser_of(world) as mary:
        sign_in(john, mailbox)
        sign_in(mary, mailbox, "mary@example.com")
        sent = len(mailbox.mails)
        for form in ("", "x", form_token(mary.get("/my"))):
            answer = john.post(path, data={"form": form, "email": "evil@example.com"})
            assert (403, "This form is out of date") == (answer.status_code, heading(answer))
        mailbox.fetch()

        assert "Sign out" in john.get("/my").text
        assert sent == len(mailbox.mails)


def test_a_foreign_site_signs_nobody_in(browser: httpx.Client, mailbox: Mailbox) -> None:
    browser.post("/my/sign-in", data={"email": JOHN})
    link = mailbox.link()
    foreign = {"Sec-Fetch-Site": "cross-site"}

    assert 403 == browser.post(link, headers=foreign).status_code
    assert 403 == browser.post("/my/sign-in", data={"email": JOHN}, headers=foreign).status_code
    assert 303 == browser.post(link, headers={"Sec-Fetch-Site": "same-origin"}).status_code


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("https://vault.example.edu.evil.example", 403),
        ("https://vault.example.edu", 303),
        ("null", 303),
    ],
)
def test_a_browser_that_tells_no_site_is_judged_by_its_origin(
    browser: httpx.Client, origin: str, status: int
) -> None:
    answer = browser.post("/my/sign-in", data={"email": JOHN}, headers={"Origin": origin})

    assert status == answer.status_code


def test_anothers_certificate_is_as_one_that_is_not_there(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    theirs = issue(world, applicant_email="other@example.com")
    mailbox.fetch()
    mine = issue(world)
    mailbox.fetch()
    sign_in(browser, mailbox)
    world.set(mine, status="revoked", revoked_at=datetime.now(UTC))

    assert [404, 404, 404] == [
        browser.get(f"/my/certificates/{uuid}/certificate.pdf").status_code
        for uuid in (theirs, mine, "9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15")
    ]
    assert "This certificate has been revoked" in browser.get("/my").text


def test_without_a_session_nothing_is_shown(world: World, browser: httpx.Client) -> None:
    uuid = issue(world)

    assert "Mail me a link" in browser.get(f"/my/certificates/{uuid}/certificate.pdf").text
    assert 403 == browser.post("/my/emails", data={"email": JOHN}).status_code


@pytest.mark.parametrize(
    ("language", "direction", "title"),
    [
        ("en", "ltr", "My certificates"),
        ("ar", "rtl", "شهاداتي"),
        ("fr", "ltr", "Mes certificats"),
        ("es", "ltr", "Mis certificados"),
    ],
)
def test_pages_speak_the_readers_language(
    browser: httpx.Client, mailbox: Mailbox, language: str, direction: str, title: str
) -> None:
    wished = browser.get("/my", headers={"Accept-Language": f"{language}-XX, de;q=0.5"})
    chosen = browser.get("/my", params={"lang": language}, headers={"Accept-Language": "de"})
    answer = browser.post(f"/my/sign-in?lang={language}", data={"email": JOHN})

    for page in (wished, chosen):
        assert title == heading(page)
        assert f'<html lang="{language}" dir="{direction}">' in page.text
    assert f"/my/sent?lang={language}" == answer.headers["Location"]
    assert language == mailbox.fetch()["Content-Language"]


def test_pages_are_guarded_and_carry_no_script(
    world: World, browser: httpx.Client, mailbox: Mailbox
) -> None:
    issue(world, certificate_title="<script>alert(1)</script>")
    mailbox.fetch()
    holder = mailbox.link("/holder/")
    sign_in(browser, mailbox)
    for path in ("/my", "/my/sent", holder, "/my/link/x"):
        page = browser.get(path)
        assert [] == re.findall(r"<script|<style|style=|\son\w+=|javascript:", page.text)
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert ("no-store", "no-referrer", "noindex, nofollow") == tuple(
            page.headers[name] for name in ("Cache-Control", "Referrer-Policy", "X-Robots-Tag")
        )


def test_the_api_takes_no_session(browser: httpx.Client, mailbox: Mailbox) -> None:
    sign_in(browser, mailbox)

    assert 401 == browser.get(API).status_code
