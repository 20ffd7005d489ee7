"""Names in many scripts: found as text, and seen as stored pictures show them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from bridge.certificates.render import Renderer
from tests.bridge.certificates import reading
from tests.bridge.certificates.pages import a_page

STORED = Path(__file__).with_name("names.png")
#: The scripts of FiraGO, which is always there.
OURS = (
    "Zoë D’Arcy-Łuczak",
    "Ελένη Παπαδοπούλου",
    "Наталія Ґалаґан",
    "محمد عبد الله",
    "משה כהן",
    "अर्जुन कृष्णमूर्ति",
    "สมชาย ใจดี",
    "ნინო ბერიძე",
)
#: Scripts of the Noto fonts, where the system has them.
NOTO = ("张伟", "山田 はなこ", "김민준", "তানভীর আহমেদ", "தமிழ்ச்செல்வி", "Հայկ Պետրոսյան", "አበበ ቢቂላ")


def _bands(renderer: Renderer) -> Image.Image:
    """The part of the page where the name stands, for each of our scripts, one above the other."""
    pages = [
        reading.picture(renderer.render(a_page(full_name=name, signatory_name=None)))
        for name in OURS
    ]
    width, height = pages[0].size
    top, bottom = round(0.40 * height), round(0.53 * height)
    whole = Image.new("L", (width // 2, (bottom - top) * len(pages)))
    for number, page in enumerate(pages):
        band = page.crop((width // 4, top, width // 4 + width // 2, bottom))
        whole.paste(band.convert("L"), (0, number * (bottom - top)))
    return whole


def test_names_in_our_eight_scripts_look_as_they_did(renderer: Renderer):
    """Joined, reordered and stacked letters are seen here; text alone would not show them."""
    shown, stored = _bands(renderer), Image.open(STORED).convert("L")

    far = ImageChops.difference(shown, stored).point(lambda level: 255 if level > 96 else 0)
    assert shown.size == stored.size
    assert far.histogram()[255] < 0.001 * shown.width * shown.height


@pytest.mark.parametrize("name", NOTO)
def test_names_in_other_scripts_are_found_as_text_where_noto_is(renderer: Renderer, name: str):
    page = a_page(full_name=name)
    if lacking := renderer.missing(page):
        pytest.skip(f"No font here has {lacking[0]}.")

    pdf = renderer.render(page)
    assert name in reading.text(pdf)
    assert 0 == reading.boxes_shown(pdf)
