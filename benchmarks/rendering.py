"""How many certificates the bridge prints, and how much of that is ours.

Ours is the Renderer (glyph check, child process, template); the floor a bare Typst compile of the
same page, data ready, in this process.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import cast

import typst

from benchmarks.rows import Row
from bridge.certificates import fonts, render, templates
from bridge.certificates.page import Page
from bridge.certificates.render import Renderer

PAGES = 100
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


def a_second(print_one: Callable[[int], object], *, begin: int) -> float:
    """Pages a second, over PAGES pages that were not printed before."""
    began = time.perf_counter()
    for number in range(begin, begin + PAGES):
        print_one(number)
    return PAGES / (time.perf_counter() - began)


class Bare:
    """Typst alone: the same template, data, fonts and standards, in this process."""

    def __init__(self, cache: Path) -> None:
        root = templates.load("classic").unpack(cache)
        own = typst.Fonts(include_embedded_fonts=False, font_paths=[fonts.unpack(cache)])
        self._compiler = typst.Compiler(
            input=str(root / "template.typ"), root=str(root), font_paths=own
        )

    def compile(self, data: str) -> bytes:
        """Compile one page."""
        pdf = self._compiler.compile(
            format="pdf",
            sys_inputs={"data": data},
            timestamp=0,
            pdf_standards=list(render.STANDARDS),
        )
        return cast("bytes", pdf)


def run() -> Iterator[Row]:
    """A row for each of some languages."""
    with tempfile.TemporaryDirectory() as folder, Renderer(font_cache=Path(folder)) as renderer:
        bare = Bare(Path(folder))
        for language in ("en", "ar", "hi"):
            yield _compared(renderer, bare, language)


def _compared(renderer: Renderer, bare: Bare, language: str) -> Row:
    ours, theirs = [], []
    for begin in range(0, (ROUNDS + 1) * PAGES, PAGES):
        data = {
            number: json.dumps(renderer.data(page(number, language)))
            for number in range(begin, begin + PAGES)
        }
        theirs.append(a_second(lambda n: bare.compile(data[n]), begin=begin))  # noqa: B023 - called at once
        ours.append(a_second(lambda n: renderer.render(page(n, language)), begin=begin))
    return Row(
        name=f"pages printed, {language}",
        figure=statistics.median(ours[1:]),
        unit="a second",
        floor=statistics.median(theirs[1:]),
        ratio=statistics.median(a / b for a, b in list(zip(ours, theirs, strict=True))[1:]),
    )
