"""What a strict reader says of a PDF's signatures: pyHanko, trusting the tests' root alone."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

from pyhanko.keys.internal import translate_pyca_cryptography_cert_to_asn1
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import PdfSignatureStatus, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from tests.vault import authority

#: What pyHanko's command line says of one that is whole, trusted, and that nothing came after.
TRUSTED = "INTACT:TRUSTED,UNTOUCHED"


def statuses(content: bytes) -> list[PdfSignatureStatus]:
    """Each signature's status, the oldest first; what came after it is examined too."""
    root = translate_pyca_cryptography_cert_to_asn1(authority.root().certificate)
    return [
        validate_pdf_signature(found, ValidationContext(trust_roots=[root]))
        for found in PdfFileReader(io.BytesIO(content)).embedded_signatures
    ]


def verdicts(content: bytes) -> list[bool]:
    """Whether each signature is whole, valid, trusted, and only permitted changes came after."""
    return [bool(status.bottom_line) for status in statuses(content)]


def by_command(file: Path, *, trust: Path) -> list[str]:
    """The same by ``pyhanko sign validate``: what it says of each signature's worth.

    ``trust`` is the root's certificate. The line is "<field>:<certificate>:<worth>".
    """
    program = Path(sys.executable).with_name("pyhanko")
    done = subprocess.run(  # noqa: S603  # our own tool and files
        [program, "sign", "validate", "--trust-replace", "--trust", trust, file],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.split(":", 2)[2] for line in done.stdout.splitlines()]
    assert (done.returncode == 0) == all(worth == TRUSTED for worth in found), done.stderr
    return found
