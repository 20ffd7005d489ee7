"""What a PDF says and shows, read by programs that did not make it."""

from __future__ import annotations

import ctypes
import io
from functools import reduce
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
from PIL import Image, ImageChops, ImageOps

MM = 72 / 25.4


def text(pdf: bytes) -> str:
    """All text of the only page, one line a line."""
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    return document[0].get_textpage().get_text_bounded().replace("\r\n", "\n")


def run_together(pdf: bytes) -> str:
    """The text without what breaking lines adds: line ends, spaces, zero-width spaces."""
    return "".join(text(pdf).split()).replace("\u200b", "").replace("\ufffe", "")


def size_mm(pdf: bytes) -> tuple[float, float]:
    """Width and height of the page, in millimetres."""
    width, height = pypdfium2.PdfDocument(pdf)[0].get_size()
    return (round(width / MM, 1), round(height / MM, 1))


def outermost_mm(pdf: bytes) -> tuple[float, float, float, float]:
    """How far all letters stay from the page's left, bottom, right and top edge."""
    page = pypdfium2.PdfDocument(pdf)[0]
    letters = page.get_textpage()
    boxes = [letters.get_charbox(i) for i in range(letters.count_chars())]
    boxes = [box for box in boxes if box[2] > box[0]]
    width, height = page.get_size()
    return (
        min(box[0] for box in boxes) / MM,
        min(box[1] for box in boxes) / MM,
        (width - max(box[2] for box in boxes)) / MM,
        (height - max(box[3] for box in boxes)) / MM,
    )


def largest(pdf: bytes) -> tuple[float, list[str]]:
    """The size of the page's largest letters, in points, and the lines that they stand in."""
    letters = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    sizes = [_size(letters, i) for i in range(letters.count_chars())]
    lines: dict[int, str] = {}
    for i in (i for i, size in enumerate(sizes) if size == max(sizes)):
        lines.setdefault(_baseline(letters, i), "")
        lines[_baseline(letters, i)] += letters.get_text_range(i, 1)
    return max(sizes), [line.strip() for line in lines.values()]


def _size(letters: pypdfium2.PdfTextPage, index: int) -> float:
    return round(pypdfium2.raw.FPDFText_GetFontSize(letters.raw, index), 1)


def _baseline(letters: pypdfium2.PdfTextPage, index: int) -> int:
    x, y = ctypes.c_double(), ctypes.c_double()
    pypdfium2.raw.FPDFText_GetCharOrigin(letters.raw, index, x, y)
    return round(y.value)


def text_between(pdf: bytes, left: float, right: float) -> str:
    """The text in an upright band of the page, from and to so many millimetres from its left."""
    page = pypdfium2.PdfDocument(pdf)[0]
    return page.get_textpage().get_text_bounded(left=left * MM, right=right * MM)


def text_box_mm(pdf: bytes, wanted: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a text that is printed once, from the page's left and top."""
    page = pypdfium2.PdfDocument(pdf)[0]
    letters = page.get_textpage()
    finder = letters.search(wanted)
    first, count = finder.get_next()
    assert finder.get_next() is None
    boxes = [letters.get_charbox(i) for i in range(first, first + count)]
    return (
        min(box[0] for box in boxes) / MM,
        (page.get_height() - max(box[3] for box in boxes)) / MM,
        max(box[2] for box in boxes) / MM,
        (page.get_height() - min(box[1] for box in boxes)) / MM,
    )


def colour_box_mm(pdf: bytes, colour: tuple[int, ...]) -> tuple[float, ...]:
    """Left, top, right and bottom of what is shown in a colour, from the page's left and top."""
    seen = picture(pdf)
    bands = ImageChops.difference(seen, Image.new("RGB", seen.size, colour)).split()
    farthest = reduce(ImageChops.lighter, bands)
    box = farthest.point(lambda level: 255 if level < 8 else 0).getbbox()
    assert box is not None, "nothing has the colour"
    return tuple(edge / 2 for edge in box)


def margins_of(pdf: bytes, band: tuple[float, float]) -> tuple[float, float]:
    """How far what is shown in a band, in parts of the page's height, is from left and right."""
    seen = picture(pdf)
    rows = seen.crop((0, int(band[0] * seen.height), seen.width, int(band[1] * seen.height)))
    box = ImageOps.invert(rows.convert("L")).getbbox()
    assert box is not None
    return box[0] / 2, (seen.width - box[2]) / 2


def picture(pdf: bytes, *, pixels_a_mm: int = 2) -> Image.Image:
    """The page as a person sees it."""
    return pypdfium2.PdfDocument(pdf)[0].render(scale=pixels_a_mm / MM).to_pil().convert("RGB")


def boxes_shown(pdf: bytes) -> int:
    """How many glyphs are the one fonts show for what they have not (glyph 0, ".notdef")."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return sum(
            string[i : i + 2] == b"\0\0"
            for instruction in pikepdf.parse_content_stream(document.pages[0])
            if str(instruction.operator) in {"Tj", "TJ"}
            for string in _strings(instruction.operands[0])
            for i in range(0, len(string), 2)
        )


def _strings(operand: Any) -> list[bytes]:
    parts = operand if isinstance(operand, pikepdf.Array) else [operand]
    return [bytes(part) for part in parts if isinstance(part, pikepdf.String)]


def processes_of(pid: int) -> list[int]:
    """The running child processes of a process."""
    stats = [(path.parent.name, _stat(path)) for path in Path("/proc").glob("[0-9]*/stat")]
    return [int(child) for child, (state, parent) in stats if parent == pid and state not in "ZX"]


def runs(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has buried does not."""
    return _stat(Path(f"/proc/{pid}/stat"))[0] not in "ZX"


def cpu_ticks(pid: int) -> int:
    """How long a process has computed, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _stat(path: Path) -> tuple[str, int]:
    try:
        state, parent = path.read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return ("X", 0)
    return (state, int(parent))
