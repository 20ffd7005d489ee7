"""Barcodes that a reader reads."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import typst
import zxingcpp

from tests.vault import reading
from vault import barcode

IDS = ("VEC-IC-202567DAE48425BAD", "VEC-IC-20261234567890123", "VEC-IC-2026ABCDEFABCDEFA")


@pytest.mark.parametrize("reference_id", IDS)
def test_the_svg_reads_as_what_was_put_in(reference_id: str) -> None:
    page = (
        b"#set page(width: 300pt, height: 90pt, margin: 0pt)\n"
        b'#image(bytes(sys.inputs.bars), format: "svg", width: 300pt)'
    )
    pdf = typst.compile(page, sys_inputs={"bars": barcode.svg(reference_id)})
    found = zxingcpp.read_barcodes(reading.picture(pdf, scale=4))

    assert [(zxingcpp.BarcodeFormat.Code128, reference_id)] == [
        (code.format, code.text) for code in found
    ]


def test_the_svg_is_well_formed_and_quiet_at_both_ends() -> None:
    root = ET.fromstring(barcode.svg(IDS[0]))  # noqa: S314  # our own text
    path = root[1].attrib["d"]
    width = int(root.attrib["viewBox"].split()[2])
    bars = [part[1:].split(" ")[0] for part in path.split("z") if part]

    assert str(barcode.QUIET_ZONE) == bars[0]
    assert f"M{width - barcode.QUIET_ZONE - 2} 0h2v" in path  # the last bar is two modules wide
