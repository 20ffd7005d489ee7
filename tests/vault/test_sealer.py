"""PDFs signed in children: the same signature, and what cannot be signed is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from tests.vault import authority, samples, validating
from tests.vault.authority import PASSPHRASE, as_pkcs12
from tests.vault.world import SEALER
from vault.sealer import Sealer
from vault.signing import SigningKey, SigningProblem, read_pkcs12


@pytest.fixture(scope="module")
def key() -> SigningKey:
    """A key as the vault keeps it."""
    return read_pkcs12(as_pkcs12(authority.institution()), PASSPHRASE)


@pytest.fixture
def impatient() -> Iterator[Sealer]:
    """A sealer whose children may take no time."""
    with closing(Sealer(count=1, limit=timedelta(0))) as sealer:
        yield sealer


def test_what_a_child_signs_a_strict_reader_trusts(key: SigningKey) -> None:
    before = samples.pdf()
    after = SEALER.seal(before, key, name="Vault")

    assert after.startswith(before)
    assert [True] == validating.verdicts(after)


def test_each_is_signed_with_its_own_key(key: SigningKey) -> None:
    other = read_pkcs12(as_pkcs12(authority.issued("Stranger", by=None)), PASSPHRASE)
    signed = [SEALER.seal(samples.pdf(), each, name="Vault") for each in (key, other, key)]

    assert [[True], [False], [True]] == [validating.verdicts(pdf) for pdf in signed]


def test_a_pdf_that_takes_no_signature_is_refused_with_the_reason(key: SigningKey) -> None:
    once = SEALER.seal(samples.pdf(), key, name="Vault")

    with pytest.raises(
        SigningProblem, match=r"cannot be signed .* Export or print it to PDF again"
    ):
        SEALER.seal(once, key, name="Vault")


def test_what_takes_too_long_is_refused(impatient: Sealer, key: SigningKey) -> None:
    with pytest.raises(SigningProblem, match="more time or memory than it may"):
        impatient.seal(samples.pdf(), key, name="Vault")
