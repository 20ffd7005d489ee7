"""Which reference ids a PDF's strips name: after any change but a print, and for any rubbish."""

from __future__ import annotations

import io

import pikepdf
import pytest

from tests.vault import samples
from vault import qr
from vault.stamp import Stamper
from vault.strip import MOST_TOLD, NAME, named_on

FIRST = "VEC-IC-20250000000000000"
SECOND = "VEC-IC-2026FFFFFFFFFFFFF"


def stamp(content: bytes, reference_id: str) -> bytes:
    return Stamper().stamp(
        content,
        reference_id=reference_id,
        issuer="ABC",
        url=f"https://vault.example.edu/verify/{reference_id}",
        qr_svg=qr.svg("https://vault.example.edu"),
    )


@pytest.fixture(scope="module")
def stamped() -> bytes:
    return stamp(samples.pdf(), FIRST)


def test_a_stamped_file_names_it_also_when_saved_again(stamped: bytes) -> None:
    again = io.BytesIO()
    with pikepdf.open(io.BytesIO(stamped)) as pdf:
        pdf.docinfo["/Title"] = "Something else"
        pdf.save(again, object_stream_mode=pikepdf.ObjectStreamMode.generate)

    assert (FIRST,) == named_on(stamped)
    assert (FIRST,) == named_on(again.getvalue())
    assert () == named_on(samples.pdf())


def test_one_stamped_twice_names_both(stamped: bytes) -> None:
    assert {FIRST, SECOND} == set(named_on(stamp(stamped, SECOND)))


def test_of_many_only_some_are_told() -> None:
    odd = io.BytesIO()
    with pikepdf.new() as pdf:
        drawings = {f"{NAME}{number}": pikepdf.Dictionary() for number in range(MOST_TOLD * 3)}
        pdf.add_blank_page().obj.Resources = pikepdf.Dictionary(XObject=drawings)
        pdf.save(odd)

    assert MOST_TOLD == len(named_on(odd.getvalue()))


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"%PDF-1.4\n%%EOF\n"])
def test_rubbish_names_none(content: bytes) -> None:
    assert () == named_on(content)


def test_a_page_that_is_none_names_none() -> None:
    odd = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.save(odd)
        empty = odd.getvalue()
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page()
        page.obj.Resources = pikepdf.Array([1])
        odd = io.BytesIO()
        pdf.save(odd)

    assert () == named_on(empty)
    assert () == named_on(odd.getvalue())


def test_every_way_of_cutting_it_short_is_survived(stamped: bytes) -> None:
    for part in range(1, 20):
        named_on(stamped[: len(stamped) * part // 20])
