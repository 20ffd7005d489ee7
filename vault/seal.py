"""A PAdES signature (B-B, ETSI EN 319 142-1) on a finished PDF, with an institution's key."""

from __future__ import annotations

import io
from functools import lru_cache

from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509 import load_der_x509_certificate
from pyhanko.keys.internal import (
    translate_pyca_cryptography_cert_to_asn1,
    translate_pyca_cryptography_key_to_asn1,
)
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from vault.signing import SigningKey, SigningProblem


def seal(content: bytes, key: SigningKey, *, name: str) -> bytes:
    """Return the PDF with an invisible signature added behind it, in a new field ``name``.

    Raises SigningProblem for a PDF whose structure takes no signature.
    """
    metadata = signers.PdfSignatureMetadata(
        field_name=name, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
    )
    signed = io.BytesIO()
    try:
        writer = IncrementalPdfFileWriter(io.BytesIO(content), strict=False)
        signers.sign_pdf(writer, metadata, _signer(key), output=signed)
    except (PdfError, SigningError) as exc:
        raise SigningProblem(
            f"The PDF cannot be signed ({exc}). Export or print it to PDF again and send that."
        ) from exc
    return signed.getvalue()


@lru_cache(maxsize=64)
def _signer(key: SigningKey) -> signers.SimpleSigner:
    certificates = [
        translate_pyca_cryptography_cert_to_asn1(load_der_x509_certificate(der))
        for der in (key.certificate, *key.chain)
    ]
    return signers.SimpleSigner(
        signing_cert=certificates[0],
        signing_key=translate_pyca_cryptography_key_to_asn1(
            load_der_private_key(key.key, password=None)
        ),
        cert_registry=SimpleCertificateStore.from_certs(certificates),  # type: ignore[no-untyped-call]
    )
