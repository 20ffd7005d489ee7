"""Certificates as institutions upload them: PDFs with text in an embedded font, no two alike."""

from __future__ import annotations

from pathlib import Path

import pymupdf_fonts
import typst

from vault.stamp import FONTS

PAGE = b"""
#set page(paper: "a4", flipped: true, margin: 2cm)
#set text(font: "FiraGO", size: 20pt)
#rect(width: 100%, height: 100%, stroke: 2pt)[#align(center + horizon)[
  Certificate of Completion \\ #text(34pt, sys.inputs.name) \\ #text(12pt)[#lorem(40)]]]
"""


class Papers:
    """Prints such certificates; ``folder`` takes the fonts and the template."""

    def __init__(self, folder: Path) -> None:
        write_fonts(folder)
        template = folder / "page.typ"
        template.write_bytes(PAGE)
        self._compiler = typst.Compiler(str(template), font_paths=[str(folder)])
        self._made = 0

    def take(self, count: int) -> list[bytes]:
        """The next ones."""
        self._made += count
        return [
            self._compiler.compile(format="pdf", sys_inputs={"name": f"Learner {number}"})
            for number in range(self._made - count, self._made)
        ]


def write_fonts(folder: Path) -> None:
    """The vault's fonts as files, for a compiler."""
    for font in FONTS:
        (folder / f"{font}.ttf").write_bytes(pymupdf_fonts.myfont(font))
