"""QR codes as SVG: one filled path, no lines between the rows."""

from __future__ import annotations

import re

import segno

#: Modules of white around the code (ISO/IEC 18004, 6.3.8).
QUIET_ZONE = 4
#: A run of dark modules in a row.
DARK = re.compile(rb"\x01+")


def svg(text: str) -> str:
    """Return the QR code of ``text`` as an SVG document, one unit a module."""
    code = segno.make_qr(text, error="m")
    side = code.symbol_size(border=QUIET_ZONE)[0]
    path = "".join(
        _bar(run.start() + QUIET_ZONE, y, run.end() - run.start())
        for y, row in enumerate(code.matrix, QUIET_ZONE)
        for run in DARK.finditer(row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" '
        f'width="{side * 4}" height="{side * 4}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path d="{path}"/></svg>'
    )


def _bar(x: int, y: int, length: int) -> str:
    return f"M{x} {y}h{length}v1h-{length}z"
