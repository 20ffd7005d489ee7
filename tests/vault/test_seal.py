"""The PAdES signature: a strict reader trusts it, and nothing of the PDF is lost."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation.status import SignatureCoverageLevel

from tests.vault import authority, reading, samples, validating
from tests.vault.authority import PASSPHRASE, as_pkcs12, issued
from vault.seal import seal
from vault.signing import SigningKey, SigningProblem, read_pkcs12


def key(holder: authority.Holder | None = None) -> SigningKey:
    """A key as the vault keeps it."""
    return read_pkcs12(as_pkcs12(holder or authority.institution()), PASSPHRASE)


def _on_rsa() -> authority.Holder:
    return issued("ABC", by=authority.intermediate(), key=authority.rsa_key())


@pytest.mark.parametrize("made", [authority.institution, _on_rsa], ids=["P-256", "RSA"])
def test_a_strict_reader_trusts_the_signature_and_it_covers_the_whole_file(made) -> None:
    (status,) = validating.statuses(seal(samples.pdf(), key(made()), name="Vault"))

    assert (True, SignatureCoverageLevel.ENTIRE_FILE, ModificationLevel.NONE) == (
        status.bottom_line,
        status.coverage,
        status.modification_level,
    )


def test_it_is_a_pades_signature_without_a_visible_mark() -> None:
    before = samples.pdf()
    after = seal(before, key(), name="Vault")
    (found,) = PdfFileReader(io.BytesIO(after)).embedded_regular_signatures

    assert ("Vault", "/ETSI.CAdES.detached") == (found.field_name, found.sig_object["/SubFilter"])
    assert [0, 0, 0, 0] == [int(side) for side in found.sig_field["/Rect"]]
    signed_attributes = {attr["type"].native for attr in found.signer_info["signed_attrs"]}
    assert {"content_type", "message_digest", "signing_certificate_v2"} <= signed_attributes
    assert 0.0 == reading.difference(reading.picture(before), reading.picture(after))


def test_it_is_added_behind_what_was_there() -> None:
    before = samples.pdf(pages=3)

    assert seal(before, key(), name="Vault").startswith(before)


def test_the_command_line_tool_finds_it_valid(tmp_path: Path) -> None:
    root, good, changed = (tmp_path / name for name in ("root.pem", "good.pdf", "changed.pdf"))
    root.write_bytes(authority.pem(authority.root()))
    good.write_bytes(seal(samples.pdf(), key(), name="Vault"))
    content = bytearray(good.read_bytes())
    content[20] ^= 1
    changed.write_bytes(content)

    assert [validating.TRUSTED] == validating.by_command(good, trust=root)
    assert [validating.TRUSTED] != validating.by_command(changed, trust=root)


def test_a_stranger_who_does_not_know_the_root_does_not_trust_it() -> None:
    stranger = issued("Stranger", by=None)

    assert [False] == validating.verdicts(seal(samples.pdf(), key(stranger), name="Vault"))


def test_an_empty_field_of_the_form_stays_for_whom_it_waits() -> None:
    after = seal(samples.empty_signature_field(), key(), name="Vault")

    assert [True] == validating.verdicts(after)
    with pikepdf.open(io.BytesIO(after)) as opened:
        fields = {str(f.T): "/V" in f for f in opened.Root.AcroForm.Fields}
    assert {"Dean": False, "Vault": True} == fields


@pytest.mark.parametrize("modern", [True, False], ids=["object streams", "plain tables"])
def test_both_ways_of_writing_a_pdf_are_signed(modern: bool) -> None:
    mode = pikepdf.ObjectStreamMode.generate if modern else pikepdf.ObjectStreamMode.disable
    with pikepdf.open(io.BytesIO(samples.pdf(pages=2))) as opened:
        content = samples.saved(opened, object_stream_mode=mode)

    assert [True] == validating.verdicts(seal(content, key(), name="Vault"))


def test_a_field_that_is_signed_already_is_told() -> None:
    once = seal(samples.pdf(), key(), name="Vault")

    with pytest.raises(SigningProblem, match=r"The PDF cannot be signed \(.*\). Export"):
        seal(once, key(), name="Vault")
