"""Revoking and erasing: what becomes of key, file, answer and page."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.vault.world import ENTRY, World, upload
from vault.addresses import API
from vault.erasure import file_hash, holder_hash
from vault.store.withdrawal import NEVER_ISSUED

REASON = {"reason": "The name was misspelt"}


@pytest.fixture
def issued(each_world: World) -> Iterator[tuple[httpx.Client, str]]:
    """A client, and the uuid of a generated certificate."""
    with each_world.client(each_world.token(each_world.institution("ABC University"))) as client:
        uuid = upload(client).json()["data"]["uuid"]
        each_world.process()
        yield client, uuid


def data_of(client: httpx.Client, uuid: str) -> dict[str, object]:
    """A certificate as it is viewed."""
    found: dict[str, object] = client.get(f"{API}/{uuid}").json()["data"]
    return found


def kept(world: World) -> set[str]:
    """The names of all files in the folder."""
    return {path.name for path in world.vault.files.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("way", ["json", "data"])
def test_a_revoked_certificate_says_why_and_frees_its_key(
    each_world: World, issued: tuple[httpx.Client, str], way: str
) -> None:
    client, uuid = issued
    answer = client.post(f"{API}/{uuid}/revoke", **{way: REASON})
    data = answer.json()["data"]

    assert (200, "Vault certificate revoked") == (answer.status_code, answer.json()["message"])
    assert {
        "value": "revoked",
        "label": "Revoked",
        "color": "danger",
        "icon": "heroicon-o-no-symbol",
        "description": "Certificate has been revoked",
    } == data["status"]
    assert (REASON["reason"], None, []) == (
        data["revocation_reason"],
        data["replaced_by"],
        data["documents"],
    )
    assert data["revoked_at"]
    gone = client.get(f"{API}/{uuid}/download")
    assert (404, {"message": "Verified PDF not found. The certificate has been revoked."}) == (
        gone.status_code,
        gone.json(),
    )
    assert 201 == upload(client).status_code


def test_a_replacement_may_be_named_later_and_the_date_stays(
    each_world: World, issued: tuple[httpx.Client, str]
) -> None:
    client, uuid = issued
    first = client.post(f"{API}/{uuid}/revoke", json=REASON).json()["data"]
    new = upload(client, full_name="Jon Smith").json()["data"]["uuid"]
    second = client.post(f"{API}/{uuid}/revoke", json={**REASON, "replaced_by": new})

    assert 200 == second.status_code
    assert (new, first["revoked_at"]) == tuple(
        second.json()["data"][name] for name in ("replaced_by", "revoked_at")
    )


def test_only_another_valid_certificate_of_ones_own_replaces(
    each_world: World, issued: tuple[httpx.Client, str]
) -> None:
    client, uuid = issued
    charlies = each_world.token(each_world.institution("Charlie College"))
    with each_world.client(charlies) as charlie:
        foreign = upload(charlie).json()["data"]["uuid"]
    revoked = upload(client, certificate_title="Other").json()["data"]["uuid"]
    client.post(f"{API}/{revoked}/revoke", json=REASON)

    failed, erased = (
        upload(client, certificate_title=title).json()["data"]["uuid"]
        for title in ("Failed", "Erased")
    )
    each_world.process()
    each_world.set(failed, status="failed")
    client.post(f"{API}/{erased}/erase")

    for other in (uuid, foreign, revoked, failed, erased, "9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15"):
        answer = client.post(f"{API}/{uuid}/revoke", json={**REASON, "replaced_by": other})
        problem = "The replaced by field must be another certificate's uuid."
        assert (422, {"message": problem, "errors": {"replaced_by": [problem]}}) == (
            answer.status_code,
            answer.json(),
        )
    assert "generated" == each_world.row(uuid).status


def test_mistakes_of_a_revocation_are_told_at_once(issued: tuple[httpx.Client, str]) -> None:
    client, uuid = issued
    answer = client.post(f"{API}/{uuid}/revoke", json={"reason": " ", "replaced_by": "x"})

    assert {
        "reason": ["The reason field is required."],
        "replaced_by": ["The replaced by field must be a valid UUID."],
    } == answer.json()["errors"]


def test_one_that_is_being_processed_is_not_finished_after_it_was_revoked(
    each_world: World, issued: tuple[httpx.Client, str]
) -> None:
    client, _ = issued
    uuid = upload(client, certificate_title="Waiting").json()["data"]["uuid"]
    client.post(f"{API}/{uuid}/revoke", json=REASON)
    each_world.process()

    assert ("revoked", None) == (each_world.row(uuid).status, each_world.row(uuid).next_run_at)
    assert 400 == client.post(f"{API}/{uuid}/retry").status_code


def test_an_erased_certificate_keeps_salted_hashes_alone(
    each_world: World, issued: tuple[httpx.Client, str]
) -> None:
    client, uuid = issued
    sha256 = data_of(client, uuid)["documents"][0]["sha256"]
    answer = client.post(f"{API}/{uuid}/erase")
    data = answer.json()["data"]

    assert (200, "Vault certificate erased") == (answer.status_code, answer.json()["message"])
    gone = ("full_name", "applicant_email", "details")
    assert [None] * 3 == [data[name] for name in gone]
    assert ("generated", ENTRY["certificate_title"], []) == (
        data["status"]["value"],
        data["certificate_title"],
        data["documents"],
    )
    row = each_world.row(uuid)
    holder = holder_hash(
        row.erased_salt, full_name=ENTRY["full_name"], email=ENTRY["applicant_email"].upper()
    )
    assert (holder, file_hash(row.erased_salt, sha256)) == (row.erased_holder, row.erased_file)
    assert not any(word in str(row) for word in ("John", "john", "outstanding"))
    assert set() == kept(each_world)
    assert 404 == client.get(f"{API}/{uuid}/download").status_code
    for query in ({"search": "John"}, {"applicant_email": ENTRY["applicant_email"]}):
        assert 0 == client.get(API, params=query).json()["meta"]["total"]
    assert 1 == client.get(API, params={"search": "Achievement"}).json()["meta"]["total"]
    again = client.post(f"{API}/{uuid}/erase")
    assert 400 == again.status_code
    assert 201 == upload(client).status_code


def test_anothers_equal_file_stays_when_one_is_erased(
    each_world: World, issued: tuple[httpx.Client, str]
) -> None:
    client, uuid = issued
    other = upload(client, certificate_title="Same file").json()["data"]["uuid"]
    client.post(f"{API}/{uuid}/erase")
    each_world.process()

    assert 200 == client.get(f"{API}/{other}/download").status_code


def test_what_was_never_issued_is_revoked_by_erasing(
    each_world: World, issued: tuple[httpx.Client, str]
) -> None:
    client, _ = issued
    uuid = upload(client, certificate_title="Waiting").json()["data"]["uuid"]
    data = client.post(f"{API}/{uuid}/erase").json()["data"]
    each_world.process()

    assert ("revoked", NEVER_ISSUED) == (data["status"]["value"], data["revocation_reason"])
    assert "revoked" == each_world.row(uuid).status


def test_a_revoked_certificate_can_be_erased_and_still_says_why(
    issued: tuple[httpx.Client, str],
) -> None:
    client, uuid = issued
    client.post(f"{API}/{uuid}/revoke", json=REASON)
    data = client.post(f"{API}/{uuid}/erase").json()["data"]

    assert ("revoked", REASON["reason"], None) == (
        data["status"]["value"],
        data["revocation_reason"],
        data["full_name"],
    )


def test_the_public_page_of_an_erased_certificate_names_nobody(
    each_world: World, issued: tuple[httpx.Client, str]
) -> None:
    client, uuid = issued
    reference_id = data_of(client, uuid)["reference_id"]
    client.post(f"{API}/{uuid}/erase")
    page = client.get(f"/verify/{reference_id}")

    assert 200 == page.status_code
    assert "erased" in page.text
    assert "John" not in page.text
