"""Where a PDF page's visible bottom is, whichever way the page is turned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pikepdf

#: A page may be 14,400 units wide (ISO 32000-1, annex C); ten thousand times that is nonsense.
LARGEST_NUMBER = 1e8

Box = tuple[float, float, float, float]
Matrix = tuple[float, float, float, float, float, float]


class OddPage(Exception):
    """The page has no usable size; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a reader shows of a page, in the page's own coordinates."""

    media: Box
    visible: Box  #: left, bottom, right, top: the crop box within the media box
    rotation: int  #: 0, 90, 180 or 270 degrees clockwise
    unit: float  #: points in one unit of the page

    @property
    def width(self) -> float:
        """The shown page's width in its own units."""
        left, bottom, right, top = self.visible
        return right - left if self.rotation in (0, 180) else top - bottom


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A page grown at its shown bottom."""

    media: Box
    visible: Box
    #: The media box without the new strip: what the old content may still paint on.
    before: Box
    #: Puts a strip drawn from its lower left corner, one unit a point, into its place.
    place: Matrix


def last_page(pdf: pikepdf.Pdf) -> tuple[pikepdf.Page, View]:
    """Return the last page and how it is seen; raises OddPage."""
    page = pdf.pages[-1]
    return page, view_of(page)


def view_of(page: pikepdf.Page) -> View:
    """How a page is seen (ISO 32000-1, 7.7.3.3 and 14.11.2); raises OddPage.

    qpdf has already given each page what it inherits, and a letter's size where none is said.
    """
    media = _box(page.obj.get("/MediaBox"))
    if media is None:
        raise OddPage("has no size (MediaBox). Export or print it to PDF again and send that.")
    crop = _box(page.obj.get("/CropBox")) or media
    visible = (
        max(media[0], crop[0]),
        max(media[1], crop[1]),
        min(media[2], crop[2]),
        min(media[3], crop[3]),
    )
    if visible[2] - visible[0] <= 0 or visible[3] - visible[1] <= 0:
        raise OddPage("shows nothing: its boxes do not overlap. Export it again and send that.")
    return View(
        media=media,
        visible=visible,
        rotation=_rotation(page.obj.get("/Rotate")),
        unit=number(page.obj.get("/UserUnit")) or 1.0,
    )


def grow(view: View, height: float, scale: float) -> Grown:
    """Add ``height`` units at the shown bottom, for a strip drawn ``scale`` units to the point."""
    left, bottom, right, top = view.visible
    by_rotation: dict[int, tuple[Box, Matrix]] = {
        0: ((left, bottom - height, right, top), (scale, 0, 0, scale, left, bottom - height)),
        90: ((left, bottom, right + height, top), (0, scale, -scale, 0, right + height, bottom)),
        180: ((left, bottom, right, top + height), (-scale, 0, 0, -scale, right, top + height)),
        270: ((left - height, bottom, right, top), (0, -scale, scale, 0, left - height, top)),
    }
    visible, place = by_rotation[view.rotation]
    m = view.media
    before: dict[int, Box] = {
        0: (m[0], bottom, m[2], m[3]),
        90: (m[0], m[1], right, m[3]),
        180: (m[0], m[1], m[2], top),
        270: (left, m[1], m[2], m[3]),
    }
    media = (
        min(m[0], visible[0]),
        min(m[1], visible[1]),
        max(m[2], visible[2]),
        max(m[3], visible[3]),
    )
    return Grown(media=media, visible=visible, before=before[view.rotation], place=place)


def _box(found: pikepdf.Object | None) -> Box | None:
    if not isinstance(found, pikepdf.Array) or len(found) != 4:
        return None
    a, b, c, d = (number(part) for part in found)
    if a is None or b is None or c is None or d is None:
        return None
    return (min(a, c), min(b, d), max(a, c), max(b, d))


def _rotation(found: object) -> int:
    turned = number(found) or 0.0
    return round(turned / 90) % 4 * 90


def number(found: object) -> float | None:
    """A PDF object's number, or None if it is none that makes sense."""
    try:
        value = float(found)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) and abs(value) < LARGEST_NUMBER else None
