"""QR codes that a phone reads."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import typst

from tests.vault import reading
from vault import qr

URL = "https://vault.example.edu/verify/VEC-IC-202567DAE48425BAD"


def test_the_svg_reads_as_what_was_put_in() -> None:
    page = (
        b"#set page(width: 200pt, height: 200pt, margin: 0pt)\n"
        b'#image(bytes(sys.inputs.qr), format: "svg", width: 200pt)'
    )
    pdf = typst.compile(page, sys_inputs={"qr": qr.svg(URL)})

    assert [URL] == reading.qr_codes(reading.picture(pdf))


def test_the_svg_is_well_formed_square_and_always_the_same() -> None:
    root = ET.fromstring(qr.svg(URL))  # noqa: S314  # our own text

    assert "{http://www.w3.org/2000/svg}svg" == root.tag
    assert root.attrib["width"] == root.attrib["height"]
    assert qr.svg(URL) == qr.svg(URL)
