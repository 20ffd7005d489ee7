"""Names in many scripts: found as text, and seen as stored pictures show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from bridge.certificates.page import Page
from tests.bridge.certificates import reading
from tests.bridge.certificates.pages import a_page

STORED = Path(__file__).with_name("names")
#: So many pixels may lie far from the stored ones: readers of PDF smooth edges each in its way.
NEAR = 10


@dataclass(frozen=True, kw_only=True)
class Name:
    """A name, and the same with a mark lost, a letter unjoined or, where a script has neither of
    them, another letter.
    """

    whole: str
    spoilt: str


#: The first eight scripts are of FiraGO, which is always there, the others of the Noto fonts.
NAMES = {
    "latin": Name(whole="Zoë D’Arcy-Łuczak", spoilt="Zoe D’Arcy-Łuczak"),
    "greek": Name(whole="Ελένη Παπαδοπούλου", spoilt="Ελένη Παπαδοπουλου"),
    "cyrillic": Name(whole="Наталія Ґалаґан", spoilt="Наталіа Ґалаґан"),
    "arabic": Name(whole="محمد عبد الرحمن", spoilt="م\u200cحمد عبد الرحمن"),
    "hebrew": Name(whole="משה כהן", spoilt="משה כהנ"),
    "devanagari": Name(whole="अर्जुन लक्ष्मी", spoilt="अर्जुन लक्\u200cष्मी"),
    "thai": Name(whole="สมชาย ใจดี", spoilt="สมชาย ใจดิ"),
    "georgian": Name(whole="ნინო ბერიძე", spoilt="ნინო ბერიბე"),
    "vietnamese": Name(whole="Nguyễn Thị Minh Khai", spoilt="Nguyên Thị Minh Khai"),
    "combining": Name(whole="Nguye\u0302\u0303n Thi\u0323", spoilt="Nguye\u0302\u0303n Thi"),
    "han": Name(whole="张伟", spoilt="张伡"),
    "japanese": Name(whole="山田 はなこ", spoilt="山田 ばなこ"),
    "korean": Name(whole="김민준", spoilt="김민쥰"),
    "bengali": Name(whole="তানভীর আহমেদ", spoilt="তানভীর আহমদ"),
    "tamil": Name(whole="தமிழ்ச்செல்வி", spoilt="தமிழச்செல்வி"),
    "armenian": Name(whole="Հայկ Պետրոսյան", spoilt="Հայկ Պէտրոսյան"),
    "ethiopic": Name(whole="አበበ ቢቂላ", spoilt="አበበ በቂላ"),
}
Printed = Callable[[Page], bytes]

each_script = pytest.mark.parametrize("script", NAMES)


def _band(pdf: bytes) -> Image.Image:
    """The part of the page where the name stands, and nothing else does."""
    page = reading.picture(pdf, pixels_a_mm=4)
    width, height = page.size
    top, bottom = round(0.40 * height), round(0.53 * height)
    return page.crop((round(0.25 * width), top, round(0.75 * width), bottom)).convert("L")


def _far(one: Image.Image, other: Image.Image) -> int:
    """How many pixels of two pictures of one size are far from each other."""
    assert one.size == other.size
    levels = ImageChops.difference(one, other).histogram()
    return sum(levels[97:])


def _stored(script: str) -> Image.Image:
    return Image.open(STORED / f"{script}.png").convert("L")


@each_script
def test_a_name_is_found_as_text_and_shows_no_box(printed: Printed, script: str) -> None:
    name = NAMES[script].whole

    pdf = printed(a_page(full_name=name))

    assert name in reading.text(pdf)
    assert 0 == reading.boxes_shown(pdf)


@each_script
def test_a_name_looks_as_it_did(printed: Printed, tmp_path: Path, script: str) -> None:
    """Joined, reordered and stacked letters are seen here; text alone would not show them."""
    shown = _band(printed(a_page(full_name=NAMES[script].whole, signatory_name=None)))
    shown.save(tmp_path / f"{script}.png", optimize=True)

    assert NEAR >= _far(shown, _stored(script)), f"{tmp_path} has it as it looks now"


@each_script
def test_a_lost_mark_or_an_unjoined_letter_would_be_seen(printed: Printed, script: str) -> None:
    spoilt = _band(printed(a_page(full_name=NAMES[script].spoilt, signatory_name=None)))

    assert 3 * NEAR < _far(spoilt, _stored(script))
