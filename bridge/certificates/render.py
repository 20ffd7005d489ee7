"""A page in, a PDF out: glyphs checked first, printed by a child that is ended when too slow.

RenderError          the page cannot be printed as it is: hold it, with its problem and remedy
 ├─ Unprintable      characters that no font has
 └─ TooSlow          the template did not end within the limit
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from bridge.certificates import data, fonts, templates
from bridge.certificates.diagnosis import compile_error
from bridge.certificates.fonts import FontBook, Missing
from bridge.certificates.page import Page, RenderError, TooSlow
from bridge.certificates.placing import Placing, sha256
from bridge.certificates.process import Printers
from bridge.certificates.report import SOURCE, Report
from bridge.certificates.texts import language
from bridge.certificates.unpack import unpacked

__all__ = ["Missing", "Page", "RenderError", "Renderer", "TooSlow", "Unprintable"]

#: Archivable, and tagged for screen readers. "Made as": nothing here validates what came out.
STANDARDS = ("a-2b", "ua-1")

#: Warm children side by side: each has a core to itself, and more would only hold memory.
PRINTERS = max(1, min(2, os.cpu_count() or 1))


class Unprintable(RenderError):
    """Some characters of the page are in no font; printing would show boxes."""

    def __init__(self, missing: tuple[Missing, ...]) -> None:
        super().__init__(
            f"No font here can print: {fonts.listed(missing)}.",
            remedy=" ".join(dict.fromkeys(m.remedy for m in missing)),
            code="no_glyph",
            field=missing[0].where,
        )
        self.missing = missing


class Renderer:
    """Prints pages in warm child processes, each started with the first page that finds none free.

    ``font_cache`` is a folder of ours that fonts, copies of templates, and logos are unpacked to;
    several processes may share it. ``folders`` hold templates, the first that has a name wins;
    a template is read once, and again where another folder is put in its place. Safe from several
    threads; ``printers`` of them print side by side.
    """

    def __init__(
        self,
        *,
        font_cache: Path,
        timeout: timedelta = timedelta(seconds=5),
        folders: tuple[Path, ...] = (templates.SHIPPED,),
        printers: int = PRINTERS,
    ) -> None:
        self._cache = font_cache.absolute()
        self._folders = folders
        #: Each with the stamp of the folder it was read from.
        self._templates: dict[str, tuple[object, templates.Template]] = {}
        self._printers = Printers(
            fonts=lambda: fonts.unpack(self._cache), limit=timeout, count=printers
        )
        self._placing = Placing(cache=self._cache, printers=self._printers)
        self._books: tuple[Any, dict[str, FontBook]] = (None, {})

    def render(self, page: Page, *, form: str = "pdf") -> bytes:
        """Print a page; the same page, template and fonts give the same bytes.

        ``form`` may also be "png", for a picture to look at.

        Raises RenderError: no such template, language, paper or parameter, a picture of an
        unknown kind, a text that does not fit; Unprintable and TooSlow, which are such errors.
        """
        data.refuse_empty(page)
        template, texts = self.template(page.template), self._texts(page)
        if lacking := self._lacking(template, texts):
            raise Unprintable(lacking)
        root = template.unpack(self._cache)
        midnight = datetime.combine(page.issue_date, time(), UTC)
        request = {
            "root": str(root),
            "data": json.dumps(self._data(page, root, texts)),
            "timestamp": int(midnight.timestamp()),
            "format": form,
            "standards": STANDARDS,
        }
        said, made = self._printers.print(request)
        if said is not None:
            raise compile_error(template.name, said)
        return made

    def report(self, report: Report, *, at: datetime) -> bytes:
        """Print a report, as a PDF that says it was made ``at`` that moment.

        Raises RenderError where the printing process cannot.
        """
        book = self._shipped_fonts()
        texts = tuple(report.texts())
        lacking = {each.char: each.code_point for text in texts for each in book.missing(text)}
        table = str.maketrans({char: f"[{point}]" for char, point in lacking.items()})
        told = report.data(
            # The digits and brackets of code points are in our own font.
            fonts=book.families(*(text.translate(table) for text in texts)),
            printable=lambda text: text.translate(table),
        )
        root = unpacked(self._cache / "templates", {"template.typ": SOURCE.read_bytes()})
        request = {
            "root": str(root),
            "data": json.dumps(told),
            "timestamp": int(at.timestamp()),
            "format": "pdf",
            "standards": STANDARDS,
        }
        said, made = self._printers.print(request)
        if said is not None:
            raise compile_error("report", said)
        return made

    def made_of(self, page: Page) -> dict[str, Any]:
        """What a page is printed with, so that somebody can tell in years.

        By SHA-256: its template, each picture it shows, and each file of the fonts it needs; then
        what its issuer is called, who signs, and the version of Typst. Raises RenderError.
        """
        template = self.template(page.template)
        pictures = data.shown(page, template)
        return {
            "template": template.digest,
            "pictures": {name: sha256(each.content) for name, each in pictures.items()},
            "issuer": page.issuer(),
            "signatories": data.signing(page, template),
            "fonts": self._fonts(template).files(self._families(page, self._texts(page))),
            "typst": self._printers.typst(),
        }

    def valid_until(self, page: Page) -> date | None:
        """The last day that a page says the certificate is valid; None for ever.

        Raises RenderError.
        """
        return data.valid_until(page, self.template(page.template))

    def missing(self, page: Page) -> tuple[Missing, ...]:
        """Every character of the page that no font has, with the text it stands in.

        Raises RenderError for an unknown template, language or parameter.
        """
        return self._lacking(self.template(page.template), self._texts(page))

    def data(self, page: Page) -> dict[str, Any]:
        """What the page's template is told; its pictures are put beside the template's copy.

        Raises RenderError.
        """
        root = self.template(page.template).unpack(self._cache)
        return self._data(page, root, self._texts(page))

    def template(self, name: str) -> templates.Template:
        """Return a template, read once from each folder put in its place. Raises RenderError."""
        stamp = templates.stamp(name, self._folders)
        known = self._templates.get(name)
        if known is not None and stamp in (known[0], None):
            return known[1]
        read = templates.load(name, self._folders)
        self._templates[name] = stamp, read
        return read

    @property
    def process_id(self) -> int | None:
        """The id of the first printing process; None while there is none."""
        return self._printers.process_id

    def close(self) -> None:
        """End the child processes. The renderer may be used again: it starts others."""
        self._printers.close()

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
        return data.texts(page, self.template(page.template), language(page.language))

    def _lacking(
        self, template: templates.Template, texts: Mapping[str, str]
    ) -> tuple[Missing, ...]:
        book = self._fonts(template)
        return tuple(
            replace(each, where=where)
            for where, text in texts.items()
            for each in book.missing(text)
        )

    def _data(self, page: Page, root: Path, texts: Mapping[str, str]) -> dict[str, Any]:
        """``root`` is where the template is unpacked, ``texts`` what the page says."""
        return data.data(
            page,
            self.template(page.template),
            language(page.language),
            fonts=self._families(page, texts),
            put=lambda picture, what: self._placing.put(picture, what, root),
        )

    def _families(self, page: Page, texts: Mapping[str, str]) -> tuple[str, ...]:
        spoken = language(page.language).locale.language
        return self._fonts(self.template(page.template)).families(*texts.values(), language=spoken)

    def _fonts(self, template: templates.Template) -> FontBook:
        if not template.brings_fonts:
            return self._shipped_fonts()
        faces, books = self._known_books()
        if template.digest not in books:
            own = self._printers.faces_in(str(template.unpack(self._cache)))
            books[template.digest] = FontBook(faces, own=own)
        return books[template.digest]

    def _shipped_fonts(self) -> FontBook:
        """Those that every template has."""
        faces, books = self._known_books()
        if "" not in books:
            books[""] = FontBook(faces)
        return books[""]

    def _known_books(self) -> tuple[Any, dict[str, FontBook]]:
        faces = self._printers.faces()
        if self._books[0] is not faces:  # a child started anew may have other fonts
            self._books = (faces, {})
        return self._books
