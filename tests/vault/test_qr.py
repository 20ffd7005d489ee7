"""QR codes that a phone reads."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.vault import reading
from vault import qr

URL = "https://vault.example.edu/verify/VEC-IC-202567DAE48425BAD"


def test_the_svg_reads_as_what_was_put_in() -> None:
    assert [URL] == reading.qr_codes(reading.drawn(qr.svg(URL)))


def test_the_svg_is_well_formed_square_and_always_the_same() -> None:
    root = ET.fromstring(qr.svg(URL))  # noqa: S314  # our own text

    assert "{http://www.w3.org/2000/svg}svg" == root.tag
    assert root.attrib["width"] == root.attrib["height"]
    assert qr.svg(URL) == qr.svg(URL)
