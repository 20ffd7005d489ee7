"""Files to upload, made on the spot: PDFs of every shape, pictures, and broken things."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pikepdf
from PIL import Image

A4 = (0, 0, 595, 842)
#: Four squares of different greys near the page's corners, and a text in its middle.
SQUARE = 40


def pdf(
    text: str = "Certificate of Achievement",
    *,
    media: Sequence[float] = A4,
    crop: Sequence[float] | None = None,
    rotate: int | None = None,
    pages: int = 1,
    unit: float | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A PDF whose every page shows ``text`` and a mark in each corner of what is seen."""
    made = pikepdf.new()
    for _ in range(pages):
        made.add_blank_page(page_size=(100, 100))
        page = made.pages[-1].obj
        page.MediaBox = pikepdf.Array(list(media))
        if crop is not None:
            page.CropBox = pikepdf.Array(list(crop))
        if rotate is not None:
            page.Rotate = rotate
        if unit is not None:
            page.UserUnit = unit
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        content = before + _marks(crop or media, text) + after
        page.Contents = made.make_stream(content)
    return saved(made)


def _marks(box: Sequence[float], text: str) -> bytes:
    left, bottom, right, top = box
    corners = (
        (left, bottom, "0 g"),
        (right - SQUARE, bottom, "0.3 g"),
        (left, top - SQUARE, "0.5 g"),
        (right - SQUARE, top - SQUARE, "0.7 g"),
    )
    squares = "".join(f"{g} {x} {y} {SQUARE} {SQUARE} re f\n" for x, y, g in corners)
    middle = f"{(left + right) / 2 - 60} {(bottom + top) / 2}"
    paper = f"{left} {bottom} {right - left} {top - bottom} re f"
    words = f"BT /F1 12 Tf {middle} Td ({text}) Tj ET"
    return f"q 0.95 0.95 1 rg {paper}\n{squares}Q\n{words}\n".encode()


def saved(made: pikepdf.Pdf, **options: object) -> bytes:
    """A PDF's bytes."""
    buffer = io.BytesIO()
    if not options:
        options["deterministic_id"] = True  # the same certificate is the same file
    made.save(buffer, **options)
    return buffer.getvalue()


def changed(content: bytes, *, encryption: pikepdf.Encryption | None = None) -> bytes:
    """The same PDF, encrypted."""
    with pikepdf.open(io.BytesIO(content)) as opened:
        return saved(opened, encryption=encryption)


def empty_signature_field(name: str = "Dean") -> bytes:
    """A PDF in which a signature field waits to be signed."""
    with pikepdf.open(io.BytesIO(pdf())) as opened:
        field = pikepdf.Dictionary(
            FT=pikepdf.Name.Sig,
            T=name,
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Widget,
            Rect=pikepdf.Array([10, 10, 90, 40]),
        )
        fields = pikepdf.Array([opened.make_indirect(field)])
        opened.Root.AcroForm = opened.make_indirect(pikepdf.Dictionary(SigFlags=1, Fields=fields))
        opened.pages[0].obj.Annots = fields
        return saved(opened)


def picture(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    """A picture, dark at its top, bright below, with one corner marked: its top left."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    image.paste(image.getpixel((0, size[1] - 1)), (0, 0, size[0] // 4, size[1] // 4))
    return image


def as_bytes(image: Image.Image, kind: str, **options: object) -> bytes:
    """An image's file, as PNG or JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg() -> bytes:
    """A small JPEG."""
    return as_bytes(picture(), "JPEG")


def png() -> bytes:
    """A small PNG."""
    return as_bytes(picture(), "PNG")
