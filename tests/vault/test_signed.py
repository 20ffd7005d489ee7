"""Signatures on the way through the vault: the institution's own, and those a file came with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from pyhanko.sign.fields import MDPPerm

from tests.vault import authority, reading, samples, validating
from tests.vault.authority import issued
from tests.vault.registrar import registrars
from tests.vault.world import World, upload
from vault.addresses import API
from vault.store.institutions import find
from vault.store.signing import signing_key

#: A moment ago, as a certificate says it.
LATELY = datetime.now(UTC) - timedelta(seconds=2)


def abc(world: World) -> int:
    """The institution of the fixture `client`."""
    with world.vault.database.read() as conn:
        return find(conn, "ABC University")


def processed(world: World, client: httpx.Client, **upload_of: object) -> tuple[dict, bytes]:
    """Upload, process; return the certificate and its verified PDF."""
    uuid = upload(client, **upload_of).json()["data"]["uuid"]
    world.process()
    data = client.get(f"{API}/{uuid}").json()["data"]
    return data, client.get(f"{API}/{uuid}/download").content


@pytest.mark.parametrize("content", [samples.pdf(), samples.png()], ids=["PDF", "picture"])
def test_with_the_institutions_key_the_verified_pdf_is_stamped_and_signed(
    world: World, client: httpx.Client, content: bytes
) -> None:
    world.signing_key(abc(world), authority.institution())
    data, pdf = processed(world, client, file=content)

    assert [True] == validating.verdicts(pdf)
    assert data["reference_id"] in reading.text(pdf)
    assert [data["verification_url"]] == reading.qr_codes(reading.picture(pdf, scale=4))
    assert None is data["verification_notes"]


def test_one_institutions_key_signs_nobody_elses_certificates(
    world: World, client: httpx.Client
) -> None:
    world.signing_key(world.institution("XYZ"), authority.institution())

    assert [] == validating.verdicts(processed(world, client)[1])


def _expire(world: World) -> None:
    """The key that is set comes to its end."""
    holder = issued("Old", by=authority.root(), since=LATELY - timedelta(days=9), until=LATELY)
    early = LATELY - timedelta(days=5)
    world.signing_key(abc(world), holder, now=early)


def test_a_certificate_that_expired_since_fails_with_the_reason_until_there_is_a_new_one(
    world: World, client: httpx.Client
) -> None:
    _expire(world)
    data, _ = processed(world, client)

    assert ("failed", None) == (data["status"]["value"], data["qrcode_path"])
    assert data["rejection_reason"] == (
        "The certificate of the institution's signing key (CN=Old) expired on "
        f"{LATELY:%Y-%m-%d}. Give the vault a valid key (certvault institution signing-key), "
        "then retry."
    )

    world.signing_key(abc(world), authority.institution())
    assert 200 == client.post(f"{API}/{data['uuid']}/retry").status_code
    world.process()
    pdf = client.get(f"{API}/{data['uuid']}/download").content
    assert [True] == validating.verdicts(pdf)


def test_without_the_key_file_nothing_is_sent_out_unsigned(
    world: World, client: httpx.Client
) -> None:
    world.signing_key(abc(world), authority.institution())
    key_file = world.vault.settings.key_file or Path()
    keys = key_file.read_bytes()
    key_file.unlink()
    data, _ = processed(world, client)

    assert "failed" == data["status"]["value"]
    assert "signing key cannot be decrypted" in data["rejection_reason"]
    key_file.write_bytes(keys)
    client.post(f"{API}/{data['uuid']}/retry")
    world.process()
    pdf = client.get(f"{API}/{data['uuid']}/download").content
    assert [True] == validating.verdicts(pdf)


def test_a_key_that_is_taken_away_signs_no_more(world: World, client: httpx.Client) -> None:
    world.signing_key(abc(world), authority.institution())
    with world.vault.database.write() as conn:
        conn.execute(sa.delete(signing_key))

    assert [] == validating.verdicts(processed(world, client)[1])


@pytest.mark.parametrize("with_key", [False, True], ids=["no key", "the institution has a key"])
@pytest.mark.parametrize("certified", [None, *MDPPerm], ids=str)
def test_a_file_that_bears_a_signature_is_left_unchanged_and_says_so(
    world: World, client: httpx.Client, certified: MDPPerm | None, with_key: bool
) -> None:
    if with_key:
        world.signing_key(abc(world), authority.institution())
    content = registrars(certified)
    data, pdf = processed(world, client, file=content)

    assert ("generated", content) == (data["status"]["value"], pdf)
    assert [True] == validating.verdicts(pdf)
    assert data["verification_notes"] == (
        "The file bears a digital signature and was left unchanged, as any change would break one. "
        f"It has no strip with the reference id: verify it at {data['verification_url']}"
    )
    assert 200 == client.get(data["qrcode_path"]).status_code
    assert 200 == client.get(data["barcode_path"]).status_code


def test_a_file_whose_signature_field_is_empty_is_stamped(
    world: World, client: httpx.Client
) -> None:
    data, pdf = processed(world, client, file=samples.empty_signature_field())

    assert data["reference_id"] in reading.text(pdf)
    assert None is data["verification_notes"]


def test_a_signed_certificate_is_the_same_on_both_databases(each_world: World) -> None:
    institution_id = each_world.institution("ABC University")
    each_world.signing_key(institution_id, authority.institution())
    with each_world.client(each_world.token(institution_id)) as client:
        assert [True] == validating.verdicts(processed(each_world, client)[1])
        data, pdf = processed(
            each_world, client, file=registrars(), certificate_title="Registrar's own"
        )
    assert [True] == validating.verdicts(pdf)
    assert data["verification_notes"].endswith(data["verification_url"])
