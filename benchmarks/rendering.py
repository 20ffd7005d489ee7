"""How long a certificate takes, and how much of that is ours: python -m benchmarks.rendering.

Prints milliseconds a page through the Renderer (glyph check, process, template) beside a bare
Typst compile of the same page, data ready, in this process; and the ratio of the two.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import typst

from bridge.certificates import fonts, render, templates
from bridge.certificates.page import Page
from bridge.certificates.render import Renderer

PAGES = 200
ROUNDS = 5


def page(number: int, language: str) -> Page:
    """Every page another learner's: nothing may come from a cache of whole pages."""
    names = {"ar": "محمد علي", "en": "Amina O'Brien", "hi": "अर्जुन कृष्णमूर्ति"}
    return Page(
        full_name=f"{names[language]} {number}",
        title="Certificate of Completion: Marine Biology",
        details=f"With distinction. Ref {number:08x}",
        issue_date=date(2026, 11, 20),
        institution_name="University of Sharjah",
        signatory_name="Prof. Layla Haddad",
        signatory_role="Dean of Graduate Studies",
        language=language,
    )


def milliseconds(print_one: Callable[[int], object], *, begin: int) -> float:
    """Milliseconds a page, over PAGES pages that were not printed before."""
    began = time.perf_counter()
    for number in range(begin, begin + PAGES):
        print_one(number)
    return (time.perf_counter() - began) / PAGES * 1000


class Bare:
    """Typst alone: the same template, data, fonts and standards, in this process."""

    def __init__(self, cache: Path) -> None:
        root = templates.load("classic").unpack(cache)
        own = typst.Fonts(include_embedded_fonts=False, font_paths=[fonts.unpack(cache)])
        self._compiler = typst.Compiler(
            input=str(root / "template.typ"), root=str(root), font_paths=own
        )

    def compile(self, data: str) -> object:
        """Compile one page."""
        return self._compiler.compile(
            format="pdf",
            sys_inputs={"data": data},
            timestamp=0,
            pdf_standards=list(render.STANDARDS),
        )


def main() -> None:
    """Print one line a language: the best of some rounds, as the machine is shared."""
    with tempfile.TemporaryDirectory() as folder, Renderer(font_cache=Path(folder)) as renderer:
        bare = Bare(Path(folder))
        for language in ("en", "ar", "hi"):
            ours, theirs = [], []
            for round_ in range(ROUNDS):
                begin = round_ * PAGES
                data = {
                    number: json.dumps(renderer.data(page(number, language)))
                    for number in range(begin, begin + PAGES)
                }
                theirs.append(milliseconds(lambda n: bare.compile(data[n]), begin=begin))  # noqa: B023 - called at once
                ours.append(
                    milliseconds(lambda n: renderer.render(page(n, language)), begin=begin)  # noqa: B023 - called at once
                )
            sys.stdout.write(
                f"{language}: {min(ours):.2f} ms a page, bare Typst {min(theirs):.2f} ms, "
                f"ratio {min(ours) / min(theirs):.2f}\n"
            )


if __name__ == "__main__":
    main()
