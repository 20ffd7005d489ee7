"""Reference ids as bars that laser readers know: Code 128, as SVG, one filled path."""

from __future__ import annotations

from itertools import groupby

from barcode import Code128

#: Modules of white before and after the bars (ISO/IEC 15417, 4.6).
QUIET_ZONE = 10
#: Modules; at least 15 % of the length, so that a reader held a little askew crosses every bar.
HEIGHT = 60


def svg(text: str) -> str:
    """Return ``text`` in Code 128 as an SVG document, one unit a module.

    Raises barcode.errors.IllegalCharacterError for what Code 128 has no bars for: it knows ASCII.
    """
    path = ""
    x = QUIET_ZONE
    for dark, modules in groupby(Code128(text).build()[0], key="1".__eq__):
        length = len(list(modules))
        path += f"M{x} 0h{length}v{HEIGHT}h-{length}z" if dark else ""
        x += length
    width = x + QUIET_ZONE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width * 2}" height="{HEIGHT * 2}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{width}v{HEIGHT}h-{width}z"/><path d="{path}"/></svg>'
    )
