"""How many verified PDFs a worker makes, and how much is ours: python -m benchmarks.processing.

Prints verified PDFs a second through the processing step (rows claimed, files read, stamped,
signed, written and synced to disk, outcomes committed, on SQLite) beside the library calls alone
for the same PDFs (QR code, Typst, pikepdf, pyHanko; nothing stored), in alternating rounds, and the
ratio of the two; then what the worker's memory has grown by over many certificates.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pikepdf
import pymupdf_fonts
import segno
import sqlalchemy as sa
import structlog
import typst
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter

from runtime.database import Database
from runtime.keys import Keys, new_key
from runtime.schema import migrate
from vault.addresses import Addresses
from vault.certificate import Entry, new_reference_id
from vault.files import Files
from vault.processing import Processing
from vault.sandbox import Sandbox
from vault.signing import SigningKeys, set_key
from vault.stamp import FONTS, TEMPLATE
from vault.store import certificates, institutions
from vault.store.tables import MIGRATIONS
from vault.store.uploads import StoredFile

ISSUER = "ABC University"
PUBLIC_URL = "https://vault.example.edu"
#: What opens the files, in children of this process, as in a worker.
SANDBOX = Sandbox()
KIND = "application/pdf"
#: A page as institutions send it: text in an embedded font, a drawn frame.
PAGE = b"""
#set page(paper: "a4", flipped: true, margin: 2cm)
#set text(font: "FiraGO", size: 20pt)
#rect(width: 100%, height: 100%, stroke: 2pt)[#align(center + horizon)[
  Certificate of Completion \\ #text(34pt, sys.inputs.name) \\ #text(12pt)[#lorem(40)]]]
"""


class Worker:
    """A worker on a vault of its own, as it runs in production."""

    def __init__(self, folder: Path, p12: bytes | None) -> None:
        folder.mkdir()
        self.database = Database(f"sqlite:///{folder / 'vault.db'}")
        migrate(self.database, MIGRATIONS, backups=None)
        self.files = Files(folder / "files")
        keys = Keys([new_key()])
        with self.database.write() as conn:
            now = self.database.now(conn)
            self.institution = institutions.add(conn, {"name": ISSUER}, now=now)
            if p12 is not None:
                set_key(
                    conn,
                    keys,
                    institution_id=self.institution,
                    pkcs12=p12,
                    passphrase=None,
                    now=now,
                )
        self._step = Processing(
            database=self.database,
            files=self.files,
            addresses=Addresses(PUBLIC_URL),
            sandbox=SANDBOX,
            signing_keys=SigningKeys(self.database, lambda: keys),
            lease=timedelta(seconds=45),
        )

    def take_in(self, uploads: Iterable[bytes]) -> None:
        """Have these uploads due for processing."""
        with self.database.write() as conn:
            now = self.database.now(conn)
            for content in uploads:
                self._add(conn, content, now)

    def _add(self, conn: sa.Connection, content: bytes, now: datetime) -> None:
        staged = self.files.stage(content)
        self.files.keep(staged)
        uuid = str(uuid4())
        certificates.add(
            conn,
            institution_id=self.institution,
            entry=Entry(
                certificate_title=uuid,
                full_name="Amina O'Brien",
                applicant_email="amina@example.edu",
                issue_date=None,
                details=None,
            ),
            uuid=uuid,
            reference_id=new_reference_id(now),
            uploaded=StoredFile(
                sha256=staged.sha256, size=staged.size, mime_type=KIND, kind="upload"
            ),
            now=now,
        )

    def work(self) -> None:
        """Process all that is due."""
        while self._step.run():
            pass


class Bare:
    """The libraries alone: the same QR code, strip, stamp and signature, nothing stored."""

    def __init__(self, folder: Path, p12: bytes | None) -> None:
        self._compiler = typst.Compiler(
            str(TEMPLATE), font_paths=[str(folder)], ignore_system_fonts=True
        )
        self._signer = p12 and signers.SimpleSigner.load_pkcs12_data(p12, other_certs=[])

    def work(self, uploads: Iterable[bytes]) -> None:
        """Make a verified PDF of each."""
        for content in uploads:
            pdf = self._stamped(content, new_reference_id(datetime.now(UTC)))
            if self._signer:
                self._signed(pdf)

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

    def _signed(self, pdf: bytes) -> None:
        metadata = signers.PdfSignatureMetadata(
            field_name="Vault", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
        )
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        signers.sign_pdf(writer, metadata, self._signer, output=io.BytesIO())


class Uploads:
    """Certificates to upload, no two alike."""

    def __init__(self, fonts: Path) -> None:
        template = fonts / "page.typ"
        template.write_bytes(PAGE)
        self._compiler = typst.Compiler(str(template), font_paths=[str(fonts)])
        self._made = 0

    def take(self, count: int) -> list[bytes]:
        """The next ones."""
        self._made += count
        return [
            self._compiler.compile(format="pdf", sys_inputs={"name": f"Learner {number}"})
            for number in range(self._made - count, self._made)
        ]


def signing_key() -> bytes:
    """A P-256 key with a certificate by itself, as PKCS#12."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return pkcs12.serialize_key_and_certificates(b"", key, certificate, None, NoEncryption())


def speed(
    worker: Worker, bare: Bare, uploads: Uploads, *, count: int, rounds: int
) -> tuple[float, float]:
    """PDFs a second, (worker, libraries): the best of some rounds, as the machine is shared."""
    ours, theirs = [], []
    for _ in range(rounds):
        batch = uploads.take(count)
        began = time.perf_counter()
        bare.work(batch)
        theirs.append(time.perf_counter() - began)
        worker.take_in(batch)
        began = time.perf_counter()
        worker.work()
        ours.append(time.perf_counter() - began)
    return count / min(ours), count / min(theirs)


def growth(worker: Worker, uploads: Uploads, *, count: int) -> tuple[float, float]:
    """The worker's peak of memory, in MB, after a fifth of so many certificates and after all."""
    slices = 10
    peaks = []
    for _ in range(slices):
        worker.take_in(uploads.take(count // slices))
        worker.work()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return peaks[1], peaks[-1]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line each for speed without and with a signature, and one for memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pdfs", type=int, default=100, help="in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=5000, help="certificates; 0 leaves it out")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for font in FONTS:
            (folder / f"{font}.ttf").write_bytes(pymupdf_fonts.myfont(font))
        uploads = Uploads(folder)
        for what, p12 in (("stamped", None), ("stamped and signed", signing_key())):
            worker = Worker(folder / what, p12)
            ours, theirs = speed(
                worker, Bare(folder, p12), uploads, count=options.pdfs, rounds=options.rounds
            )
            sys.stdout.write(
                f"{what}: {ours:.0f} PDFs a second, the libraries alone {theirs:.0f}, "
                f"ratio {ours / theirs:.2f}\n"
            )
            sys.stdout.flush()
        if options.memory:
            early, late = growth(worker, uploads, count=options.memory)
            sys.stdout.write(
                f"memory: {late:.0f} MB after {options.memory} certificates, {early:.0f} MB "
                f"after a fifth of them, ratio {late / early:.2f}\n"
            )


if __name__ == "__main__":
    main()
