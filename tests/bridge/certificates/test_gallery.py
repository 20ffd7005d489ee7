"""The four templates that ship: whole, within the page, and the same again, whatever is asked."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from bridge.certificates import templates
from bridge.certificates.page import Page
from bridge.certificates.render import Renderer
from bridge.certificates.texts import language, languages
from scripts import gallery
from tests.bridge.certificates import reading
from tests.bridge.certificates.pages import HAND, SEAL, a_page

GALLERY = templates.names()
PAPERS = ("a4", "us-letter")
#: The vault's mark is printed into the lowest strip; elsewhere a printer's edge.
EDGES_MM = (8, 15, 8, 8)
ARABIC = "محمد عبد الرحمن بن عبد العزيز بن سلطان بن محمد بن خليفة آل نهيان الهاشمي القرشي"
LONG = "Maria Alexandra Wilhelmina Konstantinopolska"
LONGER = "de la Santísima Trinidad"
COLOUR = (0, 192, 0)
#: Who signs, and the colour each signs in.
HANDS = {"Ana": (192, 0, 0), "Bea": (0, 0, 192), "Cyd": (192, 0, 192)}
Own = Callable[..., Renderer]


def _in_colour(file: str, colour: tuple[int, ...] = COLOUR) -> bytes:
    """A picture of one colour, of the kind that its name says."""
    if file.endswith(".svg"):
        shape = f'<path d="M0 0H9V9H0Z" fill="rgb{colour}"/>'
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{shape}</svg>'.encode()
    out = io.BytesIO()
    Image.new("RGB", (90, 90), colour).save(out, Image.registered_extensions()[Path(file).suffix])
    return out.getvalue()


def _rounded(colour: Any) -> tuple[int, ...]:
    """JPEG and readers of PDF are out by a level or two."""
    return tuple(min(255, round(level / 8) * 8) for level in colour)


def _pixels(seen: Image.Image, colour: tuple[int, ...]) -> int:
    """How many pixels have a colour."""
    found = seen.getcolors(seen.width * seen.height) or []
    return sum(count for count, each in found if _rounded(each) == colour)


def _words(text: str) -> set[str]:
    """Lines of two directions are read in an order of the reader's own."""
    return set(text.split())


def _crowded(own: Own, base: str, orientation: str) -> Renderer:
    """A renderer of the template with all it can show, and names of 120 characters."""
    people = [
        {"name": (f"Prof. {name} " * 20)[:120], "role": ("Dean " * 30)[:120], "image": "hand.svg"}
        for name in ("Ana", "Bea", "Cyd")
    ]
    return own(
        {"hand.svg": HAND, "seal.svg": SEAL},
        base=base,
        signatories=people,
        seal="seal.svg",
        validity="2 years",
        orientation=orientation,
        sentence="completed",
    )


@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
@pytest.mark.parametrize("base", GALLERY)
def test_every_text_at_its_longest_stays_in_its_place(own: Own, base: str, orientation: str):
    renderer = _crowded(own, base, orientation)
    own_texts = renderer.template("own").of_kind("text")

    for paper in PAPERS:
        for letter, tag in (("W", "de"), ("n o ", "en"), ("محمد ", "ar")):
            text = (letter * 255)[:255].strip()
            second = own_texts if paper == "us-letter" else ()
            pdf = renderer.render(
                a_page(
                    template="own",
                    paper=paper,
                    language=tag,
                    full_name=text,
                    title=text,
                    institution_name=text,
                    details=(letter * 1000)[:1000],
                    logo=SEAL,
                    parameters=dict.fromkeys(second, text),
                )
            )
            outermost = reading.outermost_mm(pdf)

            assert all(a >= b for a, b in zip(outermost, EDGES_MM, strict=True)), (paper, tag)
            assert 0 == reading.boxes_shown(pdf)


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("base", GALLERY)
def test_a_long_name_is_printed_smaller_and_a_longer_one_on_two_lines(
    renderer: Renderer, base: str, paper: str
) -> None:
    def printed(name: str) -> tuple[float, list[str]]:
        pdf = renderer.render(a_page(template=base, full_name=name, paper=paper))
        left, _, right, _ = reading.outermost_mm(pdf)
        assert min(left, right) >= 23, "no template has a narrower margin"
        return reading.largest(pdf)

    usual, one_line = printed("Amina O'Brien")
    long, still_one = printed(LONG)
    longer, two_lines = printed(f"{LONG} {LONGER}")

    assert usual > max(long, longer)
    assert ["Amina O'Brien"] == one_line
    assert [LONG] == still_one
    assert (2, f"{LONG} {LONGER}") == (len(two_lines), " ".join(two_lines))


