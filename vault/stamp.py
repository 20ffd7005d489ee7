"""The verified PDF: the last page, grown at the bottom by a strip that tells how to verify it."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pikepdf
import pymupdf_fonts
import typst
from fontTools.ttLib import TTFont

from vault import qr
from vault.documents import open_pdf
from vault.geometry import Box, Grown, Matrix, grow, last_page
from vault.strip import NAME

TEMPLATE = Path(__file__).with_name("strip.typ")
#: FiraGO, regular and bold, by pymupdf-fonts' names for them.
FONTS = ("figo", "figbo")
#: A page between these widths in points gets the strip as it is drawn; others get it scaled.
NARROWEST = 100.0
WIDEST = 1000.0
#: The strip's own version of PDF: with nothing newer in it, it fits into PDF/A of every kind.
OLDEST: Final = "1.4"


class Stamper:
    """Stamps PDFs; keeps its fonts and its compiler, so one serves a whole worker.

    One thread at a time.
    """

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory(prefix="vault-fonts-") as folder:
            for name in FONTS:
                (Path(folder) / f"{name}.ttf").write_bytes(pymupdf_fonts.myfont(name))
            # The machine's own fonts would make the same certificate differ between machines.
            self._compiler = typst.Compiler(
                str(TEMPLATE), font_paths=[folder], ignore_system_fonts=True
            )
            # A strip that uses every font: the compiler keeps them when their files are gone.
            data = {"reference_id": "VEC-IC", "issuer": "A", "url": "A", "qr": qr.svg("A")}
            self._strip(data, WIDEST)

    def stamp(
        self, content: bytes, *, reference_id: str, issuer: str, url: str, qr_svg: str
    ) -> bytes:
        """Return ``content``, a PDF, stamped. The same input gives the same bytes.

        ``url`` is the verification page, ``qr_svg`` its QR code. An issuer whose name the strip's
        fonts cannot print is left out: the verification page says it. Raises
        vault.documents.FileRefused for what is no stampable PDF.
        """
        data = {
            "reference_id": reference_id,
            "issuer": issuer if printable(issuer) else None,
            "url": url,
            "qr": qr_svg,
        }
        with open_pdf(content) as pdf:
            self._grow_last_page(pdf, data)
            saved = io.BytesIO()
            # The metadata says what the document is, and stays as it came, to the byte.
            pdf.save(saved, deterministic_id=True, fix_metadata_version=False)
        return saved.getvalue()

    def _grow_last_page(self, pdf: pikepdf.Pdf, data: Mapping[str, object]) -> None:
        page, view = last_page(pdf)
        width = min(max(view.width * view.unit, NARROWEST), WIDEST)
        scale = view.width / width
        with pikepdf.open(io.BytesIO(self._strip(data, width))) as strip:
            height = float(strip.pages[0].mediabox[3])
            drawn = pdf.copy_foreign(strip.pages[0].as_form_xobject())
        grown = grow(view, height * scale, scale)
        name = _add_xobject(page, drawn, f"{NAME}{data['reference_id']}")
        page.obj.MediaBox = pikepdf.Array(list(grown.media))
        page.obj.CropBox = pikepdf.Array(list(grown.visible))
        page.obj.Contents = pikepdf.Array(
            [
                pdf.make_stream(_before(grown, name)),
                *_streams(page.obj.get("/Contents")),
                pdf.make_stream(b"\nQ"),
            ]
        )

    def _strip(self, data: Mapping[str, object], width: float) -> bytes:
        sized = {**data, "width": width}
        # Without a fixed moment the compiler writes the present one.
        made = self._compiler.compile(
            format="pdf",
            sys_inputs={"data": json.dumps(sized)},
            timestamp=0,
            pdf_standards=[OLDEST],
            pdf_tags=False,
        )
        if not isinstance(made, bytes):
            raise TypeError("the strip came out on several pages")
        return made


@cache
def _glyphs() -> frozenset[int]:
    font = TTFont(io.BytesIO(pymupdf_fonts.myfont(FONTS[0])))
    return frozenset(font.getBestCmap())


def printable(text: str) -> bool:
    """Whether the strip's font has a glyph for every character; a box would be no name."""
    return all(ord(char) in _glyphs() for char in text)


def _before(grown: Grown, name: str) -> bytes:
    """Draw the strip first, in the page's pristine state; then keep the old content off it."""
    return (
        f"/Artifact BMC q {_numbers(grown.place)} cm {name} Do Q EMC\n"
        f"q {_rectangle(grown.before)} re W n\n"
    ).encode()


def _rectangle(box: Box) -> str:
    left, bottom, right, top = box
    return _numbers((left, bottom, right - left, top - bottom))


def _numbers(numbers: Matrix | Box) -> str:
    return " ".join(f"{number:.5f}" for number in numbers)


def _streams(contents: pikepdf.Object | None) -> list[pikepdf.Object]:
    if isinstance(contents, pikepdf.Array):
        return [part for part in contents if isinstance(part, pikepdf.Stream)]
    return [contents] if isinstance(contents, pikepdf.Stream) else []


def _add_xobject(page: pikepdf.Page, drawn: pikepdf.Object, name: str) -> str:
    """Add to the page's own copy of its resources: other pages may share them."""
    resources = _copy(page.obj.get("/Resources"))
    xobjects = _copy(resources.get("/XObject"))
    while name in xobjects:
        name += "x"
    xobjects[name] = drawn
    resources.XObject = xobjects
    page.obj.Resources = resources
    return name


def _copy(found: pikepdf.Object | None) -> pikepdf.Dictionary:
    entries = found.items() if isinstance(found, pikepdf.Dictionary) else ()
    return pikepdf.Dictionary(dict(entries))
