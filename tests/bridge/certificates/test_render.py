"""Certificates as they come out: what they say, where it stands, and that they never change."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pikepdf
import pytest
import typst
from PIL import Image

from bridge.certificates import templates
from bridge.certificates.page import RenderError, direction
from bridge.certificates.render import Renderer, Unprintable
from tests.bridge.certificates import reading
from tests.bridge.certificates.pages import PLAIN, SEAL, a_page

LONG = "Maria Alexandra Wilhelmina Konstantinopolska de la Santísima Trinidad "
FRAME_MM = (11.5, 17.5, 11.5, 11.5)


def test_a_box_would_be_noticed():
    pdf = typst.compile("#set text(fallback: false)\n a \ue000 b \ue001".encode())

    assert reading.boxes_shown(pdf) == 2


@pytest.mark.parametrize(
    ("char", "told", "remedy"),
    [
        ("\ue000", "'\\ue000' (U+E000, Unknown)", ""),
        ("伟", "'伟' (U+4F1F, Han)", " Of Debian's packages it is in fonts-noto-cjk."),
        ("𐌰", "'𐌰' (U+10330, Gothic)", " Of Debian's packages it is in fonts-noto-core."),
    ],
)
def test_typst_itself_refuses_what_the_glyph_check_did_not_see(
    with_template: Callable[[str], Renderer], char: str, told: str, remedy: str
) -> None:
    """A template's own text is not checked; and the page's font is only what its data need."""
    with pytest.raises(RenderError) as refused:
        with_template(PLAIN + char).render(a_page(template="own"))

    assert (
        f"The template own has the text {told} that its font FiraGO cannot print "
        "(template.typ:6:1)."
    ) == refused.value.problem
    assert f"Choose a font that has it, or take the text out.{remedy}" == refused.value.remedy


@pytest.mark.parametrize("paper", ["a4", "us-letter"])
@pytest.mark.parametrize(
    "name",
    [
        (LONG * 2)[:120].strip(),
        (LONG * 4)[:255].strip(),
        "W" * 255,
        "محمد علي عبد الرحمن " * 12,
        "ศักดิ์สิทธิ์" * 21,
        "i" * 200 + "W" * 55,
    ],
    ids=["120 characters", "255", "255 wide ones, no space", "Arabic", "Thai, no space", "uneven"],
)
def test_a_long_name_stays_in_the_frame_whole(renderer: Renderer, name: str, paper: str):
    pdf = renderer.render(a_page(full_name=name, paper=paper, logo=SEAL))

    assert all(a >= b for a, b in zip(reading.outermost_mm(pdf), FRAME_MM, strict=True))
    assert reading.boxes_shown(pdf) == 0
    if direction(name) == "ltr" and not name.startswith("ศ"):
        assert "".join(name.split()) in reading.run_together(pdf)


@pytest.mark.parametrize("paper", ["a4", "us-letter"])
@pytest.mark.parametrize("letter", ["W", "n o "])
def test_every_text_at_its_longest_stays_on_the_one_page(
    renderer: Renderer, letter: str, paper: str
):
    text = (letter * 255)[:255]
    pdf = renderer.render(
        a_page(
            full_name=text,
            title=text,
            details=(letter * 1000)[:1000],
            institution_name=text,
            signatory_name=text[:120],
            signatory_role=text[:120],
            logo=SEAL,
            paper=paper,
        )
    )

    assert all(a >= b for a, b in zip(reading.outermost_mm(pdf), FRAME_MM, strict=True))


def test_a_text_that_fits_at_no_size_is_refused_by_name(renderer: Renderer):
    with pytest.raises(RenderError) as refused:
        renderer.render(a_page(details="W" * 20_000))

    assert refused.value.problem == "The template classic refuses: details: too long for the page."


@pytest.mark.parametrize(
    "text",
    [
        "#panic()",
        "*bold* _emph_",
        "$x$ `raw` <label> @ref",
        r"C:\new\table \u{41}",
        '"quoted" // comment /* x */',
        "= Heading",
        '#import "@preview/x:1.0.0"',
        "~ -- ... &amp; <b>",
    ],
)
def test_data_is_printed_and_never_read_as_markup(renderer: Renderer, text: str):
    pdf = renderer.render(
        a_page(full_name=text, title=text, details=text, institution_name=text, signatory_name=text)
    )

    assert reading.text(pdf).count(text) == 5


def test_the_page_says_all_it_was_told(renderer: Renderer):
    expected = [
        "University of Sharjah",
        "CERTIFICATE",
        "This certificate is awarded to",
        "Amina O'Brien",
        "Certificate of Completion: Marine Biology",
        "With distinction. Ref 8f2c91aa",
        "20 November 2026",
        "Date",
        "Prof. Layla Haddad",
        "Dean of Graduate Studies",
    ]

    text = reading.text(renderer.render(a_page(language="en-GB")))

    assert [line for line in expected if line not in text] == []
    assert sum(map(len, expected)) == len(text) - len(expected) + 1


def test_what_is_optional_may_be_left_out(renderer: Renderer):
    bare = a_page(details=None, signatory_name=None, signatory_role=None, language="en-GB")

    lines = reading.text(renderer.render(bare)).split("\n")

    assert lines[-2:] == ["20 November 2026", "Date"]


def test_the_same_page_gives_the_same_bytes_in_every_process_and_folder(
    renderer: Renderer, tmp_path: Path
):
    page = a_page(logo=SEAL, language="ar", full_name="محمد علي")
    first = renderer.render(page)

    with Renderer(font_cache=tmp_path / "another") as another:
        assert first == renderer.render(page) == another.render(page)


def test_another_page_gives_other_bytes(renderer: Renderer):
    assert renderer.render(a_page()) != renderer.render(a_page(issue_date=date(2026, 11, 21)))


@pytest.mark.parametrize(("paper", "size"), [("a4", (297.0, 210.0)), ("us-letter", (279.4, 215.9))])
def test_the_paper_lies_on_its_side(renderer: Renderer, paper: str, size: tuple[float, float]):
    assert size == reading.size_mm(renderer.render(a_page(paper=paper)))


def test_the_arabic_page_is_mirrored(renderer: Renderer):
    def signatory_is_left(language: str) -> bool:
        pdf = renderer.render(a_page(language=language))
        return reading.text_box_mm(pdf, "Haddad")[2] < reading.size_mm(pdf)[0] / 2

    assert [signatory_is_left("en"), signatory_is_left("ar")] == [False, True]


@pytest.mark.parametrize("name", templates.names())
def test_the_file_names_its_title_author_date_and_language(renderer: Renderer, name: str):
    pdf = renderer.render(a_page(template=name, language="ar-AE", full_name="محمد علي"))

    with pikepdf.open(io.BytesIO(pdf)) as document:
        meta = document.open_metadata()
        found = {
            "title": meta["dc:title"],
            "author": meta["dc:creator"],
            "created": meta["xmp:CreateDate"][:10],
            "archivable": (meta["pdfaid:part"], meta["pdfaid:conformance"]),
            "accessible": meta["pdfuaid:part"],
            "language": str(document.Root.Lang),
            "tagged": bool(document.Root.MarkInfo.Marked),
        }

    assert found == {
        "title": "Certificate of Completion: Marine Biology",
        "author": ["University of Sharjah"],
        "created": "2026-11-20",
        "archivable": ("2", "B"),
        "accessible": "1",
        "language": "ar-AE",
        "tagged": True,
    }


def _encoded(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 30, 30)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    "logo",
    [_encoded("PNG"), _encoded("JPEG"), SEAL, b'<?xml version="1.0"?>\n' + SEAL],
    ids=["PNG", "JPEG", "SVG", "SVG with a declaration"],
)
def test_a_logo_is_shown(renderer: Renderer, logo: bytes):
    seen = reading.picture(renderer.render(a_page(logo=logo)))
    middle, top = seen.size[0] // 2, 2 * 28

    assert seen.getpixel((middle, top)) != (255, 255, 255)


@pytest.mark.parametrize(
    ("logo", "problem"),
    [
        (b"GIF89a...", "The logo is no picture of a kind that can be printed."),
        (b"<html>", "The logo is no picture of a kind that can be printed."),
        (b"\x89PNG\r\n\x1a\nbroken", "The logo cannot be shown: failed to decode image"),
        (b"<svg", "The logo cannot be shown (line 1, column 1): failed to parse SVG"),
        (SEAL.replace(b"<circle", b"\n <o:p"), "The logo cannot be shown (line 2, column 3): fail"),
    ],
)
def test_a_picture_that_is_none_is_told(renderer: Renderer, logo: bytes, problem: str):
    with pytest.raises(RenderError, match=re.escape(problem)) as told:
        renderer.render(a_page(logo=logo))

    assert ("picture", "logo") == (told.value.code, told.value.field)


@pytest.mark.parametrize(
    "link",
    [
        "{secret}",
        "file://{secret}",
        "../../../../../../../../../..{secret}",
        "http://{there}/x.png",
    ],
)
@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
def test_a_picture_shows_nothing_from_outside(
    renderer: Renderer, tmp_path: Path, attribute: str, link: str
):
    secret = tmp_path / "secret.png"
    secret.write_bytes(_encoded("PNG"))
    with closing(socket.create_server(("127.0.0.1", 0))) as there:
        there.setblocking(False)
        target = link.format(secret=secret, there=f"127.0.0.1:{there.getsockname()[1]}")
        xlink = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
        linked = f'<image {xlink} width="9" height="9" {attribute}="{target}"/>'
        with pytest.raises(RenderError, match=r"The logo cannot be shown .*failed to load linked"):
            renderer.render(a_page(logo=SEAL.replace(b"<circle", linked.encode() + b"<circle")))

        with pytest.raises(BlockingIOError):
            there.accept()


def test_a_picture_reads_no_file_into_its_text(renderer: Renderer, tmp_path: Path):
    (tmp_path / "secret.txt").write_text("SECRET")
    entity = f'<!DOCTYPE svg [<!ENTITY secret SYSTEM "file://{tmp_path}/secret.txt">]>'
    logo = entity.encode() + SEAL.replace(b"</svg>", b"<text>&secret;</text></svg>")

    with pytest.raises(RenderError, match=r"The logo cannot be shown .*unknown entity 'secret'"):
        renderer.render(a_page(logo=logo))


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        (
            {"template": "barock"},
            f"Set the mapping's certificate template to one of: {', '.join(templates.names())}.",
        ),
        (
            {"language": "tlh"},
            "Set the mapping's certificate language to one of: ar, de, en, es, fr, hi, pt, zh.",
        ),
        ({"paper": "a5"}, "Set the mapping's certificate paper to one of: a4, us-letter."),
        (
            {"parameters": {"acent": "x"}},
            f"Its parameters are: {', '.join(sorted(templates.load('classic').parameters))}.",
        ),
        ({"parameters": {"accent": "blue"}}, 'Give a colour like "#1f3a5f".'),
        ({"parameters": {"border": "no"}}, "Give true or false."),
        ({"parameters": {"sentence": "won"}}, "Give one of: awarded, completed."),
        (
            {"full_name": " "},
            "Say in the mapping or the issuer where it comes from, then replay.",
        ),
    ],
)
def test_what_cannot_be_printed_says_what_can(renderer: Renderer, changes: dict, remedy: str):
    with pytest.raises(RenderError) as refused:
        renderer.render(a_page(**changes))

    assert remedy == refused.value.remedy


def test_parameters_change_the_page(renderer: Renderer):
    given = {"accent": "#aa0000", "border": False, "sentence": "completed"}

    pdf = renderer.render(a_page(title="Marine Biology", parameters=given))

    assert "This is to certify that" in reading.text(pdf)
    assert "has successfully completed" in reading.text(pdf)
    assert reading.picture(pdf).getpixel((2 * 9, 2 * 100)) == (255, 255, 255)


def test_a_text_that_no_font_has_is_never_printed(renderer: Renderer):
    page = a_page(full_name="Ana \ue000", signatory_name="\ue001")

    with pytest.raises(Unprintable) as refused:
        renderer.render(page)

    assert refused.value.missing == renderer.missing(page)
    assert [(each.code_point, each.where) for each in refused.value.missing] == [
        ("U+E000", "full name"),
        ("U+E001", "signatory's name"),
    ]
