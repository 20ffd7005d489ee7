"""The floor of a certificate: its page printed by Typst alone, in a process on each core."""

from __future__ import annotations

import os
import time
from multiprocessing import get_context
from pathlib import Path

from benchmarks.rendering import Bare

CORES = os.cpu_count() or 1

_here: list[Bare] = []


class Everywhere:
    """Bare compilers in as many processes as there are cores."""

    def __init__(self, fonts: Path) -> None:
        self._pool = get_context("spawn").Pool(CORES, _begin, (fonts,))

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


def _begin(fonts: Path) -> None:
    _here.append(Bare(fonts))


def _size(page: str) -> int:
    # The PDF itself would have to travel.
    return len(_here[0].compile(page))
