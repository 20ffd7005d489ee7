"""How many verified PDFs a worker makes, how much of that is ours, and whether its memory grows.

Ours is the processing step as in production: rows claimed, files read, stamped in the sandbox's
children, signed in others, written and synced to disk, outcomes committed, on SQLite. The floor is
the library calls alone in as many processes.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.x509.oid import NameOID

from benchmarks.bare_libraries import ISSUER, PUBLIC_URL, Everywhere
from benchmarks.memory import resident_mb
from benchmarks.papers import Papers
from benchmarks.rows import Row
from runtime.database import Database
from runtime.keys import Keys, new_key
from runtime.schema import migrate
from vault.addresses import Addresses
from vault.certificate import Entry, new_reference_id
from vault.files import Files
from vault.kinds import FileKind
from vault.processing import Processing
from vault.sandbox import Sandbox
from vault.sealer import Sealer
from vault.signing import SigningKeys, set_key
from vault.store import certificates, institutions
from vault.store.tables import MIGRATIONS
from vault.store.uploads import StoredFile

#: A round is a backlog: its first and last PDFs, which nothing goes on beside, hardly count.
PDFS = 320
ROUNDS = 5
#: Over so many certificates memory must not grow.
MANY = 5_000
SLICES = 10


class Worker:
    """A worker on a vault of its own, as it runs in production."""

    def __init__(self, folder: Path, p12: bytes | None) -> None:
        folder.mkdir()
        self.database = Database(f"sqlite:///{folder / 'vault.db'}")
        migrate(self.database, MIGRATIONS, backups=None)
        self.files = Files(folder / "files")
        self.sandbox = Sandbox()
        self._sealer = Sealer()
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
            sandbox=self.sandbox,
            sealer=self._sealer,
            signing_keys=SigningKeys(self.database, lambda: keys),
            lease=timedelta(seconds=45),
        )

    def take_in(self, papers: Iterable[bytes]) -> None:
        """Have these uploads due for processing."""
        with self.database.write() as conn:
            now = self.database.now(conn)
            uploaded = [self._uploaded(content, now) for content in papers]
            certificates.add_each(conn, uploaded, now=now)

    def _uploaded(self, content: bytes, now: datetime) -> certificates.Uploaded:
        kept = self.files.keep(content)
        uuid = str(uuid4())
        return certificates.Uploaded(
            institution_id=self.institution,
            uuid=uuid,
            reference_id=new_reference_id(now),
            entry=Entry(
                certificate_title=uuid,
                full_name="Amina O'Brien",
                applicant_email="amina@example.edu",
                issue_date=None,
                details=None,
            ),
            file=StoredFile(
                sha256=kept.sha256, size=kept.size, mime_type=FileKind.PDF.value, kind="upload"
            ),
        )

    def work(self) -> None:
        """Process all that is due."""
        while self._step.run():
            pass

    def close(self) -> None:
        """End the children."""
        self.sandbox.close()
        self._sealer.close()
        self.database.close()


def run() -> Iterator[Row]:
    """A row each for speed without and with a signature, and one for memory."""
    with tempfile.TemporaryDirectory(prefix="vb-") as name:
        folder = Path(name)
        papers = Papers(folder)
        for what, p12 in (("stamped", None), ("stamped and signed", _signing_key())):
            with closing(Worker(folder / what, p12)) as worker:
                yield _speed(what, worker, folder, p12, papers)
                if p12 is not None:
                    yield _growth(worker, papers)


def _speed(what: str, worker: Worker, fonts: Path, p12: bytes | None, papers: Papers) -> Row:
    ours, theirs = [], []
    with closing(Everywhere(fonts, p12, processes=worker.sandbox.count)) as bare:
        for _ in range(ROUNDS + 1):
            batch = papers.take(PDFS)
            began = time.perf_counter()
            bare.work(batch)
            theirs.append(PDFS / (time.perf_counter() - began))
            worker.take_in(batch)
            began = time.perf_counter()
            worker.work()
            ours.append(PDFS / (time.perf_counter() - began))
    pairs = list(zip(ours, theirs, strict=True))[1:]  # the first warms both up
    return Row(
        name=f"PDFs {what}",
        figure=statistics.median(a for a, _ in pairs),
        unit="a second",
        floor=statistics.median(b for _, b in pairs),
        ratio=statistics.median(a / b for a, b in pairs),
        at_least=0.8,
    )


def _growth(worker: Worker, papers: Papers) -> Row:
    """What worker and children take in the end, beside what they took after a fifth of the way."""
    taken = []
    for _ in range(SLICES):
        worker.take_in(papers.take(MANY // SLICES))
        worker.work()
        taken.append(resident_mb(os.getpid()))
    early, late = taken[SLICES // 5 - 1], taken[-1]
    return Row(
        name=f"worker and children after {MANY} PDFs, beside {MANY // 5}",
        figure=late,
        unit="MB",
        floor=early,
        ratio=late / early,
        at_most=1.05,
    )


def _signing_key() -> bytes:
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
