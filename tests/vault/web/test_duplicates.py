"""The duplicate rule: institution, e-mail, title, issue date; the only guard against two."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from tests.vault import samples
from tests.vault.world import World, upload
from vault.addresses import API
from vault.store.tables import certificate, file

REFUSED = {"message": "A vault certificate with this email, title, and issue date already exists"}


def test_the_second_identical_upload_gets_the_seeds_answer(client: httpx.Client) -> None:
    upload(client)
    answer = upload(client)

    assert (422, REFUSED) == (answer.status_code, answer.json())


@pytest.mark.parametrize(
    "same",
    [
        {"applicant_email": "JOHN@Example.COM"},
        {"applicant_email": " john@example.com "},
        {"certificate_title": "Certificate of Achievement  "},
        {"full_name": "Somebody Else", "details": None},
    ],
)
def test_these_are_the_same_certificate(client: httpx.Client, same: dict[str, str]) -> None:
    upload(client)

    assert REFUSED == upload(client, **same).json()


@pytest.mark.parametrize(
    "other",
    [
        {"applicant_email": "jane@example.com"},
        {"certificate_title": "certificate of achievement"},
        {"issue_date": "2025-06-02"},
        {"issue_date": None},
    ],
)
def test_these_are_other_certificates(client: httpx.Client, other: dict[str, str]) -> None:
    upload(client)

    assert 201 == upload(client, **other).status_code


def test_titles_that_look_the_same_are_the_same(client: httpx.Client) -> None:
    upload(client, certificate_title="Diplôme")

    assert REFUSED == upload(client, certificate_title="Diplôme").json()


def test_a_missing_date_equals_a_missing_date(client: httpx.Client) -> None:
    assert 201 == upload(client, issue_date=None).status_code
    assert REFUSED == upload(client, issue_date="").json()


def test_another_institution_may_issue_the_same(world: World, client: httpx.Client) -> None:
    upload(client)
    with world.client(world.token(world.institution("Other University"))) as other:
        assert 201 == upload(other).status_code


def test_a_failed_certificate_keeps_its_key_and_a_revoked_one_frees_it(
    world: World, client: httpx.Client
) -> None:
    uuid = upload(client).json()["data"]["uuid"]
    world.set(uuid, status="failed")

    assert REFUSED == upload(client).json()

    world.set(uuid, status="revoked", natural_key=None)
    assert 201 == upload(client).status_code


@pytest.mark.parametrize("copies", [1, 50])
def test_of_fifty_parallel_uploads_to_a_real_server_one_is_taken(
    each_world: World, each_served: int, copies: int
) -> None:
    """Of one file, which must outlive those that are refused, and each of its own."""
    token = each_world.token(each_world.institution("ABC University"))
    files = [samples.pdf(f"Copy {number}") for number in range(copies)]
    barrier = threading.Barrier(50)

    def send(number: int) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{each_served}", headers=headers, timeout=60
        ) as client:
            assert 200 == client.get(API).status_code  # all are connected when they begin
            barrier.wait(timeout=60)
            answer = upload(client, file=files[number % copies])
        return answer.status_code, answer.json()["message"]

    with ThreadPoolExecutor(max_workers=50) as pool:
        answers = Counter(pool.map(send, range(50)))

    assert {
        (201, "Vault certificate uploaded successfully"): 1,
        (422, REFUSED["message"]): 49,
    } == answers
    with each_world.vault.database.read() as conn:
        assert 1 == conn.execute(sa.select(sa.func.count(certificate.c.id))).scalar_one()
        hashes = conn.execute(sa.select(file.c.sha256)).scalars().all()
    on_disk = [p.name for p in each_world.vault.files.folder.rglob("*") if p.is_file()]
    assert hashes == on_disk
    assert each_world.vault.files.read(hashes[0]) in files
