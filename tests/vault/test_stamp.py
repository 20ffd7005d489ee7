"""The verified PDF: nothing covered, everything readable, whichever way the page lies."""

from __future__ import annotations

import io
from typing import Any

import pikepdf
import pytest
from PIL import ImageChops

from tests.vault import reading, samples
from vault import qr
from vault.kinds import FileRefused
from vault.stamp import NARROWEST, WIDEST, Stamper, printable
from vault.strip import NAME

REFERENCE_ID = "VEC-IC-202567DAE48425BAD"
URL = f"https://vault.example.edu/verify/{REFERENCE_ID}"
LONG_URL = f"https://certificates.registrar.a-long-name.example.edu/below/it/verify/{REFERENCE_ID}"
#: The strip's height in points where its words need no more than its code.
HEIGHT = 72.0


@pytest.fixture(scope="module")
def stamper() -> Stamper:
    return Stamper()


def stamped(
    stamper: Stamper, content: bytes, *, issuer: str = "ABC University", url: str = URL
) -> bytes:
    return stamper.stamp(
        content, reference_id=REFERENCE_ID, issuer=issuer, url=url, qr_svg=qr.svg(url)
    )


PAGES: dict[str, dict[str, Any]] = {
    "portrait": {},
    "landscape": {"media": (0, 0, 842, 595)},
    "us letter": {"media": (0, 0, 612, 792)},
    "rotated 90": {"rotate": 90},
    "rotated 180": {"rotate": 180},
    "rotated 270": {"rotate": 270},
    "rotated -90": {"rotate": -90},
    "rotated 450": {"media": (0, 0, 842, 595), "rotate": 450},
    "origin elsewhere": {"media": (-100, 50, 495, 892)},
    "box upside down": {"media": (595, 842, 0, 0), "crop": (0, 0, 595, 842)},
    "cropped": {"media": (0, 0, 700, 900), "crop": (50, 30, 645, 872)},
    "cropped and rotated 90": {"media": (0, 0, 700, 900), "crop": (50, 30, 645, 872), "rotate": 90},
    "cropped, rotated 180": {
        "media": (-9, -9, 700, 900),
        "crop": (50, 30, 645, 872),
        "rotate": 180,
    },
    "cropped, rotated 270": {"media": (0, 0, 700, 900), "crop": (50, 30, 645, 872), "rotate": 270},
    "crop beyond media": {"media": (0, 0, 595, 842), "crop": (-50, -50, 700, 900)},
    "small": {"media": (0, 0, 300, 150)},
    "huge": {"media": (0, 0, 2400, 1600)},
    "large units": {"media": (0, 0, 300, 400), "unit": 2.0},
    "large units, rotated 90": {"media": (0, 0, 300, 400), "unit": 2.0, "rotate": 90},
    "tiny units, rotated 270": {"media": (0, 0, 2400, 1600), "unit": 0.25, "rotate": 270},
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_the_page_grows_and_what_was_shown_is_shown_unchanged(
    stamper: Stamper, page: dict[str, Any]
) -> None:
    before = samples.pdf(**page)
    after = stamped(stamper, before)
    was, now = reading.picture(before), reading.picture(after)

    width, height = reading.size(before)
    unit = page.get("unit", 1.0)
    scale = width / min(max(width * unit, NARROWEST), WIDEST)
    assert (width, pytest.approx(height + HEIGHT * scale, abs=0.1)) == reading.size(after)
    assert reading.difference(was, now.crop((0, 0, was.width, was.height))) < 0.002
    assert [] == reading.problems(after)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_the_strip_is_upright_and_its_code_leads_to_the_verification_page(
    stamper: Stamper, page: dict[str, Any]
) -> None:
    before = samples.pdf(**page)
    after = stamped(stamper, before)
    whole = reading.picture(after, scale=4)
    top = round(reading.size(before)[1] * 4)
    strip = whole.crop((0, top, whole.width, whole.height))

    assert [URL] == reading.qr_codes(strip)
    # The code stands at the strip's left, the text to its right: so the strip is upright.
    left = strip.crop((0, 0, round(strip.height * 1.1), strip.height))
    assert [URL] == reading.qr_codes(left)
    found = reading.text(after)
    assert all(part in found for part in (REFERENCE_ID, "ABC University", "Certificate of Ach"))
    assert URL in found.replace("\r\n", "")


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"q 2 0 0 2 30 30 cm\n", b""), (b"", b"\nQ Q Q"), (b"", b"\nq q 0 0 1 1 re W n")],
    ids=["never restored", "restored too often", "left clipped"],
)
def test_a_page_that_leaves_its_state_in_disorder_does_not_touch_the_strip(
    stamper: Stamper, before: bytes, after: bytes
) -> None:
    made = stamped(stamper, samples.pdf(before=before, after=after))
    whole = reading.picture(made, scale=4)

    assert [URL] == reading.qr_codes(whole.crop((0, 842 * 4, whole.width, whole.height)))


