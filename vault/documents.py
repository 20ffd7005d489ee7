"""What an uploaded file is, by its content: a PDF, JPEG or PNG that we can process, or why not."""

from __future__ import annotations

import io

import pikepdf

from vault import active
from vault.geometry import OddPage, last_page
from vault.images import OddImage, open_image
from vault.kinds import UNBEARABLE, FileKind, FileRefused, kind_of

MOST_PAGES = 200
DAMAGED = "The certificate file is a damaged PDF. Export or print it to PDF again and send that."


def inspect(content: bytes) -> FileKind:
    """Return what a file is; raises FileRefused for one that cannot be processed."""
    if not content:
        raise FileRefused("The certificate file is empty. Send the file's content.")
    kind = kind_of(content)
    if kind is FileKind.PDF:
        with open_pdf(content) as pdf:
            _refuse_what_acts(pdf)
        return kind
    try:
        open_image(content)
    except OddImage as exc:
        raise FileRefused(f"The certificate file {exc}") from exc
    return kind


def open_pdf(content: bytes) -> pikepdf.Pdf:
    """Open a PDF that can be stamped; raises FileRefused. The caller closes it."""
    # Some systems pad files; then the end, where reading begins, is not found.
    trimmed = content.rstrip(b"\x00\t\n\r ")
    try:
        # Repairing would guess at what a damaged certificate said.
        pdf = pikepdf.open(io.BytesIO(trimmed), attempt_recovery=False, suppress_warnings=True)
    except pikepdf.PasswordError as exc:
        raise FileRefused(
            "The certificate file is encrypted. Save it without a password and send it again."
        ) from exc
    except pikepdf.PdfError as exc:
        raise FileRefused(DAMAGED) from exc
    try:
        _check(pdf)
    except FileRefused:
        pdf.close()
        raise
    return pdf


def _check(pdf: pikepdf.Pdf) -> None:
    if pdf.is_encrypted:
        raise FileRefused(
            "The certificate file is encrypted. Save it without protection and send it again."
        )
    try:
        pages = len(pdf.pages)
        if 1 <= pages <= MOST_PAGES:
            last_page(pdf)
    except pikepdf.PdfError as exc:
        raise FileRefused(DAMAGED) from exc
    except OddPage as exc:
        raise FileRefused(f"The certificate file's last page {exc}") from exc
    if not 1 <= pages <= MOST_PAGES:
        raise FileRefused(
            f"The certificate file has {pages} pages. It must have between 1 and {MOST_PAGES}."
        )


def _refuse_what_acts(pdf: pikepdf.Pdf) -> None:
    try:
        acts = active.refusal(pdf)
    except pikepdf.PdfError as exc:
        raise FileRefused(DAMAGED) from exc
    if acts:
        raise FileRefused(f"The certificate file {acts}")
    # Where a limit is set (vault.sandboxed), what lies beyond it was not looked at.
    if any("memory limit exceeded" in str(warning) for warning in pdf.get_warnings()):
        raise FileRefused(UNBEARABLE)


def bears_signature(content: bytes) -> bool:
    """Whether a PDF holds a digital signature (ISO 32000-1, 12.8), valid or not.

    An empty field waiting for a signature is none. Raises FileRefused as `open_pdf`.
    """
    # Whoever signs fills the range in afterwards, so that it is never inside a compressed object.
    if b"/ByteRange" not in content:
        return False
    with open_pdf(content) as pdf:
        return any(
            isinstance(found, pikepdf.Dictionary) and "/ByteRange" in found and "/Contents" in found
            for found in pdf.objects
        )
