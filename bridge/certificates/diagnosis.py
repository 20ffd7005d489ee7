"""What Typst said of a page it did not print, in our words, with file, line and column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bridge.certificates import fonts
from bridge.certificates.page import RenderError
from bridge.certificates.templates import network_refused

_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
_WHERE = re.compile(r"([^\s/]+\.(?:typ|svg)):(\d+):(\d+)")


class Place(NamedTuple):
    """A place in a file, its line and column counted from one, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def where(said: Mapping[str, Any]) -> Place | None:
    """The place that the printing process answered something against; None if it named none."""
    found = _WHERE.search(said["where"])
    # Typst counts lines from one and columns from nought.
    return Place(found[1], int(found[2]), int(found[3]) + 1) if found else None


def compile_error(name: str, said: Mapping[str, Any]) -> RenderError:
    """Return the error for what the printing process answered about the template ``name``."""
    message: str = said["message"]
    place = str(where(said) or "template.typ")
    for pattern, explain in _KNOWN.items():
        if match := pattern.search(message):
            return explain(name, place, match)
    return RenderError(
        f"The template {name} does not compile ({place}): {message}.",
        remedy=" ".join(said["hints"]) or "Correct the template's file there, then replay.",
    )


def _package(name: str, place: str, _: re.Match[str]) -> RenderError:
    return network_refused(name, place)


def _glyph(name: str, place: str, match: re.Match[str]) -> RenderError:
    lacking = [fonts.missing(char) for char in dict.fromkeys(_unescaped(match[1]))]
    packages = sorted({each for lack in lacking if (each := fonts.package(lack.char))})
    having = f" Of Debian's packages it is in {', '.join(packages)}." if packages else ""
    return RenderError(
        f"The template {name} has the text {fonts.listed(lacking)} that its font {match[2]} "
        f"cannot print ({place}).",
        remedy=f"Choose a font that has it, or take the text out.{having}",
        code="no_glyph",
        field="template",
    )


def _unescaped(shown: str) -> str:
    """A text as it is, of one as Typst shows it: in quotes, what is odd by its code point."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), shown[1:-1])


def _refusal(name: str, _: str, match: re.Match[str]) -> RenderError:
    return RenderError(
        f"The template {name} refuses: {match[1].strip(chr(34))}.",
        remedy="Shorten the text, or choose another template.",
        code="does_not_fit",
    )


def _broken_picture(name: str, place: str, match: re.Match[str]) -> RenderError:
    return RenderError(
        f"The template {name} cannot show a picture ({place}): {match[0]}.",
        remedy="Save it anew as PNG, JPEG or SVG, with all that it shows inside the file.",
        code="picture",
    )


#: Typst 0.15's messages, as observed; the first that matches explains.
_KNOWN: Mapping[re.Pattern[str], Callable[[str, str, re.Match[str]], RenderError]] = {
    re.compile(r"failed to download package|package not found"): _package,
    re.compile(r"the text `(.+)` could not be displayed with font `\"?(.+?)\"?`"): _glyph,
    re.compile(r"panicked with: (.*)", re.DOTALL): _refusal,
    re.compile(
        r"(?:failed to decode|failed to parse SVG|failed to load linked image).*", re.DOTALL
    ): _broken_picture,
}
