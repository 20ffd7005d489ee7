"""An institution's signing key: what is taken, what is refused, how it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from runtime.keys import KeyProblem, Keys, new_key
from tests.vault import authority
from tests.vault.authority import PASSPHRASE, as_pkcs12, issued
from tests.vault.world import World
from vault.signing import SigningKey, SigningKeys, SigningProblem, read_pkcs12, set_key
from vault.store import signing

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def put(world: World, keys: Keys, *, institution_id: int, pkcs12: bytes) -> SigningKey:
    """Set a key at the vault's time."""
    with world.vault.database.write() as conn:
        return set_key(
            conn,
            keys,
            institution_id=institution_id,
            pkcs12=pkcs12,
            passphrase=PASSPHRASE,
            now=world.vault.database.now(conn),
        )


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        authority.rsa_key(),
    ],
    ids=["P-256", "P-384", "P-521", "RSA-2048"],
)
def test_keys_that_readers_know_are_taken(key: authority.Key) -> None:
    holder = issued("ABC University", by=authority.intermediate(), key=key)
    found = read_pkcs12(as_pkcs12(holder), PASSPHRASE)

    assert ("CN=ABC University", 1) == (found.subject, len(found.chain))
    assert holder.certificate.not_valid_after_utc == found.valid_until


def test_a_file_without_a_passphrase_is_opened_without_one() -> None:
    assert (
        "CN=ABC University" == read_pkcs12(as_pkcs12(authority.institution(), None), None).subject
    )


def _keyless() -> bytes:
    certificate = pkcs12.PKCS12Certificate(authority.institution().certificate, None)
    return pkcs12.serialize_java_truststore([certificate], NoEncryption())


def _by_root(key: authority.Key) -> bytes:
    return as_pkcs12(issued("A", by=authority.root(), key=key))


REFUSED = {
    "wrong passphrase": (
        lambda: as_pkcs12(authority.institution(), "wrong"),
        "passphrase is wrong",
    ),
    "no such file": (lambda: b"-----BEGIN CERTIFICATE-----", "or it is no such file"),
    "empty": (lambda: b"", "or it is no such file"),
    "no key": (_keyless, "passphrase is wrong|lacks the private key"),
    "ed25519": (lambda: _by_root(ed25519.Ed25519PrivateKey.generate()), "cannot sign PDFs"),
    "odd curve": (lambda: _by_root(ec.generate_private_key(ec.SECP256K1())), "P-256, P-384"),
    "short RSA": (lambda: _by_root(authority.rsa_key(1024)), "at least 2048 bits"),
    "not for signing": (
        lambda: as_pkcs12(issued("A", by=authority.root(), may_sign=False)),
        "key usage does not permit",
    ),
}


@pytest.mark.parametrize(("made", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_these_are_refused_each_for_its_own_reason(made, reason: str) -> None:
    with pytest.raises(SigningProblem, match=reason):
        read_pkcs12(made(), PASSPHRASE)


@pytest.mark.parametrize(
    ("since", "until", "reason"),
    [
        (NOW - 9 * DAY, NOW - DAY, "ABC.* expired on [0-9-]{10}"),
        (NOW + DAY, NOW + 9 * DAY, "ABC.* is valid only from [0-9-]{10}"),
    ],
)
def test_a_certificate_that_is_not_valid_now_is_refused_and_the_old_key_stays(
    world: World, since: datetime, until: datetime, reason: str
) -> None:
    abc, keys = world.institution("ABC"), Keys([new_key()])
    put(world, keys, institution_id=abc, pkcs12=as_pkcs12(authority.institution()))
    odd = issued("ABC", by=authority.intermediate(), since=since, until=until)

    with pytest.raises(SigningProblem, match=reason):
        put(world, keys, institution_id=abc, pkcs12=as_pkcs12(odd))
    found = SigningKeys(world.vault.database, lambda: keys).find(abc)
    assert "CN=ABC University" == found.subject


def test_a_key_is_found_again_whole_by_its_institution_alone(each_world: World) -> None:
    abc, xyz = each_world.institution("ABC"), each_world.institution("XYZ")
    keys = Keys([new_key()])
    taken = put(each_world, keys, institution_id=abc, pkcs12=as_pkcs12(authority.institution()))
    found = SigningKeys(each_world.vault.database, lambda: keys)

    assert [taken, taken, None] == [found.find(abc), found.find(abc), found.find(xyz)]


def test_a_replaced_key_is_used_at_once(world: World) -> None:
    abc, keys = world.institution("ABC"), Keys([new_key()])
    found = SigningKeys(world.vault.database, lambda: keys)
    put(world, keys, institution_id=abc, pkcs12=as_pkcs12(authority.institution()))
    found.find(abc)
    second = put(
        world, keys, institution_id=abc, pkcs12=as_pkcs12(issued("New", by=authority.root()))
    )

    assert second == found.find(abc)


def test_nothing_of_a_key_is_stored_or_shown_in_the_clear(world: World) -> None:
    abc = world.institution("ABC")
    taken = put(
        world, Keys([new_key()]), institution_id=abc, pkcs12=as_pkcs12(authority.institution())
    )
    with world.vault.database.read() as conn:
        row = signing.find(conn, institution_id=abc)

    content = Path(world.vault.settings.database_url.removeprefix("sqlite:///")).read_bytes()
    assert taken.key not in content
    assert PASSPHRASE.encode() not in content
    assert "-----BEGIN" not in row.secrets
    assert "key=" not in repr(taken)


def test_a_key_moved_to_another_institutions_row_does_not_open(world: World) -> None:
    abc, xyz = world.institution("ABC"), world.institution("XYZ")
    keys = Keys([new_key()])
    put(world, keys, institution_id=abc, pkcs12=as_pkcs12(authority.institution()))
    with world.vault.database.write() as conn:
        row = signing.find(conn, institution_id=abc)
        moved = {"secrets": row.secrets, "subject": "", "valid_until": NOW, "now": NOW}
        signing.put(conn, institution_id=xyz, **moved)

    with pytest.raises(SigningProblem, match="cannot be decrypted"):
        SigningKeys(world.vault.database, lambda: keys).find(xyz)


def _missing() -> Keys:
    raise KeyProblem("Cannot read the keys in /somewhere.")


@pytest.mark.parametrize("keys", [_missing, lambda: Keys([new_key()])], ids=["missing", "foreign"])
def test_without_the_key_file_the_reason_names_no_path(world: World, keys) -> None:
    abc = world.institution("ABC")
    put(world, Keys([new_key()]), institution_id=abc, pkcs12=as_pkcs12(authority.institution()))

    with pytest.raises(SigningProblem) as caught:
        SigningKeys(world.vault.database, keys).find(abc)
    assert (
        "The institution's signing key cannot be decrypted. Ask the vault's operator to "
        "read its log and mend its key file, then retry."
    ) == str(caught.value)
