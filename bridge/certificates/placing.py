"""Where pictures are put so that a template can show them: beside its copy, named by content."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from bridge.certificates.diagnosis import where
from bridge.certificates.page import RenderError
from bridge.certificates.pictures import Picture, kind
from bridge.certificates.process import Printers
from bridge.certificates.unpack import unpacked, write

#: Each picture is drawn alone before: what is said against it is said of no other. And Typst embeds
#: no PDF in one that is archivable or accessible: its page is shown as the SVG that comes of it.
_DRAW = b"""\
#set page(width: auto, height: auto, margin: 0pt)
#let (file, page) = json(bytes(sys.inputs.data))
#image(file, page: page)
"""


class Placing:
    """Puts pictures into folders below ``cache``; ``printers`` draw the pages of PDFs."""

    def __init__(self, *, cache: Path, printers: Printers) -> None:
        self._cache = cache
        self._printers = printers

    def put(self, picture: Picture, what: str, root: Path) -> str:
        """Put a picture below ``root``; return its name there. Raises RenderError."""
        ending = kind(picture.content)
        if ending is None:
            raise _no_picture(what, "is no picture of a kind that can be printed")
        shown = f"-{picture.page}.svg" if ending == "pdf" else f".{ending}"
        name = f"given/{sha256(picture.content)[:32]}{shown}"
        if not (root / name).exists():
            drawn = self._drawn(picture, f"given.{ending}", what)
            write(root / name, drawn if ending == "pdf" else picture.content)
        return name

    def _drawn(self, picture: Picture, file: str, what: str) -> bytes:
        files = {"template.typ": _DRAW, file: picture.content}
        said, svg = self._printers.print(
            {
                "root": str(unpacked(self._cache / "templates", files)),
                "data": json.dumps([file, picture.page]),
                "timestamp": 0,
                "format": "svg",
                "standards": (),
            }
        )
        if said is not None:
            place = where(said)
            inside = place is not None and place.file == file
            at = f" (line {place.line}, column {place.column})" if place and inside else ""
            raise _no_picture(what, f"cannot be shown{at}: {said['message']}")
        return svg


@lru_cache(maxsize=64)
def sha256(content: bytes) -> str:
    """Of a picture, in hex; a template's pictures stay the same from page to page."""
    return hashlib.sha256(content).hexdigest()


def _no_picture(what: str, problem: str) -> RenderError:
    return RenderError(
        f"The {what} {problem}.",
        remedy="Use a PNG, JPEG or SVG file with all that it shows inside, or one page of a PDF.",
        code="picture",
        field=what,
    )
