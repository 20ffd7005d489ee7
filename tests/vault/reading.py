"""Reading PDFs as a person would: as pictures and text, QR codes as a phone does."""

from __future__ import annotations

import io

import pikepdf
import pypdfium2
import typst
import zxingcpp
from PIL import Image


def picture(content: bytes, *, page: int = -1, scale: float = 2.0) -> Image.Image:
    """A page as it is shown."""
    document = pypdfium2.PdfDocument(content)
    try:
        shown = document[page % len(document)]
        return shown.render(scale=scale).to_pil().convert("RGB")
    finally:
        document.close()


def drawn(svg: str) -> Image.Image:
    """A drawing, on paper of 200 points."""
    page = (
        b"#set page(width: 200pt, height: 200pt, margin: 0pt)\n"
        b'#image(bytes(sys.inputs.svg), format: "svg", width: 200pt)'
    )
    return picture(typst.compile(page, sys_inputs={"svg": svg}))


def size(content: bytes, *, page: int = -1) -> tuple[float, float]:
    """A page's shown width and height in points."""
    document = pypdfium2.PdfDocument(content)
    try:
        width, height = document[page % len(document)].get_size()
        return round(width, 2), round(height, 2)
    finally:
        document.close()


def text(content: bytes, *, page: int = -1) -> str:
    """A page's text."""
    document = pypdfium2.PdfDocument(content)
    try:
        found: str = document[page % len(document)].get_textpage().get_text_range()
        return found
    finally:
        document.close()


def letters(content: bytes, *, page: int = -1) -> list[tuple[str, tuple[float, ...]]]:
    """A page's letters, each with its left, bottom, right and top in the page's coordinates."""
    document = pypdfium2.PdfDocument(content)
    try:
        found = document[page % len(document)].get_textpage()
        shown = [
            (found.get_text_range(n, 1), found.get_charbox(n)) for n in range(found.count_chars())
        ]
        return [(letter, box) for letter, box in shown if letter.strip()]
    finally:
        document.close()


def qr_codes(image: Image.Image) -> list[str]:
    """What the QR codes in a picture say."""
    return [code.text for code in zxingcpp.read_barcodes(image)]


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels in which two pictures of the same size clearly differ."""
    assert one.size == other.size
    pairs = zip(one.convert("L").tobytes(), other.convert("L").tobytes(), strict=True)
    return sum(abs(a - b) > 64 for a, b in pairs) / (one.width * one.height)


def problems(content: bytes) -> list[str]:
    """What qpdf finds wrong with a PDF's structure, as ``qpdf --check`` does."""
    with pikepdf.open(io.BytesIO(content), attempt_recovery=False) as opened:
        return [*opened.check_pdf_syntax(), *map(str, opened.get_warnings())]
