"""What people read where no page can be shown: a page in their language, never JSON."""

from __future__ import annotations

import dataclasses
import re

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from tests.vault.world import World, upload
from vault.kinds import LARGEST_FILE
from vault.web.app import create_app
from vault.web.page import HEADERS

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def anyone(world: World) -> httpx.Client:
    """Somebody's browser."""
    client = world.client(None)
    client.headers.update(BROWSER)
    return client


def heading(page: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", ["/nothing", "/verify/a/b", "/my/nothing", "/holder", "/my/x/y"])
def test_what_is_not_there_is_told_on_a_page(anyone: httpx.Client, path: str) -> None:
    page = anyone.get(path)

    assert (404, "There is no such page") == (page.status_code, heading(page))
    assert 'href="/verify"' in page.text
    assert dict(HEADERS) == {name: page.headers[name] for name in HEADERS}


def test_it_speaks_the_readers_language(anyone: httpx.Client) -> None:
    page = anyone.get("/my/nothing", params={"lang": "ar"})

    assert '<html lang="ar" dir="rtl">' in page.text
    assert "لا توجد صفحة كهذه" == heading(page)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "/verify"),
        ("/verify/file", "/verify"),
        ("/verify/VEC-IC-20250000000000000/file", "/verify/VEC-IC-20250000000000000"),
        ("/my/sign-in", "/my"),
        ("/my/emails", "/my"),
        ("/my/sign-out", "/my"),
        ("/my/emails/main", "/my"),
        ("/my/emails/remove", "/my"),
        ("/my/delete", "/my"),
    ],
)
def test_whoever_reloads_an_answer_or_types_too_little_gets_somewhere(
    anyone: httpx.Client, path: str, place: str
) -> None:
    plain = anyone.get(path)
    chosen = anyone.get(path, params={"lang": "fr"})

    assert plain.status_code in (302, 303)
    assert (place, f"{place}?lang=fr") == (plain.headers["Location"], chosen.headers["Location"])


def test_a_file_too_large_is_told_on_a_page(anyone: httpx.Client) -> None:
    page = anyone.post("/verify/file", files={"certificate": ("c.pdf", bytes(LARGEST_FILE * 2))})

    assert (413, "This file is too large", "close") == (
        page.status_code,
        heading(page),
        page.headers["Connection"],
    )


def test_our_own_mistake_names_the_number_by_which_it_is_found(
    world: World, anyone: httpx.Client
) -> None:
    def broken() -> str:
        raise ZeroDivisionError("secret detail")

    world.app.add_url_rule("/my/broken", view_func=broken)
    page = anyone.get("/my/broken")

    assert (500, "Something went wrong here") == (page.status_code, heading(page))
    assert page.headers["X-Request-Id"] in page.text
    assert "secret" not in page.text


def test_a_database_that_is_away_is_told_with_when_to_come_again(
    world: World, anyone: httpx.Client
) -> None:
    def away() -> str:
        raise OperationalError("select", {}, Exception("gone"))

    world.app.add_url_rule("/my/away", view_func=away)
    page = anyone.get("/my/away")

    assert (503, "The vault is out of order for the moment", "5") == (
        page.status_code,
        heading(page),
        page.headers["Retry-After"],
    )


def archive_of(world: World) -> httpx.Client:
    """A browser at the same vault, served as an archive."""
    settings = dataclasses.replace(world.vault.settings, read_only=True)
    app = create_app(dataclasses.replace(world.vault, settings=settings))
    return httpx.Client(
        transport=httpx.WSGITransport(app=app), base_url=settings.public_url, headers=BROWSER
    )


@pytest.mark.parametrize("path", ["/my/sign-in", "/my/emails", "/my/delete", "/my/link/x"])
def test_an_archive_says_that_it_is_one(world: World, path: str) -> None:
    with archive_of(world) as browser:
        answer = browser.post(path, data={"email": "john@example.com"})
        pages = [browser.get("/my"), browser.get("/my/link/x")]

    assert (405, "GET, HEAD, OPTIONS") == (answer.status_code, answer.headers["Allow"])
    assert ["This vault is an archive"] * 3 == [heading(page) for page in (answer, *pages)]
    assert "<form" not in answer.text + pages[0].text + pages[1].text


def test_an_archive_still_verifies_and_lets_holders_download(
    world: World, client: httpx.Client
) -> None:
    data = upload(client).json()["data"]
    world.process()
    holder = world.vault.links.holder(data["uuid"])
    with archive_of(world) as browser:
        pdf = browser.get(f"{holder}/certificate.pdf")
        dropped = browser.post("/verify/file", files={"certificate": ("c.pdf", pdf.content)})

        assert "This certificate is genuine" == heading(
            browser.get(f"/verify/{data['reference_id']}")
        )
        assert "This certificate is genuine" == heading(dropped)
        assert 200 == browser.get(holder).status_code
