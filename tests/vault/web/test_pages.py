"""The verification page: for anyone, without JavaScript, telling nothing it should not."""

from __future__ import annotations

import hashlib
import html
import re

import httpx
import pytest

from tests.vault import reading
from tests.vault.world import World, upload
from vault import barcode, qr
from vault.addresses import API
from vault.texts import date_words


@pytest.fixture
def anyone(world: World) -> httpx.Client:
    """Somebody without a token."""
    return world.client(None)


def made(world: World, client: httpx.Client, *, status: str | None = None, **fields: str) -> str:
    """Upload and process a certificate; return its reference id."""
    data = upload(client, **fields).json()["data"]
    world.process()
    if status is not None:
        world.set(data["uuid"], status=status)
    reference_id: str = data["reference_id"]
    return reference_id


def told(page: httpx.Response) -> dict[str, str]:
    """What the page's list says."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", page.text)
    return {name: html.unescape(re.sub(r"<.*?>", "", value)) for name, value in pairs}


def heading(page: httpx.Response) -> str:
    """The page's heading."""
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found is not None
    return found[1]


def test_a_genuine_certificate_is_shown_with_all_that_can_be_compared(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    name = "محمد علي <b>O'Neill</b>"
    reference_id = made(world, client, full_name=name)
    uuid = client.get(API).json()["data"][0]["uuid"]
    pdf = client.get(f"{API}/{uuid}/download").content
    page = anyone.get(f"/verify/{reference_id}")

    assert (200, "This certificate is genuine") == (page.status_code, heading(page))
    assert {
        "Holder": name,
        "Title": "Certificate of Achievement",
        "Institution": "ABC University",
        "Issue date": "1 June 2025",
        "Reference id": reference_id,
        "Kept in this vault since": date_words("en", world.row(uuid).verified_at.date()),
        "SHA-256 of the verified file": hashlib.sha256(pdf).hexdigest(),
    } == told(page)
    assert "<b>" not in page.text
    assert "john@example.com" not in page.text
    assert "outstanding" not in page.text


def test_one_still_in_processing_says_so(client: httpx.Client, anyone: httpx.Client) -> None:
    reference_id = upload(client, issue_date=None).json()["data"]["reference_id"]
    page = anyone.get(f"/verify/{reference_id}")

    assert (200, "This certificate is being processed") == (page.status_code, heading(page))
    assert {"Holder", "Title", "Institution", "Reference id"} == told(page).keys()


@pytest.mark.parametrize(
    ("status", "title", "shown"),
    [
        ("pending", "This certificate is being processed", True),
        ("failed", "This certificate has not been issued", False),
        ("revoked", "This certificate has been revoked", True),
    ],
)
def test_no_other_status_is_called_genuine(
    world: World, client: httpx.Client, anyone: httpx.Client, status: str, title: str, shown: bool
) -> None:
    page = anyone.get(f"/verify/{made(world, client, status=status)}")

    assert (200, title, shown) == (page.status_code, heading(page), bool(told(page)))
    assert "genuine" not in page.text


@pytest.mark.parametrize(
    "given",
    [
        "VEC-IC-2025000000000000A",
        "VEC-IC-20250000000000000",
        "x",
        "%00",
        "' OR 1=1 --",
        "<script>alert(1)<script>",
        "x" * 5000,
    ],
)
def test_an_unknown_reference_says_what_to_check(anyone: httpx.Client, given: str) -> None:
    page = anyone.get(f"/verify/{given}")

    assert (404, "No certificate with this reference id") == (page.status_code, heading(page))
    assert "thirteen digits or letters from A to F" in page.text
    assert "<script>" not in page.text
    assert "x" * 100 not in page.text


def test_the_reference_may_be_typed_carelessly(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    reference_id = made(world, client)

    misread = reference_id[:7] + reference_id[7:].replace("0", "O").replace("1", "l")
    for typed in (reference_id.lower(), f" {reference_id[:8]} {reference_id[8:]} ", misread):
        page = anyone.get(f"/verify/{typed}")
        form = anyone.get("/verify", params={"reference_id": typed})

        assert "This certificate is genuine" == heading(page)
        assert reference_id == told(page)["Reference id"]
        assert f"/verify/{reference_id}" == form.headers["Location"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("VEC-IC-2025ABC", "you gave <bdi>7</bdi> characters; 17 are printed."),
        ("VEC-IC-202567DAE48425BA012", "you gave <bdi>19</bdi> characters; 17 are printed."),
    ],
)
def test_too_few_or_too_many_characters_are_counted(
    anyone: httpx.Client, given: str, told: str
) -> None:
    assert told in anyone.get(f"/verify/{given}").text


def test_where_nothing_can_be_counted_nothing_is(anyone: httpx.Client) -> None:
    for given in ("VEC-IC-202567DAE48425BA0", "x"):
        assert "characters; 17" not in anyone.get(f"/verify/{given}").text


def test_the_form_leads_to_the_page_without_javascript(anyone: httpx.Client) -> None:
    page = anyone.get("/verify")
    answer = anyone.get("/verify", params={"reference_id": " vec-ic-2025 x "})

    assert 200 == page.status_code
    assert '<form action="/verify" method="get">' in page.text
    assert (302, "/verify/VEC-IC-2025X") == (answer.status_code, answer.headers["Location"])
    assert 200 == anyone.get("/verify", params={"reference_id": " "}).status_code


def test_the_form_leads_nowhere_else(anyone: httpx.Client) -> None:
    for given in ("//evil.example", "https://evil.example", "/\\evil.example", "..//evil.example"):
        location = anyone.get("/verify", params={"reference_id": given}).headers["Location"]
        assert location.startswith("/verify/")


@pytest.mark.parametrize("path", ["/verify", "/verify/unknown", "/verify/static/verify.css"])
def test_pages_are_guarded_and_not_for_search_engines(anyone: httpx.Client, path: str) -> None:
    headers = anyone.get(path).headers

    assert {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
    } == {
        name: headers[name]
        for name in (
            "Content-Security-Policy",
            "Referrer-Policy",
            "X-Robots-Tag",
            "X-Content-Type-Options",
        )
    }


def test_pages_carry_no_style_or_script_of_their_own(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    for path in ("/verify", "/verify/unknown", f"/verify/{made(world, client)}"):
        text = anyone.get(path).text
        assert [] == re.findall(r"<script|<style|style=|\son\w+=|javascript:", text)
        assert '<meta name="robots" content="noindex, nofollow">' in text


def test_the_style_sheet_is_there(anyone: httpx.Client) -> None:
    answer = anyone.get("/verify/static/verify.css")

    assert (200, "text/css; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])


def test_the_qr_code_is_there_once_the_certificate_is(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    reference_id = upload(client).json()["data"]["reference_id"]
    path = f"/verify/{reference_id}/qr_code.svg"
    before = anyone.get(path)
    world.process()
    after = anyone.get(path)

    assert 404 == before.status_code == anyone.get("/verify/unknown/qr_code.svg").status_code
    assert (200, "image/svg+xml; charset=utf-8") == (
        after.status_code,
        after.headers["Content-Type"],
    )
    assert qr.svg(f"https://vault.example.edu/verify/{reference_id}") == after.text


def test_the_barcode_is_there_once_the_certificate_is(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    reference_id = upload(client).json()["data"]["reference_id"]
    path = f"/verify/{reference_id}/barcode.svg"
    before = anyone.get(path)
    world.process()
    after = anyone.get(path)

    assert 404 == before.status_code == anyone.get("/verify/unknown/barcode.svg").status_code
    assert (200, "image/svg+xml; charset=utf-8", barcode.svg(reference_id)) == (
        after.status_code,
        after.headers["Content-Type"],
        after.text,
    )


def test_the_printed_code_leads_to_the_page(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    made(world, client)
    uuid = client.get(API).json()["data"][0]["uuid"]
    pdf = client.get(f"{API}/{uuid}/download").content
    (url,) = reading.qr_codes(reading.picture(pdf, scale=4))

    assert "This certificate is genuine" == heading(anyone.get(url))


def test_a_page_is_the_same_on_both_databases(each_world: World) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client:
        reference_id = made(each_world, client)
        assert "This certificate is genuine" == heading(client.get(f"/verify/{reference_id}"))
