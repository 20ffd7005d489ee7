"""The kinds of files that are taken, how large one may be, and the error that says why one is not.

Apart from vault.documents, so that nobody loads the libraries that read files but who reads them.
"""

from __future__ import annotations

import enum

#: 20 MB, as the contract says: exactly this much is taken.
LARGEST_FILE = 20 * 1024 * 1024
#: A PDF's header may stand a little behind the file's beginning (ISO 32000-1, annex H.3.4.1).
HEADER_WITHIN = 1024
UNBEARABLE = (
    "The certificate file takes more time or memory to open than a certificate needs. "
    "Print it to PDF again and send that."
)


class FileKind(enum.Enum):
    """The kinds of files that are taken; the value is the MIME type."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"


class FileRefused(Exception):
    """The file cannot become a certificate; the text says why and what to do."""


def kind_of(content: bytes) -> FileKind:
    """Tell the kind by the content's first bytes; raises FileRefused for any other."""
    if content.startswith(b"\xff\xd8\xff"):
        return FileKind.JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return FileKind.PNG
    if b"%PDF-" in content[:HEADER_WITHIN]:
        return FileKind.PDF
    raise FileRefused("The certificate file field must be a file of type: pdf, jpg, jpeg, png.")
