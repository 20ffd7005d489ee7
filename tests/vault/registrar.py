"""A registrar who signs a certificate before it comes to the vault."""

from __future__ import annotations

import io

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm

from tests.vault import authority, samples


def registrars(certified: MDPPerm | None = None, content: bytes | None = None) -> bytes:
    """A PDF with the registrar's signature; with ``certified``, one that limits later changes."""
    signer = signers.SimpleSigner.load_pkcs12_data(
        authority.as_pkcs12(authority.institution()),
        other_certs=[],
        passphrase=authority.PASSPHRASE.encode(),
    )
    metadata = signers.PdfSignatureMetadata(
        field_name="Registrar",
        certify=certified is not None,
        docmdp_permissions=certified or MDPPerm.FILL_FORMS,
    )
    signed = io.BytesIO()
    writer = IncrementalPdfFileWriter(io.BytesIO(content or samples.pdf()))
    signers.sign_pdf(writer, metadata, signer, output=signed)
    return signed.getvalue()