def test_what_the_crop_box_hid_does_not_show_in_the_strip(stamper: Stamper) -> None:
    bleed = b"0 0 0 rg -100 -100 900 1100 re f\n"
    page = {"media": (-100, -100, 695, 942), "crop": (0, 0, 595, 842)}
    plain = reading.picture(stamped(stamper, samples.pdf(**page)))
    bled = reading.picture(stamped(stamper, samples.pdf(before=bleed, **page)))

    assert None is ImageChops.difference(plain, bled).getbbox()


@pytest.mark.parametrize("rotate", [0, 90])
def test_the_largest_page_that_pdf_knows_gets_a_strip_to_its_measure(
    stamper: Stamper, rotate: int
) -> None:
    after = stamped(stamper, samples.pdf(media=(0, 0, 14400, 14400), rotate=rotate))

    assert (14400, pytest.approx(14400 * (1 + HEIGHT / WIDEST), abs=0.1)) == reading.size(after)
    assert [URL] == reading.qr_codes(reading.picture(after, scale=0.25))
    assert [] == reading.problems(after)


@pytest.mark.parametrize("pages", [2, 3])
def test_only_the_last_page_grows(stamper: Stamper, pages: int) -> None:
    made = stamped(stamper, samples.pdf(pages=pages))

    sizes = [reading.size(made, page=number) for number in range(pages)]
    assert [(595, 842)] * (pages - 1) + [(595, 842 + HEIGHT)] == sizes


def test_boxes_and_resources_that_are_inherited_stay_the_other_pages(stamper: Stamper) -> None:
    with pikepdf.open(io.BytesIO(samples.pdf(pages=2, rotate=90))) as pdf:
        tree = pdf.Root.Pages
        for name in ("/MediaBox", "/Rotate", "/Resources"):
            tree[name] = pdf.pages[0].obj[name]
            for page in pdf.pages:
                del page.obj[name]
        content = samples.saved(pdf)
    made = stamped(stamper, content)

    assert [(842, 595), (842, 595 + HEIGHT)] == [reading.size(made, page=n) for n in (0, 1)]
    assert "Certificate of Achievement" in reading.text(made)
    with pikepdf.open(io.BytesIO(made)) as pdf:
        assert "/XObject" not in pdf.pages[0].Resources


def test_the_same_input_gives_the_same_bytes_in_another_worker_too(stamper: Stamper) -> None:
    content = samples.pdf()

    assert stamped(stamper, content) == stamped(stamper, content) == stamped(Stamper(), content)


def test_a_stamped_pdf_may_be_stamped_again(stamper: Stamper) -> None:
    twice = stamped(stamper, stamped(stamper, samples.pdf()))

    assert (595, 842 + 2 * HEIGHT) == reading.size(twice)
    assert [URL, URL] == reading.qr_codes(reading.picture(twice, scale=4))


