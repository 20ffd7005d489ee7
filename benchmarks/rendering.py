"""How many certificates the bridge prints, and how much of that is ours.

Ours is the Renderer (glyph check, child process, template); the floor a bare Typst compile of the
same page, data ready: one beside one, and of each template as many at once as the Renderer prints.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path

from benchmarks.bare_printing import Bare, Everywhere
from benchmarks.rows import Row
from bridge.certificates import templates
from bridge.certificates.page import Page
from bridge.certificates.render import PRINTERS, Renderer

PAGES = 100
ROUNDS = 5


def page(number: int, language: str, template: str = "classic") -> Page:
    """Every page another learner's: nothing may come from a cache of whole pages."""
    names = {"ar": "محمد علي", "en": "Amina O'Brien", "hi": "अर्जुन कृष्णमूर्ति"}
    return Page(
        template=template,
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


def run() -> Iterator[Row]:
    """A row for each of some languages, then for each template."""
    with tempfile.TemporaryDirectory() as folder, Renderer(font_cache=Path(folder)) as renderer:
        bare = Bare(Path(folder))
        for language in ("en", "ar", "hi"):
            yield _compared(renderer, bare, language)
        for template in templates.names():
            yield _at_once(renderer, Path(folder), template)


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


def _at_once(renderer: Renderer, folder: Path, template: str) -> Row:
    """What a page takes while all printers print, beside as many bare compilers."""
    ours, theirs = [], []
    with (
        closing(Everywhere(folder, template, processes=PRINTERS)) as bare,
        ThreadPoolExecutor(PRINTERS) as threads,
    ):
        for begin in range(0, (ROUNDS + 1) * PAGES, PAGES):
            pages = [page(number, "en", template) for number in range(begin, begin + PAGES)]
            data = [json.dumps(renderer.data(each)) for each in pages]
            theirs.append(1000 / bare.a_second(data))
            began = time.perf_counter()
            for _ in threads.map(renderer.render, pages):
                pass
            ours.append(1000 * (time.perf_counter() - began) / PAGES)
    return Row(
        name=f"a page, {PRINTERS} printed at once, {template}",
        figure=statistics.median(ours[1:]),
        unit="ms",
        floor=statistics.median(theirs[1:]),
        ratio=statistics.median(a / b for a, b in list(zip(ours, theirs, strict=True))[1:]),
        at_most=1.3,
    )
