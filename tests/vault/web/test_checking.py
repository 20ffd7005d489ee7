"""A file dropped on the verification page, and what the page says of a withdrawn certificate."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from tests.vault import bombs, samples
from tests.vault.world import World, upload
from vault import qr
from vault.addresses import API
from vault.kinds import LARGEST_FILE
from vault.stamp import Stamper
from vault.texts import date_words


@pytest.fixture
def anyone(world: World) -> httpx.Client:
    """Somebody without a token."""
    return world.client(None)


def issue(world: World, client: httpx.Client, **fields: str) -> tuple[str, str, bytes]:
    """Return a generated certificate's uuid, reference id and verified PDF."""
    data = upload(client, **fields).json()["data"]
    world.process()
    pdf = client.get(f"{API}/{data['uuid']}/download").content
    return data["uuid"], data["reference_id"], pdf


def drop(anyone: httpx.Client, file: bytes, reference_id: str | None = None) -> httpx.Response:
    path = f"/verify/{reference_id}/file" if reference_id else "/verify/file"
    return anyone.post(path, files={"certificate": ("c.pdf", file, "application/pdf")})


def heading(page: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found is not None
    return html.unescape(found[1])


def facts(page: httpx.Response) -> dict[str, str]:
    pairs = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", page.text)
    return {html.unescape(name): html.unescape(re.sub(r"<.*?>", "", text)) for name, text in pairs}


def test_the_file_the_vault_made_is_known(
    each_world: World,
) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client, each_world.client(None) as anyone:
        _, reference_id, pdf = issue(each_world, client)
        for page in (drop(anyone, pdf), drop(anyone, pdf, reference_id)):
            assert (200, "This certificate is genuine") == (page.status_code, heading(page))
            assert "Not a byte was changed." in page.text
            assert reference_id == facts(page)["Reference id"]


def test_the_file_that_was_handed_in_is_known(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    _, reference_id, _ = issue(world, client)
    for page in (drop(anyone, samples.pdf()), drop(anyone, samples.pdf(), reference_id)):
        assert "This is the file that the institution handed in" == heading(page)
        assert f'href="/verify/{reference_id}"' in page.text
        assert "John Smith" not in page.text


def test_a_changed_file_is_told(world: World, client: httpx.Client, anyone: httpx.Client) -> None:
    _, reference_id, pdf = issue(world, client)
    changed = drop(anyone, pdf + b"\n", reference_id)
    strange = drop(anyone, pdf + b"\n")

    assert "This file was changed, or is another one" == heading(changed)
    for page in (changed, strange):  # the file itself names its reference id
        assert (200, "This file was changed, or is another one") == (
            page.status_code,
            heading(page),
        )
        assert f'href="/verify/{reference_id}"' in page.text
        assert "John Smith" not in page.text
    assert "This vault does not know the file" == heading(drop(anyone, samples.pdf("Other")))


def test_a_file_of_another_vault_is_none_of_ours(anyone: httpx.Client) -> None:
    foreign = Stamper().stamp(
        samples.pdf(),
        reference_id="VEC-IC-20250000000000000",
        issuer="ABC",
        url="https://other.example",
        qr_svg=qr.svg("https://other.example"),
    )

    assert "This file was changed" == heading(drop(anyone, foreign))


def test_the_file_of_another_certificate_is_told(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    _, first, _ = issue(world, client)
    _, second, pdf = issue(world, client, certificate_title="Another")
    page = drop(anyone, pdf, first)

    assert "This is the file of another certificate" == heading(page)
    assert f'href="/verify/{second}"' in page.text


@pytest.mark.parametrize("file", [samples.png(), b"plain text", b""])
def test_what_is_no_pdf_is_told(
    world: World, client: httpx.Client, anyone: httpx.Client, file: bytes
) -> None:
    _, reference_id, _ = issue(world, client)
    asked = drop(anyone, file, reference_id)
    by_itself = drop(anyone, file)

    assert "This file is no PDF" == heading(asked) == heading(by_itself)
    assert '<input id="reference_id"' in by_itself.text
    assert f'href="/verify/{reference_id}"' in asked.text


def test_a_picture_that_was_handed_in_is_known(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    picture = samples.png()
    reference_id = upload(client, file=picture, name="c.png").json()["data"]["reference_id"]
    world.process()

    for page in (drop(anyone, picture), drop(anyone, picture, reference_id)):
        assert "This is the file that the institution handed in" == heading(page)


def test_a_file_for_an_unknown_reference_id_is_checked_by_itself(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    _, reference_id, pdf = issue(world, client)
    page = drop(anyone, pdf, "VEC-IC-20250000000000000")

    assert reference_id == facts(page)["Reference id"]


def test_a_file_that_unfolds_without_measure_is_just_unknown(anyone: httpx.Client) -> None:
    page = drop(anyone, bombs.unfolding_table(150))

    assert (200, "This vault does not know the file") == (page.status_code, heading(page))


def test_without_a_file_it_asks_for_one(anyone: httpx.Client) -> None:
    for answer in (
        anyone.post("/verify/file"),
        anyone.post("/verify/file", data={"certificate": "x"}),
        anyone.post("/verify/file", files={"certificate": ("", b"")}),
    ):
        assert (422, "No file was chosen") == (answer.status_code, heading(answer))


def test_a_file_far_too_large_is_cut_off(anyone: httpx.Client) -> None:
    answer = drop(anyone, bytes(LARGEST_FILE * 2))

    assert 413 == answer.status_code


def test_nothing_of_a_dropped_file_stays(
    world: World, client: httpx.Client, anyone: httpx.Client
) -> None:
    issue(world, client)
    before = sorted(world.vault.files.folder.rglob("*"))
    drop(anyone, b"%PDF-1.7 something private")

    assert before == sorted(world.vault.files.folder.rglob("*"))


def test_a_revoked_one_says_why_and_what_replaced_it(
    each_world: World,
) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client, each_world.client(None) as anyone:
        old, old_id, pdf = issue(each_world, client)
        new, new_id, _ = issue(each_world, client, certificate_title="Corrected")
        reason = "The name was <misspelt>."
        client.post(f"{API}/{old}/revoke", json={"reason": reason, "replaced_by": new})
        page = anyone.get(f"/verify/{old_id}")
        dropped = drop(anyone, pdf)

    for each in (page, dropped):
        assert "This certificate has been revoked" == heading(each)
        assert (reason, new_id) == (facts(each)["Why"], facts(each)["Replaced by"])
        assert f'href="/verify/{new_id}"' in each.text
        assert "Revoked on" in facts(each)
        assert "<misspelt>" not in each.text


def test_an_erased_one_is_genuine_and_names_nobody(
    each_world: World,
) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client, each_world.client(None) as anyone:
        uuid, reference_id, pdf = issue(each_world, client)
        client.post(f"{API}/{uuid}/erase")
        page = anyone.get(f"/verify/{reference_id}")
        dropped = drop(anyone, pdf, reference_id)
        by_itself = drop(anyone, pdf)
        changed = drop(anyone, pdf + b"x", reference_id)
        row = each_world.row(uuid)

    expected = "This certificate is genuine; its holder’s data was erased"
    assert [expected] * 3 == [heading(page), heading(dropped), heading(by_itself)]
    assert {
        "Title": "Certificate of Achievement",
        "Institution": "ABC University",
        "Issue date": "1 June 2025",
        "Reference id": reference_id,
        "Kept in this vault since": date_words("en", row.verified_at.date()),
        "Holder’s data erased on": date_words("en", row.erased_at.date()),
    } == facts(page)
    assert "Since then its holder’s data was erased here." in html.unescape(dropped.text)
    assert "This file was changed, or is another one" == heading(changed)
    assert "John" not in page.text + dropped.text + by_itself.text + changed.text


def test_one_withdrawn_before_it_was_issued_is_not_said_to_have_been(
    client: httpx.Client, anyone: httpx.Client
) -> None:
    revoked = upload(client).json()["data"]
    erased = upload(client, certificate_title="Another").json()["data"]
    client.post(f"{API}/{revoked['uuid']}/revoke", json={"reason": "Issued by mistake"})
    client.post(f"{API}/{erased['uuid']}/erase")
    pages = [anyone.get(f"/verify/{data['reference_id']}") for data in (revoked, erased)]
    arabic = anyone.get(f"/verify/{erased['reference_id']}", params={"lang": "ar"})

    assert ["This certificate was never issued"] * 2 == [heading(page) for page in pages]
    assert [
        "Issued by mistake",
        "The holder's data was erased before the certificate was issued.",
    ] == [facts(page)["Why"] for page in pages]
    assert "John" not in pages[1].text
    assert "مُحيت بيانات صاحبها قبل صدورها." == facts(arabic)["السبب"]


@pytest.mark.parametrize("language", ["ar", "fr", "es"])
def test_verification_speaks_the_readers_language(
    world: World, client: httpx.Client, anyone: httpx.Client, language: str
) -> None:
    _, reference_id, pdf = issue(world, client)
    titles = {
        "ar": "هذه الشهادة صحيحة",
        "fr": "Ce certificat est authentique",
        "es": "Este certificado es auténtico",
    }
    page = anyone.get(f"/verify/{reference_id}", headers={"Accept-Language": language})
    action = re.findall(
        r'class="drop" action="(.*?)"',
        anyone.get(f"/verify/{reference_id}", params={"lang": language}).text,
    )[0]
    dropped = anyone.post(action, files={"certificate": ("c.pdf", pdf)})

    assert (titles[language], titles[language]) == (heading(page), heading(dropped))
    assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in page.text
