"""The floor of a certificate: its page printed by Typst alone, in one process or in several."""

from __future__ import annotations

import os
import time
from multiprocessing import get_context
from pathlib import Path
from typing import cast

import typst

from bridge.certificates import fonts, render, templates

CORES = os.cpu_count() or 1

_here: list[Bare] = []


class Bare:
    """Typst alone: the same template, data, fonts and standards, in this process."""

    def __init__(self, cache: Path, template: str = "classic") -> None:
        root = templates.load(template).unpack(cache)
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


class Everywhere:
    """Bare compilers in several processes, as many as there are cores unless said otherwise."""

    def __init__(self, cache: Path, template: str = "classic", *, processes: int = CORES) -> None:
        self._pool = get_context("spawn").Pool(processes, _begin, (cache, template))

    def a_second(self, pages: list[str]) -> float:
        """Pages a second, over these."""
        began = time.perf_counter()
        for _ in self._pool.imap_unordered(_size, pages, chunksize=4):
            pass
        return len(pages) / (time.perf_counter() - began)

    def close(self) -> None:
        """End the processes."""
        self._pool.terminate()
        self._pool.join()


def _begin(cache: Path, template: str) -> None:
    _here.append(Bare(cache, template))


def _size(page: str) -> int:
    # The PDF itself would have to travel.
    return len(_here[0].compile(page))