def test_the_strips_text_is_an_artifact_and_its_font_is_embedded(stamper: Stamper) -> None:
    with pikepdf.open(io.BytesIO(stamped(stamper, samples.pdf()))) as pdf:
        page = pdf.pages[0].obj
        assert b"/Artifact BMC" in page.Contents[0].read_bytes()
        fonts = page.Resources.XObject[f"{NAME}{REFERENCE_ID}"].Resources.Font
        embedded = [
            "/FontFile2" in font.DescendantFonts[0].FontDescriptor
            or "/FontFile3" in font.DescendantFonts[0].FontDescriptor
            for font in fonts.values()
        ]
    assert [True, True] == embedded


@pytest.mark.parametrize(
    "issuer", ["Université de Genève", "جامعة الإمارات", "Đại học Quốc gia", "विश्वविद्यालय"]
)
def test_an_issuers_name_is_printed_in_its_script(stamper: Stamper, issuer: str) -> None:
    plain, named = (
        reading.picture(stamped(stamper, samples.pdf(), issuer=name)) for name in ("", issuer)
    )

    assert printable(issuer)
    assert None is not ImageChops.difference(plain, named).getbbox()


def test_an_issuer_that_the_font_cannot_print_is_left_out_not_printed_as_boxes(
    stamper: Stamper,
) -> None:
    found = reading.text(stamped(stamper, samples.pdf(), issuer="北京大学"))

    assert "Issued by" not in found
    assert REFERENCE_ID in found


def test_an_issuers_name_is_never_markup(stamper: Stamper) -> None:
    issuer = '#panic("x") *A* $x$ "quoted" \\ @label <l>'

    assert issuer in reading.text(stamped(stamper, samples.pdf(), issuer=issuer))


@pytest.mark.parametrize("width", [9, 60, 100, 153, 224, 226, 243, 595, 2384])
@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        ("ABC University", URL),
        ("University of Everything " * 10, LONG_URL),
        ("Universitätsverwaltungsgesellschaft" * 7, URL),
        ("جامعة الإمارات العربية المتحدة " * 8, URL),
    ],
    ids=["short", "long", "one word", "Arabic"],
)
def test_the_strip_grows_until_nothing_in_it_is_cut(
    stamper: Stamper, width: int, issuer: str, url: str
) -> None:
    after = stamped(stamper, samples.pdf(media=(0, 0, width, 90)), issuer=issuer, url=url)
    drawn = max(1, NARROWEST / width)  # so that a unit of the strip has four pixels
    whole = reading.picture(after, scale=4 * drawn)
    strip = whole.crop((0, round(90 * 4 * drawn) + 4, whole.width, whole.height))

    left, top, right, bottom = ImageChops.invert(strip).getbbox()
    assert min(left, top, strip.width - right, strip.height - bottom) > 10
    assert [url] == reading.qr_codes(whole)


@pytest.mark.parametrize("width", [NARROWEST, 153, 224, 595])
def test_the_reference_id_stands_on_one_line(stamper: Stamper, width: float) -> None:
    after = stamped(stamper, samples.pdf("", media=(0, 0, width, 90)))

    assert REFERENCE_ID in reading.text(after).splitlines()


def test_a_name_of_words_in_both_directions_keeps_its_own(stamper: Stamper) -> None:
    made = stamped(stamper, samples.pdf(""), issuer="אוניברסיטה XYZ")
    places = {letter: box[0] for letter, box in reading.letters(made)}

    assert places["Z"] < places["ה"] < places["א"]


@pytest.mark.parametrize("content", [b"%PDF-1.7 nothing", samples.pdf(pages=201)])
def test_what_cannot_be_stamped_is_refused(stamper: Stamper, content: bytes) -> None:
    with pytest.raises(FileRefused):
        stamped(stamper, content)


def test_two_hundred_pages_are_stamped(stamper: Stamper) -> None:
    made = stamped(stamper, samples.pdf(pages=200))

    assert [] == reading.problems(made)
    with pikepdf.open(io.BytesIO(made)) as pdf:
        assert 200 == len(pdf.pages)
