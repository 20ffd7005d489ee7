"""Pictures that a page shows: what kind a file is, and what is said of one that is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_MAGIC = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"%PDF-": "pdf"}
_SVG = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!--|<!DOCTYPE svg|<svg)")
_PAGE = re.compile(r"(.+?)(?:#([1-9][0-9]{0,3}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture's bytes and, of a PDF, its page."""

    content: bytes = field(repr=False)
    page: int = 1


def kind(content: bytes) -> str | None:
    """What a file is, as the end of its name: png, jpg, svg or pdf; None where it is none."""
    for magic, ending in _MAGIC.items():
        if content.startswith(magic):
            return ending
    return "svg" if _SVG.match(content) else None


def named(name: str, files: Mapping[str, bytes]) -> Picture | None:
    """The picture ``file`` or ``file.pdf#page`` of a template's folder; None for the name ""."""
    file, page = _parts(name)
    return Picture(content=files[file], page=page) if file else None


def advice(name: object, files: Mapping[str, bytes]) -> str | None:
    """What to give instead of this name of a picture; None where it is one."""
    if not isinstance(name, str):
        return "Give the name of a file in the template's folder."
    file, page = _parts(name)
    if file not in files:
        there = ", ".join(each for each in files if kind(files[each])) or "no picture yet"
        return f"Give the name of a picture in the template's folder. It has: {there}."
    found = kind(files[file])
    if found is None:
        return f"Save {file} anew as PNG, JPEG, SVG or PDF."
    if page > 1 and found != "pdf":
        return f"Only a PDF has pages: write {file}."
    return None


def _parts(name: str) -> tuple[str, int]:
    found = _PAGE.fullmatch(name)
    return (found[1], int(found[2] or 1)) if found else ("", 1)
