"""What a template is told of a page: plain data, and the names of pictures beside it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bridge.certificates.page import Page, RenderError, direction
from bridge.certificates.templates import Template
from bridge.certificates.texts import Language
from bridge.certificates.unpack import write

_PICTURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
_SVG = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!--|<!DOCTYPE svg|<svg)")


def texts(page: Page, template: Template, spoken: Language) -> dict[str, str]:
    """Every text that is printed, by what an admin calls it. Raises RenderError."""
    given = template.values(page.parameters)
    parameters = {f"parameter {n}": v for n, v in given.items() if isinstance(v, str)}
    fixed = f"{spoken.fixed_texts()}\n{spoken.spelled(page.issue_date)}"
    return page.texts() | parameters | {"certificate's fixed texts": fixed}


def data(
    page: Page, template: Template, spoken: Language, *, fonts: Sequence[str], root: Path
) -> dict[str, Any]:
    """Return what the template reads from ``sys.inputs.data``; put pictures below ``root``.

    ``fonts`` are the families the page needs, preferred first. Raises RenderError.
    """
    return spoken.data() | {
        "paper": template.paper(page.paper),
        "fonts": fonts,
        "full_name": _text(page.full_name, spoken),
        "title": _text(page.title, spoken),
        "details": _text(page.details, spoken),
        "institution": _text(page.institution_name, spoken),
        "signatory": _text(page.signatory_name, spoken),
        "role": _text(page.signatory_role, spoken),
        "date": spoken.spelled(page.issue_date),
        "logo": _picture(page.logo, "logo", root),
        "signature": _picture(page.signature, "signature", root),
        "parameters": template.values(page.parameters),
    }


def refuse_empty(page: Page) -> None:
    """Raise RenderError where a text is empty that every certificate has."""
    given = page.texts()
    for name in ("full name", "certificate title", "institution name"):
        if not given.get(name, "").strip():
            raise RenderError(
                f"The {name} is empty.",
                remedy="Say in the mapping or the issuer where it comes from, then replay.",
                code="missing",
                field=name,
            )


def _text(text: str | None, spoken: Language) -> dict[str, str] | None:
    if not text:
        return None
    return {"text": text, "direction": direction(text, otherwise=spoken.locale.text_direction)}


def _picture(content: bytes | None, what: str, root: Path) -> str | None:
    """Put a picture where the template can read it and return its name there."""
    if not content:
        return None
    name = f"given/{hashlib.sha256(content).hexdigest()[:32]}.{_kind(content, what)}"
    write(root / name, content)
    return name


def _kind(content: bytes, what: str) -> str:
    for magic, kind in _PICTURES.items():
        if content.startswith(magic):
            return kind
    if _SVG.match(content):
        return "svg"
    raise RenderError(
        f"The {what} is no picture of a kind that can be printed.",
        remedy="Use a PNG, JPEG or SVG file.",
        code="picture",
        field=what,
    )