@pytest.mark.parametrize("base", GALLERY)
@pytest.mark.parametrize("file", ["p.png", "p.jpg", "p.svg", "p.pdf"])
def test_a_background_fills_the_page_behind_the_text(own: Own, base: str, file: str) -> None:
    renderer = own({file: _in_colour(file)}, base=base, background=file, border=False)

    seen = reading.picture(renderer.render(a_page(template="own")))

    right, bottom = seen.width - 4, seen.height - 4
    corners = [(4, 4), (right, 4), (4, bottom), (right, bottom)]
    assert [COLOUR] * 4 == [_rounded(seen.getpixel(corner)) for corner in corners]
    dark = seen.convert("L").histogram()[:70]
    assert 500 < sum(dark), "the text is before it"


@pytest.mark.parametrize("base", GALLERY)
def test_the_border_can_be_seen_and_left_out(renderer: Renderer, base: str) -> None:
    def from_the_edge(*, border: bool) -> float:
        given = {"border": border}
        pdf = renderer.render(a_page(template=base, parameters=given))
        return min(reading.margins_of(pdf, band=(0, 1)))

    assert from_the_edge(border=True) < 13
    assert from_the_edge(border=False) > 23


@pytest.mark.parametrize("base", GALLERY)
def test_a_templates_own_logo_takes_the_place_of_the_issuers(own: Own, base: str) -> None:
    issuers = SEAL.replace(b"#1f3a5f", b"#ff00ff")
    renderer = own({"logo.png": _in_colour("logo.png")}, base=base, logo="logo.png")

    seen = reading.picture(renderer.render(a_page(template="own", logo=issuers)))

    assert 0 == _pixels(seen, (255, 0, 255))
    upper = seen.crop((0, 0, seen.width, seen.height // 4))
    assert 20 * 20 < _pixels(upper, COLOUR), "a centimetre square, two pixels a millimetre"


@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
@pytest.mark.parametrize("base", GALLERY)
def test_the_seal_is_seen_and_each_hand_above_its_own_name(own: Own, base: str, orientation: str):
    hands = {f"{name}.svg": _in_colour(".svg", colour) for name, colour in HANDS.items()}
    renderer = own(
        {**hands, "seal.png": _in_colour("seal.png")},
        base=base,
        orientation=orientation,
        seal="seal.png",
        signatories=[{"name": name, "image": f"{name}.svg"} for name in HANDS],
    )

    pdf = renderer.render(a_page(template="own"))

    named = {name: reading.text_box_mm(pdf, name) for name in HANDS}
    shown = {name: reading.colour_box_mm(pdf, colour) for name, colour in HANDS.items()}
    for name, (left, top, right, bottom) in shown.items():
        near, above, far, _ = named[name]
        assert (right - left, bottom - top) == pytest.approx((13, 13), abs=0.5), name
        assert left - 1 < near < far < right + 1, name
        assert 0 < above - bottom < 10, name
    left, top, right, bottom = reading.colour_box_mm(pdf, COLOUR)
    assert (right - left, bottom - top) == pytest.approx((30, 30), abs=0.5)


@pytest.mark.parametrize("base", GALLERY)
def test_what_has_a_colour_has_the_accent_or_a_tint_of_it(renderer: Renderer, base: str) -> None:
    given = {"accent": "#c00000", "border": True}
    seen = reading.picture(renderer.render(a_page(template=base, parameters=given)))

    shown = seen.getcolors(seen.width * seen.height) or []
    assert 100 < sum(count for count, (red, green, _) in shown if red > green + 60)
    assert [] == [each for _, each in shown if abs(each[1] - each[2]) > 8 or each[1] > each[0] + 8]


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("name", ["Amina O'Brien", ARABIC, "W" * 120], ids=["usual", "ar", "wide"])
@pytest.mark.parametrize("base", GALLERY)
def test_the_strip_at_the_bottom_stays_empty(renderer: Renderer, base: str, name: str, paper: str):
    seen = reading.picture(renderer.render(a_page(template=base, full_name=name, paper=paper)))
    width, height = seen.size

    strip = seen.crop((0, height - 2 * 14, width, height))
    assert ((255, 255),) * 3 == strip.getextrema()


@pytest.mark.parametrize("tag", languages())
@pytest.mark.parametrize("base", GALLERY)
def test_each_prints_in_every_language(
    printed: Callable[[Page], bytes], base: str, tag: str
) -> None:
    page = a_page(template=base, language=tag, parameters={"sentence": "completed"})

    pdf = printed(page)

    assert "".join(language(tag).spelled(page.issue_date).split()) in reading.run_together(pdf)
    assert 0 == reading.boxes_shown(pdf)


@pytest.mark.parametrize("base", GALLERY)
def test_the_same_page_gives_the_same_bytes(renderer: Renderer, tmp_path: Path, base: str):
    page = a_page(template=base, full_name=ARABIC, logo=SEAL, parameters={"validity": "1 year"})
    first = renderer.render(page)

    with Renderer(font_cache=tmp_path) as another:
        assert first == renderer.render(page) == another.render(page)


@pytest.mark.parametrize("base", ["minimal", "modern"])
def test_what_begins_left_in_english_begins_right_in_arabic(renderer: Renderer, base: str):
    def from_left_and_right(tag: str, name: str) -> tuple[float, float]:
        plain = {"border": False}
        page = a_page(template=base, language=tag, full_name=name, parameters=plain)
        return reading.margins_of(renderer.render(page), band=(0.3, 0.5))

    left, right = from_left_and_right("en", "Amina")
    assert left < right
    left, right = from_left_and_right("ar", "أمينة")
    assert left > right


@pytest.mark.parametrize(
    ("own_language", "second", "beside", "left", "right"),
    [
        ("en", "ar", "ar", "CERTIFICATE", "شهادة"),
        ("ar", "en", "en", "CERTIFICATE", "شهادة"),
        ("fr", "de", "de", "CERTIFICAT", "ZERTIFIKAT"),
        ("ar", "ar", "en", "CERTIFICATE", "شهادة"),
        ("en-GB", "en", "ar", "CERTIFICATE", "شهادة"),
        ("pt-BR", "pt", "en", "CERTIFICADO", "CERTIFICATE"),
    ],
)
def test_two_languages_stand_side_by_side_each_on_its_own_side(
    renderer: Renderer, own_language: str, second: str, beside: str, left: str, right: str
):
    page = a_page(
        template="bilingual",
        language=own_language,
        parameters={"second_language": second, "validity": "2 years"},
    )
    pdf = renderer.render(page)

    half = reading.size_mm(pdf)[0] / 2
    assert left in reading.text_between(pdf, 0, half)
    assert right in reading.text_between(pdf, half, 2 * half)
    text = reading.text(pdf)
    for spoken in map(language, (own_language, beside)):
        assert _words(spoken.spelled(page.issue_date)) <= _words(text)
        assert _words(spoken.valid_until(date(2028, 11, 20))) <= _words(text)


def test_what_is_said_in_the_second_language_is_printed(renderer: Renderer):
    own = {
        "second_institution": "جامعة الشارقة",
        "second_name": "أمينة أوبراين",
        "second_title": "شهادة إتمام",
    }

    pdf = renderer.render(a_page(template="bilingual", parameters=own))

    half = reading.size_mm(pdf)[0] / 2
    assert _words(" ".join(own.values())) <= _words(reading.text_between(pdf, half, 2 * half))
    assert "Amina O'Brien" in reading.text_between(pdf, 0, half)


def test_what_is_said_in_the_second_language_must_have_glyphs(renderer: Renderer):
    page = a_page(template="bilingual", parameters={"second_title": "\ue000"})

    (lacking,) = renderer.missing(page)

    assert "parameter second_title" == lacking.where


@pytest.mark.parametrize(("path", "page"), list(gallery.pages()), ids=lambda each: str(each)[-20:])
def test_the_pictures_in_the_docs_show_what_is_printed(renderer: Renderer, path: Path, page: Page):
    shown = gallery.picture(renderer.render(page)).convert("L")
    stored = Image.open(path).convert("L")

    # The stored ones have few colours, and readers of PDF smooth edges each in its way.
    far = ImageChops.difference(shown, stored).point(lambda level: 255 if level > 64 else 0)
    assert shown.size == stored.size
    assert sum(far.histogram()[255:]) < 0.002 * shown.width * shown.height
