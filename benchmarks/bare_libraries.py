"""The floor of a verified PDF: QR code, strip, stamp and signature by library calls alone.

Nothing is stored, checked or guarded.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pikepdf
import segno
import typst
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter

from vault.certificate import new_reference_id
from vault.stamp import TEMPLATE

#: What the strip says.
ISSUER = "ABC University"
PUBLIC_URL = "https://vault.example.edu"

_here: list[Libraries] = []


class Libraries:
    """The libraries in this process."""

    def __init__(self, fonts: Path, p12: bytes | None) -> None:
        self._compiler = typst.Compiler(
            str(TEMPLATE), font_paths=[str(fonts)], ignore_system_fonts=True
        )
        self._signer = p12 and signers.SimpleSigner.load_pkcs12_data(p12, other_certs=[])

    def verified(self, content: bytes) -> bytes:
        """Make a verified PDF."""
        pdf = self._stamped(content, new_reference_id(datetime.now(UTC)))
        return self._signed(pdf) if self._signer else pdf

    def _stamped(self, content: bytes, reference_id: str) -> bytes:
        url = f"{PUBLIC_URL}/verify/{reference_id}"
        code = segno.make_qr(url, error="m").svg_inline()
        data = {"reference_id": reference_id, "issuer": ISSUER, "url": url, "qr": code}
        sized = json.dumps({**data, "width": 842})
        strip = self._compiler.compile(
            format="pdf", sys_inputs={"data": sized}, timestamp=0, pdf_tags=False
        )
        saved = io.BytesIO()
        with pikepdf.open(io.BytesIO(content)) as pdf, pikepdf.open(io.BytesIO(strip)) as drawn:
            page = pdf.pages[-1]
            page.MediaBox = pikepdf.Array([0, -float(drawn.pages[0].mediabox[3]), 842, 595])
            page.add_resource(
                pdf.copy_foreign(drawn.pages[0].as_form_xobject()), pikepdf.Name.XObject
            )
            page.contents_add(b"q 1 0 0 1 0 0 cm Q", prepend=True)
            pdf.save(saved, deterministic_id=True)
        return saved.getvalue()

    def _signed(self, pdf: bytes) -> bytes:
        metadata = signers.PdfSignatureMetadata(
            field_name="Vault", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
        )
        signed = io.BytesIO()
        signers.sign_pdf(
            IncrementalPdfFileWriter(io.BytesIO(pdf)), metadata, self._signer, output=signed
        )
        return signed.getvalue()


class Everywhere:
    """The libraries in so many processes, as a worker opens so many files at once."""

    def __init__(self, fonts: Path, p12: bytes | None, *, processes: int) -> None:
        self._processes = processes
        self._pool = get_context("spawn").Pool(processes, _begin, (fonts, p12))

    def work(self, papers: Iterable[bytes]) -> None:
        """Make a verified PDF of each."""
        for _ in self._pool.imap_unordered(_size, papers, chunksize=4):
            pass

    def close(self) -> None:
        """End the processes."""
        self._pool.terminate()


def _begin(fonts: Path, p12: bytes | None) -> None:
    _here.append(Libraries(fonts, p12))


def _size(content: bytes) -> int:
    # The PDF itself would have to travel.
    return len(_here[0].verified(content))
