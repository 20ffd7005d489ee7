"""PDF/A and tagged PDFs stay what they were, stamped and signed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache
from typing import Any

import pikepdf
import pytest
import typst

from tests.vault import authority, reading, validating
from vault import qr
from vault.seal import seal
from vault.signing import read_pkcs12
from vault.stamp import Stamper
from vault.strip import NAME

REFERENCE_ID = "VEC-IC-202567DAE48425BAD"
URL = f"https://vault.example.edu/verify/{REFERENCE_ID}"
#: As Typst calls them: archives of every generation, and accessible documents.
KINDS = ("a-1a", "a-1b", "a-2a", "a-2b", "a-2u", "a-3a", "a-4", "ua-1")
SOURCE = b"""
#set document(title: "Certificate", author: "ABC", date: datetime(year: 2026, month: 1, day: 1))
#set text(lang: "en")
= Certificate of Achievement
This is to certify, with a #link("https://abc.example.edu")[link], that
- one thing
- and another
#pagebreak()
== Transcript
#table(columns: 2, table.header[Course][Grade], [Biology], [A])
"""


@cache
def document(kind: str) -> bytes:
    """A document of two pages, as its kind demands."""
    made: bytes = typst.compile(SOURCE, format="pdf", pdf_standards=[kind], timestamp=0)
    return made


@cache
def stamped(kind: str) -> bytes:
    """The same with the strip."""
    return Stamper().stamp(
        document(kind),
        reference_id=REFERENCE_ID,
        issuer="ABC University",
        url=URL,
        qr_svg=qr.svg(URL),
    )


@cache
def signed(kind: str) -> bytes:
    """The same with an institution's signature."""
    p12 = authority.as_pkcs12(authority.institution())
    return seal(stamped(kind), read_pkcs12(p12, authority.PASSPHRASE), name=REFERENCE_ID)


def opened(content: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(content), attempt_recovery=False)


def catalogue(pdf: pikepdf.Pdf) -> dict[str, str]:
    """What the document says of itself, objects by their kind."""
    return {
        name: type(value).__name__ if isinstance(value, pikepdf.Stream) else str(_plain(value, 2))
        for name, value in pdf.Root.items()
        if name not in ("/Pages", "/StructTreeRoot")
    }


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, pikepdf.Dictionary) and depth:
        return {name: _plain(part, depth - 1) for name, part in sorted(value.items())}
    if isinstance(value, pikepdf.Array) and depth:
        return [_plain(part, depth) for part in value]
    return str(value) if isinstance(value, str | int | pikepdf.Name | pikepdf.String) else "…"


def structure(element: pikepdf.Object) -> Iterator[str]:
    """The tree of tags, in order: types, alternative texts, marked contents."""
    yield f"{element.get('/S')} {element.get('/Alt')} {element.get('/Lang')}"
    children = element.get("/K")
    for child in children if isinstance(children, pikepdf.Array) else [children]:
        if isinstance(child, pikepdf.Dictionary):
            yield from structure(child)
        else:
            yield str(child)


def tags(pdf: pikepdf.Pdf) -> list[str]:
    """The whole tree."""
    root = pdf.Root.get("/StructTreeRoot")
    return [] if root is None else list(structure(root))


@pytest.mark.parametrize("kind", KINDS)
def test_the_documents_own_words_about_itself_stay_to_the_byte(kind: str) -> None:
    with opened(document(kind)) as before, opened(stamped(kind)) as after:
        assert before.Root.Metadata.read_bytes() == after.Root.Metadata.read_bytes()
        assert "/Filter" not in after.Root.Metadata
        assert before.pdf_version == after.pdf_version
        assert catalogue(before) == catalogue(after)
        assert before.trailer.ID[0] == after.trailer.ID[0]
        assert dict(before.docinfo.items()) == dict(after.docinfo.items())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("made", [stamped, signed])
def test_the_tree_of_tags_stays_and_still_points_at_the_pages(kind: str, made: Any) -> None:
    with opened(document(kind)) as before, opened(made(kind)) as after:
        assert tags(before) == tags(after)
        assert kind in ("a-1b", "a-2b", "a-2u", "a-4") or len(tags(after)) > 10
        for old, new in zip(before.pages, after.pages, strict=True):
            assert old.obj.get("/StructParents") == new.obj.get("/StructParents")
            assert old.obj.get("/Tabs") == new.obj.get("/Tabs")
        old_content = before.pages[-1].obj.Contents.read_bytes()
        assert old_content == after.pages[-1].obj.Contents[1].read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_strip_holds_nothing_that_an_archive_forbids(kind: str) -> None:
    with opened(stamped(kind)) as pdf:
        content = pdf.pages[-1].obj.Contents
        assert content[0].read_bytes().startswith(b"/Artifact BMC q ")
        assert content[0].read_bytes().split(b"\n")[0].endswith(b" Do Q EMC")
        strip = pdf.pages[-1].obj.Resources.XObject[f"{NAME}{REFERENCE_ID}"]
        resources = strip.Resources
        assert {"/ColorSpace", "/Font", "/ProcSet"} == set(resources.keys())
        assert "/Group" not in strip
        # Colour profiles are of the version that the oldest archives know.
        assert [2] == [space[1].read_bytes()[8] for space in resources.ColorSpace.values()]
        described = [font.DescendantFonts[0].FontDescriptor for font in resources.Font.values()]
        assert [True, True] == ["/FontFile2" in one and "/CIDSet" in one for one in described]
        assert all("/ToUnicode" in font for font in resources.Font.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_leaves_the_kind_of_archive(kind: str) -> None:
    with opened(document(kind)) as before, opened(signed(kind)) as after:
        with before.open_metadata() as was, after.open_metadata() as now:
            assert (was.pdfa_status, was.get("pdfuaid:part")) == (
                now.pdfa_status,
                now.get("pdfuaid:part"),
            )
            assert was["dc:title"] == now["dc:title"]
        assert {"/OutputIntents", "/MarkInfo", "/Lang"} & set(before.Root.keys()) <= set(
            after.Root.keys()
        )
        (field,) = after.Root.AcroForm.Fields
        assert 4 == int(field.F) & 7  # printed, not hidden, as archives demand of every field
    assert [True] == validating.verdicts(signed(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_structure_is_sound_before_and_after(kind: str) -> None:
    assert [[], [], []] == [reading.problems(made(kind)) for made in (document, stamped, signed)]
