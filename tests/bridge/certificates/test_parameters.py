"""What a template's parameters take, what they refuse, and what of them is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
import typst

from bridge.certificates import templates
from bridge.certificates.page import RenderError
from bridge.certificates.render import Renderer
from tests.bridge.certificates import reading
from tests.bridge.certificates.pages import HAND, PLAIN, SEAL, a_page, a_template

HADDAD = {"name": "Layla Haddad", "role": "Dean", "image": "hand.svg", "until": date(2026, 8, 31)}
OKAFOR = {"name": "Chidi Okafor", "role": "Dean", "from": date(2026, 9, 1)}

Own = Callable[..., Renderer]


def _with(tmp_path: Path, parameter: str) -> str:
    """What is said against a template with this parameter."""
    about = f"description: x\npapers: [a4]\nparameters:\n  a: {parameter}\n"
    folder = a_template(tmp_path, PLAIN, about=about)
    (folder / "own" / "hand.svg").write_bytes(HAND)
    (folder / "own" / "notes.txt").write_text("none")
    with pytest.raises(RenderError) as refused:
        templates.load("own", (folder,))
    return refused.value.problem


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("{type: odd, default: 1}", "there is no type odd; there are: boolean, choice, colour"),
        ("{type: text}", "parameters: a: default is missing"),
        ("{type: text, default: x, hlep: x}", "hlep is not known; there are: type, default, help"),
        ("{type: text, default: 1}", "default: Give a text, in quotes"),
        ("{type: boolean, default: 'no'}", "default: Give true or false"),
        ("{type: choice, default: x}", "the type choice, and no other, has a list of choices"),
        ("{type: text, default: x, choices: [x]}", "the type choice, and no other"),
        ("{type: choice, choices: [x, y], default: z}", "default: Give one of: x, y"),
        ("{type: colour, default: red}", 'default: Give a colour like "#1f3a5f"'),
        ("{type: language, default: tlh}", "default: Give one of: ar, de, en, es, fr, hi, pt, zh"),
        ("{type: period, default: 2 years ago}", 'Give a period like "2 years"'),
        ("{type: image, default: seal.svg}", "template's folder. It has: hand.svg"),
        ("{type: image, default: /etc/passwd}", "template's folder. It has: hand.svg"),
        ("{type: image, default: ../own/hand.svg}", "template's folder. It has: hand.svg"),
        ("{type: image, default: 1}", "Give the name of a file in the template's folder"),
        ("{type: image, default: notes.txt}", "Save notes.txt anew as PNG, JPEG, SVG or PDF"),
        ("{type: image, default: 'hand.svg#2'}", "Only a PDF has pages: write hand.svg"),
        ("{type: signatories, default: Layla}", "Give a list: - {name: …"),
        ("{type: signatories, default: [Layla]}", "Signatory 1: write {name: …, role: …}"),
        ("{type: signatories, default: [{role: x}]}", "Signatory 1: give the name"),
        ("{type: signatories, default: [{name: x, role: 1}]}", "1: give the role as a text"),
        ("{type: signatories, default: [{nmae: x}]}", "nmae is not known; there are: name, role"),
        ("{type: signatories, default: [{name: x, from: soon}]}", "write from and until as 2026-"),
        (
            "{type: signatories, default: [{name: x, from: 2026-02-01, until: 2026-01-01}]}",
            "Signatory 1: until is before from",
        ),
        ("{type: signatories, default: [{name: x, image: no.png}]}", "1: Give the name of a pic"),
        (
            "{type: signatories, default: [name: a, name: b, name: c, name: d]}",
            "At most 3 can sign, and 4 are in office at once",
        ),
    ],
)
def test_a_parameter_that_is_none_says_what_to_write(tmp_path: Path, parameter: str, said: str):
    assert said in _with(tmp_path, parameter)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en-GB", "Valid until 20 November 2028"),
        ("de", "Gültig bis 20. November 2028"),
        ("hi", "20 नवंबर 2028 तक मान्य"),
    ],
)
def test_the_validity_is_printed_in_the_pages_language(
    renderer: Renderer, language: str, expected: str
):
    pdf = renderer.render(a_page(language=language, parameters={"validity": "2 years"}))

    assert expected in reading.text(pdf)


@pytest.mark.parametrize(
    ("day", "signs"),
    [
        (date(2026, 8, 31), "Layla Haddad"),
        (date(2026, 9, 1), "Chidi Okafor"),
    ],
)
def test_who_is_in_office_on_the_issue_date_signs(own: Own, day: date, signs: str):
    text = reading.text(
        own({"hand.svg": HAND}, signatories=[HADDAD, OKAFOR]).render(
            a_page(template="own", issue_date=day)
        )
    )

    names = ("Layla Haddad", "Chidi Okafor", "Prof. Layla Haddad")
    assert [signs] == [each for each in names if each in text]


def test_where_nobody_is_in_office_the_page_is_refused(own: Own):
    renderer = own({"hand.svg": HAND}, signatories=[HADDAD])

    with pytest.raises(RenderError, match="No signatory of the template is in office on 2026-11"):
        renderer.render(a_page(template="own"))


@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
def test_three_sign_beside_date_and_seal_and_nothing_leaves_the_page(own: Own, orientation: str):
    people = [
        {
            "name": f"Prof. {name} Wilhelmina van der Berg",
            "role": "Dean of Graduate Studies",
            "image": "hand.svg",
        }
        for name in ("Ana", "Bea", "Cyd")
    ]
    renderer = own(
        {"hand.svg": HAND, "seal.svg": SEAL},
        signatories=people,
        seal="seal.svg",
        validity="2 years",
        orientation=orientation,
    )

    pdf = renderer.render(a_page(template="own"))

    assert 3 == reading.run_together(pdf).count("DeanofGraduateStudies")
    assert all(a >= b for a, b in zip(reading.outermost_mm(pdf), (9, 15, 9, 9), strict=True))


@pytest.mark.parametrize(("paper", "size"), [("a4", (210.0, 297.0)), ("us-letter", (215.9, 279.4))])
def test_the_paper_may_stand_upright(renderer: Renderer, paper: str, size: tuple[float, float]):
    page = a_page(paper=paper, parameters={"orientation": "portrait"})

    assert size == reading.size_mm(renderer.render(page))


@pytest.mark.parametrize(
    ("background", "colour"), [("p.pdf", (255, 0, 0)), ("p.pdf#2", (0, 0, 255))]
)
def test_a_page_of_a_pdf_may_lie_behind_all_and_the_file_stays_archivable(
    own: Own, background: str, colour: tuple[int, int, int]
):
    paper = typst.compile(
        b'#set page(width: 20pt, height: 20pt, fill: rgb("#ff0000"))\n a\n'
        b'#pagebreak()\n#set page(fill: rgb("#0000ff"))\n b'
    )
    renderer = own({"p.pdf": paper}, background=background)  # type: ignore[dict-item]

    pdf = renderer.render(a_page(template="own"))

    assert colour == reading.picture(pdf).getpixel((4, 4))
    assert b"pdfaid:part" in pdf
    assert pdf == renderer.render(a_page(template="own"))


@pytest.mark.parametrize(
    ("content", "page"), [(b"%PDF-1.7 broken", ""), (b"", "#3")], ids=["broken", "no such page"]
)
def test_a_pdf_that_cannot_be_shown_is_told(own: Own, content: bytes, page: str):
    whole = typst.compile(b"one page")
    renderer = own({"p.pdf": content or whole}, background=f"p.pdf{page}")  # type: ignore[dict-item]

    with pytest.raises(
        RenderError, match="The background cannot be shown: failed to load PDF"
    ) as told:
        renderer.render(a_page(template="own"))

    assert ("picture", "background") == (told.value.code, told.value.field)


def test_a_template_tells_what_it_printed_with(own: Own):
    hands = {f"{name}.svg": HAND + name.encode() for name in "abc"}
    renderer = own(
        {"seal.svg": SEAL, **hands},
        seal="seal.svg",
        signatories=[OKAFOR, *({"name": "x", "image": file} for file in ("c.svg", "a.svg"))],
    )
    page = a_page(template="own", logo=SEAL)

    made_of = renderer.made_of(page)

    pictures = {"logo": SEAL, "seal": SEAL, "signature 2": HAND + b"c", "signature 3": HAND + b"a"}
    digests = {name: sha256(content).hexdigest() for name, content in pictures.items()}
    assert (renderer.template("own").digest, digests) == (made_of["template"], made_of["pictures"])
    assert made_of != renderer.made_of(replace(page, logo=HAND))


def test_what_is_asked_of_a_name_holds_for_who_signs(own: Own):
    renderer = own({}, signatories=[{"name": "Ana \ue000"}])

    (lacking,) = renderer.missing(a_page(template="own"))

    assert ("U+E000", "signatory's name") == (lacking.code_point, lacking.where)
