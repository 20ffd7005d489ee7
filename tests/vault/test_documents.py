"""What is taken and what is refused, by content."""

from __future__ import annotations

import pikepdf
import pytest
from pyhanko.sign.fields import MDPPerm

from tests.vault import samples
from tests.vault.registrar import registrars
from vault.documents import FileKind, FileRefused, bears_signature, inspect


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (samples.pdf(), FileKind.PDF),
        (samples.jpeg(), FileKind.JPEG),
        (samples.png(), FileKind.PNG),
        (samples.pdf(pages=200), FileKind.PDF),
        (registrars(), FileKind.PDF),
        (samples.pdf() + b"\r\n\x00\x00" * 2000, FileKind.PDF),
    ],
)
def test_these_are_taken(content: bytes, kind: FileKind) -> None:
    assert kind is inspect(content)


def _without_pages() -> bytes:
    return samples.saved(pikepdf.new())


def _permissions_only() -> bytes:
    return samples.changed(samples.pdf(), encryption=pikepdf.Encryption(owner="o", user=""))


def _with_password() -> bytes:
    return samples.changed(samples.pdf(), encryption=pikepdf.Encryption(owner="o", user="u"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"hello", "must be a file of type: pdf, jpg, jpeg, png"),
        (b"II*\x00 a TIFF", "must be a file of type"),
        (b"<svg/>", "must be a file of type"),
        (b"PK\x03\x04 a zip", "must be a file of type"),
        (b"%PDF-1.7\n", "is a damaged PDF"),
        (samples.pdf()[:-40], "is a damaged PDF"),
        (samples.pdf()[:300], "is a damaged PDF"),
        (_with_password(), "is encrypted. Save it without a password"),
        (_permissions_only(), "is encrypted. Save it without protection"),
        (_without_pages(), "has 0 pages"),
        (samples.pdf(pages=201), "has 201 pages. It must have between 1 and 200"),
        (samples.pdf(media=(5, 5, 5, 5)), "last page shows nothing"),
        (samples.pdf(media=(0, 0, 1e9, 10)), "last page has no size"),
        (samples.pdf(crop=(900, 900, 999, 999)), "last page shows nothing"),
        (samples.png()[:50], "is a damaged picture"),
        (samples.jpeg()[:100], "is a damaged picture"),
    ],
)
def test_these_are_refused_each_for_its_own_reason(content: bytes, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason):
        inspect(content)


@pytest.mark.parametrize(
    ("content", "signed"),
    [
        (samples.pdf(), False),
        (samples.empty_signature_field(), False),
        (samples.pdf(before=b"% /ByteRange\n"), False),
        (registrars(), True),
        (registrars(MDPPerm.NO_CHANGES), True),
    ],
    ids=["plain", "an empty field", "the bare word", "signed", "certified"],
)
def test_a_signature_is_told_from_what_only_looks_like_one(content: bytes, signed: bool) -> None:
    assert signed is bears_signature(content)
