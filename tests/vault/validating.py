"""What a strict reader says of a PDF's signatures: pyHanko, trusting the tests' root alone."""

from __future__ import annotations

import io

from pyhanko.keys.internal import translate_pyca_cryptography_cert_to_asn1
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import PdfSignatureStatus, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from tests.vault import authority


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
