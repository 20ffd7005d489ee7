"""The process that runs Typst, one page a request: ended from outside where a template never ends.

Started by bridge.certificates.process with the folder of our fonts. It greets with the fonts and
the Typst it has; then it answers each request with a PDF (or PNG, or SVG), or with what Typst said
against it. It tells of the fonts in a template's folder, too, where it is asked.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import typst

from runtime.child_process import Head, Message, arguments, serve

#: Bytes of address space; a template that eats memory ends itself, not the machine.
MEMORY = 2 << 30


def faces(fonts: typst.Fonts) -> list[dict[str, Any]]:
    """Every font face that a page may be printed with, as Typst sees it."""
    return [
        {
            "family": face.family,
            "style": face.style,
            "weight": face.weight,
            "stretch": face.stretch,
            "path": face.path,
            "index": face.index,
        }
        for face in fonts.fonts()
        if face.path is not None
    ]


class SeveralPages(Exception):
    """A picture shows one page, and the template makes more."""

    def __init__(self, count: int) -> None:
        super().__init__(f"it makes {count} pages, and a certificate has one")


class Printer:
    """Compiles pages; keeps one compiler a template, which is what makes the next page cheap.

    ``folder`` is that of our fonts.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.fonts = _fonts(folder)
        self._compilers: dict[str, typst.Compiler] = {}

    def answer(self, request: Head, _body: bytes) -> Message:
        """Return the page, or Typst's diagnosis; or the fonts that were asked for."""
        if folder := request.get("fonts_in"):
            return {"faces": faces(_fonts(folder, system=False))}, b""
        try:
            return {}, self._print(request)
        except SeveralPages as error:
            return {"refused": {"message": str(error), "hints": [], "where": ""}}, b""
        except typst.TypstError as error:
            said = {"message": error.message, "hints": error.hints, "where": error.diagnostic}
            return {"refused": said}, b""

    def _print(self, request: Head) -> bytes:
        made = self._compiler(request["root"]).compile(
            format=request["format"],
            sys_inputs={"data": request["data"]},
            timestamp=request["timestamp"],
            pdf_standards=request["standards"],
        )
        if isinstance(made, list):  # a picture a page
            raise SeveralPages(len(made))
        if made is None:  # only where it was to be written to a file
            raise TypeError("Typst answered nothing.")
        return made

    def _compiler(self, root: str) -> typst.Compiler:
        if root not in self._compilers:
            self._compilers[root] = typst.Compiler(
                input=f"{root}/template.typ",
                root=root,
                font_paths=self._fonts_of(root),
                package_path=f"{root}/packages",
                package_cache_path=f"{root}/packages",
            )
        return self._compilers[root]

    def _fonts_of(self, root: str) -> typst.Fonts:
        has_own = bool(_fonts(root, system=False).fonts())
        return _fonts(self._folder, root) if has_own else self.fonts


def _fonts(*folders: str, system: bool = True) -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=system, include_embedded_fonts=False, font_paths=list(folders)
    )


def main() -> None:
    """Print until the parent is gone."""
    (folder,) = arguments()
    printer = Printer(folder)
    greeting = {"faces": faces(printer.fonts), "typst": version("typst")}
    serve(printer.answer, memory=MEMORY, greeting=greeting)


if __name__ == "__main__":
    main()
