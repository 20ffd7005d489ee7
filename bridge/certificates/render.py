"""A page in, a PDF out: glyphs checked first, printed by a child that is ended when too slow.

RenderError          the page cannot be printed as it is: hold it, with its problem and remedy
 ├─ Unprintable      characters that no font has
 └─ TooSlow          the template did not end within the limit
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from bridge.certificates import fonts, templates
from bridge.certificates.fonts import FontBook, Missing
from bridge.certificates.page import Page, RenderError, TooSlow, direction
from bridge.certificates.process import Child
from bridge.certificates.texts import Language, language
from bridge.certificates.unpack import write

__all__ = ["Missing", "Page", "RenderError", "Renderer", "TooSlow", "Unprintable"]

#: Archivable, and tagged for screen readers. "Made as": nothing here validates what came out.
STANDARDS = ("a-2b", "ua-1")

_PICTURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
_SVG = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!--|<!DOCTYPE svg|<svg)")
_WHERE = re.compile(r"([^\s/]+\.typ:\d+:\d+)")


class Unprintable(RenderError):
    """Some characters of the page are in no font; printing would show boxes."""

    def __init__(self, missing: tuple[Missing, ...]) -> None:
        super().__init__(
            "No font here can print: " + ", ".join(_told(m) for m in missing) + ".",
            remedy=" ".join(dict.fromkeys(m.remedy for m in missing)),
        )
        self.missing = missing


class Renderer:
    """Prints pages in one warm child process, started with the first page.

    ``font_cache`` is a folder of ours that fonts, copies of templates, and logos are unpacked to;
    several processes may share it. ``folders`` hold templates, the first that has a name wins;
    a template is read once. Safe from several threads, which wait for each other.
    """

    def __init__(
        self,
        *,
        font_cache: Path,
        timeout: timedelta = timedelta(seconds=5),
        folders: tuple[Path, ...] = (templates.SHIPPED,),
    ) -> None:
        self._cache = font_cache.absolute()
        self._folders = folders
        self._templates: dict[str, templates.Template] = {}
        self._timeout = timeout
        self._child: Child | None = None
        self._book: tuple[Any, FontBook] = (None, FontBook(()))

    def render(self, page: Page) -> bytes:
        """Print a page; the same page, template and fonts give the same bytes.

        Raises RenderError: no such template, language, paper or parameter, a picture of an
        unknown kind, a text that does not fit; Unprintable and TooSlow, which are such errors.
        """
        _refuse_empty(page)
        template = self.template(page.template)
        spoken = language(page.language)
        lacking = self.missing(page)
        if lacking:
            raise Unprintable(lacking)
        root = template.unpack(self._cache)
        data = self._data(page, template, spoken, root)
        midnight = datetime.combine(page.issue_date, time(), UTC)
        answer = self._printer().print(
            {
                "root": str(root),
                "data": json.dumps(data),
                "timestamp": int(midnight.timestamp()),
                "standards": STANDARDS,
            }
        )
        if answer[:1] == b"E":
            raise _compile_error(template.name, json.loads(answer[1:]))
        return answer[1:]

    def missing(self, page: Page) -> tuple[Missing, ...]:
        """Every character of the page that no font has, with the text it stands in.

        Raises RenderError for an unknown template, language or parameter.
        """
        book = self._fonts()
        return tuple(
            replace(each, where=where)
            for where, text in self._texts(page).items()
            for each in book.missing(text)
        )

    def template(self, name: str) -> templates.Template:
        """Return a template, read once. Raises RenderError."""
        if name not in self._templates:
            self._templates[name] = templates.load(name, self._folders)
        return self._templates[name]

    def close(self) -> None:
        """End the child process. The renderer may be used again: it starts another."""
        if self._child is not None:
            self._child.close()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _texts(self, page: Page) -> dict[str, str]:
        spoken = language(page.language)
        given = self.template(page.template).values(page.parameters)
        parameters = {f"parameter {n}": v for n, v in given.items() if isinstance(v, str)}
        own = {"certificate's fixed texts": spoken.fixed_texts() + spoken.spelled(page.issue_date)}
        return page.texts() | parameters | own

    def _data(
        self, page: Page, template: templates.Template, spoken: Language, root: Path
    ) -> dict[str, Any]:
        every = "\n".join(self._texts(page).values())
        return spoken.data() | {
            "paper": template.paper(page.paper),
            "fonts": self._fonts().families(every, language=spoken.locale.language),
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

    def _printer(self) -> Child:
        if self._child is None:
            self._child = Child(fonts=fonts.unpack(self._cache), limit=self._timeout)
        return self._child

    def _fonts(self) -> FontBook:
        faces = self._printer().faces()
        if self._book[0] is not faces:  # a child started anew may have other fonts
            self._book = (faces, FontBook(faces))
        return self._book[1]


def _refuse_empty(page: Page) -> None:
    given = page.texts()
    for name in ("full name", "certificate title", "institution name"):
        if not given.get(name, "").strip():
            raise RenderError(
                f"The {name} is empty.",
                remedy="Say in the mapping or the issuer where it comes from, then replay.",
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
    )


def _told(missing: Missing) -> str:
    return f"{missing.char!r} ({missing.code_point}, {missing.script}) in the {missing.where}"


def _compile_error(name: str, said: dict[str, Any]) -> RenderError:
    """Say in our words what Typst said, with line and column."""
    message: str = said["message"]
    where = _WHERE.search(said["where"])
    place = where.group(1) if where else "template.typ"
    if "failed to download package" in message:
        return templates.network_refused(name, place)
    if "panicked with: " in message:
        problem = message.partition("panicked with: ")[2].strip('"')
        return RenderError(f"The template {name} refuses: {problem}.", remedy="Shorten it.")
    if "failed to decode" in message or "failed to parse SVG" in message:
        return RenderError(
            f"The template {name} cannot show a picture ({place}): {message}.",
            remedy="Save the logo or signature anew as PNG, JPEG or SVG.",
        )
    return RenderError(
        f"The template {name} does not compile ({place}): {message}.",
        remedy=" ".join(said["hints"]) or "Correct the template's file there, then replay.",
    )
