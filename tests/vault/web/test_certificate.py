"""View, download and retry: one certificate's life as a client sees it."""

from __future__ import annotations

import hashlib

import httpx
import pytest

from tests.vault import reading, samples
from tests.vault.world import World, upload
from vault.addresses import API

NOT_YET = {"message": "Verified PDF not found. The certificate may still be processing."}
FAILED = {"message": "Verified PDF not found. The certificate could not be processed."}


def uploaded(client: httpx.Client, **fields: object) -> dict[str, str]:
    """Upload and return the certificate."""
    data: dict[str, str] = upload(client, **fields).json()["data"]
    return data


def test_a_processed_certificate_is_shown_whole(world: World, client: httpx.Client) -> None:
    before = uploaded(client)
    world.process()
    after = client.get(f"{API}/{before['uuid']}").json()["data"]
    pdf = client.get(f"{API}/{before['uuid']}/download").content

    verify = f"https://vault.example.edu/verify/{before['reference_id']}"
    assert {
        **before,
        "status": {
            "value": "generated",
            "label": "Generated",
            "color": "success",
            "icon": "heroicon-o-check-circle",
            "description": "Certificate has been successfully generated",
        },
        "qrcode_path": f"{verify}/qr_code.svg",
        "barcode_path": f"{verify}/barcode.svg",
        "verified_at": after["updated_at"],
        "updated_at": after["updated_at"],
        "documents": [
            {
                "id": 2,
                "type": "verified_pdf",
                "url": f"https://vault.example.edu{API}/{before['uuid']}/download",
                "sha256": hashlib.sha256(pdf).hexdigest(),
            }
        ],
    } == after
    assert before["created_at"] == after["created_at"] < after["updated_at"]


def test_the_verified_pdf_can_be_downloaded(world: World, client: httpx.Client) -> None:
    data = uploaded(client)
    world.process()
    answer = client.get(f"{API}/{data['uuid']}/download")

    assert (200, "application/pdf") == (answer.status_code, answer.headers["Content-Type"])
    assert (
        f'attachment; filename="{data["reference_id"]}.pdf"'
        == (answer.headers["Content-Disposition"])
    )
    assert "private, no-store" == answer.headers["Cache-Control"]
    text = reading.text(answer.content)
    assert "Certificate of Achievement" in text
    assert data["reference_id"] in text
    assert [f"https://vault.example.edu/verify/{data['reference_id']}"] == reading.qr_codes(
        reading.picture(answer.content, scale=4)
    )


@pytest.mark.parametrize("content", [samples.jpeg(), samples.png()])
def test_a_picture_becomes_a_verified_pdf(
    world: World, client: httpx.Client, content: bytes
) -> None:
    data = uploaded(client, file=content)
    world.process()
    pdf = client.get(f"{API}/{data['uuid']}/download").content

    assert data["reference_id"] in reading.text(pdf)


@pytest.mark.parametrize(
    ("status", "body"), [("pending", NOT_YET), ("processing", NOT_YET), ("failed", FAILED)]
)
def test_there_is_no_pdf_before_or_without_success(
    world: World, client: httpx.Client, status: str, body: dict[str, str]
) -> None:
    uuid = uploaded(client)["uuid"]
    world.set(uuid, status=status)
    answer = client.get(f"{API}/{uuid}/download")

    assert (404, body) == (answer.status_code, answer.json())


def test_the_download_is_there_for_a_look_at_its_headers(
    world: World, client: httpx.Client
) -> None:
    uuid = uploaded(client)["uuid"]
    world.process()
    path = f"{API}/{uuid}/download"
    got, looked = client.get(path), client.head(path)

    assert (200, b"") == (looked.status_code, looked.content)
    for name in ("Content-Type", "Content-Length", "Content-Disposition"):
        assert got.headers[name] == looked.headers[name]


def test_a_failed_certificate_says_why_and_can_be_retried(
    world: World, client: httpx.Client
) -> None:
    data = uploaded(client)
    stored = next(p for p in world.vault.files.folder.rglob("*") if p.is_file())
    content = stored.read_bytes()
    stored.write_bytes(b"damaged")
    world.process()

    failed = client.get(f"{API}/{data['uuid']}").json()["data"]
    assert {
        "value": "failed",
        "label": "Failed",
        "color": "danger",
        "icon": "heroicon-o-x-circle",
        "description": "Certificate could not be processed",
    } == failed["status"]
    assert failed["rejection_reason"] == (
        f"The stored file {stored.name} has been changed. Restore it from a backup, then retry."
    )

    stored.write_bytes(content)
    world.rung.clear()
    answer = client.post(f"{API}/{data['uuid']}/retry")
    assert (200, "Vault certificate retry initiated") == (
        answer.status_code,
        answer.json()["message"],
    )
    assert {**data, "updated_at": answer.json()["data"]["updated_at"]} == answer.json()["data"]
    assert ["process"] == world.rung

    world.process()
    after = client.get(f"{API}/{data['uuid']}").json()["data"]
    assert ("generated", data["reference_id"], None) == (
        after["status"]["value"],
        after["reference_id"],
        after["rejection_reason"],
    )


@pytest.mark.parametrize("status", ["pending", "processing", "generated", "revoked"])
def test_what_has_not_failed_is_not_retried(
    world: World, client: httpx.Client, status: str
) -> None:
    uuid = uploaded(client)["uuid"]
    world.process()
    world.set(uuid, status=status)
    answer = client.post(f"{API}/{uuid}/retry")

    assert (400, {"message": "Only failed vault certificates can be retried"}) == (
        answer.status_code,
        answer.json(),
    )
    assert (status, None) == (world.row(uuid).status, world.row(uuid).next_run_at)


def test_the_whole_life_is_the_same_on_both_databases(each_world: World) -> None:
    token = each_world.token(each_world.institution("ABC University"))
    with each_world.client(token) as client:
        data = uploaded(client)
        each_world.process()
        each_world.set(data["uuid"], status="failed", problem="Something.")
        assert 200 == client.post(f"{API}/{data['uuid']}/retry").status_code
        each_world.process()
        after = client.get(f"{API}/{data['uuid']}").json()["data"]
        pdf = client.get(f"{API}/{data['uuid']}/download").content

    assert "generated" == after["status"]["value"]
    assert after["documents"][0]["sha256"] == hashlib.sha256(pdf).hexdigest()
