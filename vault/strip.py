"""Which reference ids the strips on a PDF name, whatever was done to the file since.

`vault.stamp` names each strip among the last page's drawings by its reference id, which stays when
a program saves the file again. It proves nothing: it says which page tells the truth.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import islice

import pikepdf

#: What a strip's name begins with; the reference id follows.
NAME = "/VaultStrip-"
#: Of a file that was stamped again and again, so many are told.
MOST_TOLD = 10


def named_on(content: bytes) -> Sequence[str]:
    """The reference ids on the last page, as they stand there; none for what is no readable PDF."""
    try:
        with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as pdf:
            drawings = pdf.pages[-1].resources.get("/XObject")
            if not isinstance(drawings, pikepdf.Dictionary):
                return ()
            names = (str(name) for name in drawings.keys())  # noqa: SIM118  # no mapping
            ids = (name.removeprefix(NAME) for name in names if name.startswith(NAME))
            return tuple(islice(ids, MOST_TOLD))
    except (pikepdf.PdfError, ValueError, LookupError, TypeError, AttributeError, RuntimeError):
        # What a foreign file may hold in the place of a page is without end.
        return ()
