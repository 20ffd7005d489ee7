"""Whether a PDF bears the vault's strip: after any change but a new print, and for any rubbish."""

from __future__ import annotations

import io

import pikepdf
import pytest

from tests.vault import samples
from vault import qr
from vault.stamp import Stamper
from vault.strip import bears_strip


@pytest.fixture(scope="module")
def stamped() -> bytes:
    return Stamper().stamp(
        samples.pdf(),
        reference_id="VEC-IC-20250000000000000",
        issuer="ABC",
        url="https://vault.example.edu/verify/VEC-IC-20250000000000000",
        qr_svg=qr.svg("https://vault.example.edu"),
    )


def test_a_stamped_file_bears_it_also_when_saved_again(stamped: bytes) -> None:
    again = io.BytesIO()
    with pikepdf.open(io.BytesIO(stamped)) as pdf:
        pdf.docinfo["/Title"] = "Something else"
        pdf.save(again)

    assert bears_strip(stamped)
    assert bears_strip(again.getvalue())
    assert not bears_strip(samples.pdf())


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4\n%%EOF\n"])
def test_rubbish_bears_none(content: bytes) -> None:
    assert not bears_strip(content)


def test_a_page_that_is_none_bears_none() -> None:
    odd = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.save(odd)
        empty = odd.getvalue()
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page()
        page.obj.Resources = pikepdf.Array([1])
        odd = io.BytesIO()
        pdf.save(odd)

    assert not bears_strip(empty)
    assert not bears_strip(odd.getvalue())


def test_every_way_of_cutting_it_short_is_survived(stamped: bytes) -> None:
    for part in range(1, 20):
        bears_strip(stamped[: len(stamped) * part // 20])
