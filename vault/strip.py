"""Whether a PDF bears the strip that a vault's stamp adds, whatever was done to it since."""

from __future__ import annotations

import io

import pikepdf

#: How `vault.stamp` names the strip among the last page's drawings.
NAME = "/VaultStrip"


def bears_strip(content: bytes) -> bool:
    """Whether the last page has the strip; False for what is no readable PDF."""
    try:
        with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as pdf:
            drawings = pdf.pages[-1].resources.get("/XObject")
            return isinstance(drawings, pikepdf.Dictionary) and any(
                name.startswith(NAME)
                for name in drawings.keys()  # noqa: SIM118  # no mapping
            )
    except (pikepdf.PdfError, ValueError, LookupError, TypeError, AttributeError, RuntimeError):
        # What a foreign file may hold in the place of a page is without end.
        return False
