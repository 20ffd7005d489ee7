"""Where pictures are put so that a template can show them: beside its copy, named by content."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from bridge.certificates.page import RenderError
from bridge.certificates.pictures import Picture, kind
from bridge.certificates.process import Printers
from bridge.certificates.unpack import unpacked, write

#: Typst embeds no PDF in one that is archivable or accessible: its page is drawn as SVG before.
_DRAW = b"""\
#set page(width: auto, height: auto, margin: 0pt)
#image("given.pdf", page: json(bytes(sys.inputs.data)))
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
        if ending == "pdf":
            name = f"given/{sha256(picture.content)[:32]}-{picture.page}.svg"
            if not (root / name).exists():
                write(root / name, self._drawn(picture, what))
            return name
        name = f"given/{sha256(picture.content)[:32]}.{ending}"
        write(root / name, picture.content)
        return name

    def _drawn(self, picture: Picture, what: str) -> bytes:
        files = {"template.typ": _DRAW, "given.pdf": picture.content}
        said, svg = self._printers.print(
            {
                "root": str(unpacked(self._cache / "templates", files)),
                "data": json.dumps(picture.page),
                "timestamp": 0,
                "format": "svg",
                "standards": (),
            }
        )
        if said is not None:
            raise _no_picture(what, f"is a PDF that cannot be shown: {said['message']}")
        return svg


@lru_cache(maxsize=64)
def sha256(content: bytes) -> str:
    """Of a picture, in hex; a template's pictures stay the same from page to page."""
    return hashlib.sha256(content).hexdigest()


def _no_picture(what: str, problem: str) -> RenderError:
    return RenderError(
        f"The {what} {problem}.",
        remedy="Use a PNG, JPEG or SVG file, or one page of a PDF.",
        code="picture",
        field=what,
    )
