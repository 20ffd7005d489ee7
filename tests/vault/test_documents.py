"""What is taken and what is refused, by content."""

from __future__ import annotations

import io
import re

import pikepdf
import pytest
from pyhanko.sign.fields import MDPPerm

from tests.vault import samples
from tests.vault.registrar import registrars
from vault.documents import bears_signature, inspect
from vault.kinds import FileKind, FileRefused


def _with_values_apart() -> bytes:
    """A PDF with numbers and the like in objects of their own, as Cairo writes lengths."""
    values = [b"1234567", b"1.25", b"true", b"null"]
    with pikepdf.open(io.BytesIO(samples.pdf())) as opened:
        apart = [opened.make_indirect(pikepdf.String(f"value {n}")) for n in range(len(values))]
        opened.Root.Apart = pikepdf.Array(apart)
        made = samples.saved(opened)
    for n, value in enumerate(values):
        made = made.replace(f"(value {n})".encode(), value.ljust(len(f"(value {n})")))
    return made


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (samples.pdf(), FileKind.PDF),
        (samples.jpeg(), FileKind.JPEG),
        (samples.png(), FileKind.PNG),
        (samples.pdf(pages=200), FileKind.PDF),
        (registrars(), FileKind.PDF),
        (_with_values_apart(), FileKind.PDF),
        (samples.pdf() + b"\r\n\x00\x00" * 2000, FileKind.PDF),
    ],
)
def test_these_are_taken(content: bytes, kind: FileKind) -> None:
    assert kind is inspect(content)


def _doing(action: dict[str, object], *, where: str = "/OpenAction") -> bytes:
    """A PDF that does this when it is opened, or when its annotation or stream is used."""
    with pikepdf.open(io.BytesIO(samples.pdf())) as opened:
        made = pikepdf.Dictionary(action)
        if where == "stream":
            opened.Root.Extra = opened.make_stream(b"x", {"/Deep": pikepdf.Array([made])})
        elif where == "annotation":
            opened.pages[0].obj.Annots = pikepdf.Array([pikepdf.Dictionary(A=made)])
        else:
            opened.Root[where] = made
        return samples.saved(opened, object_stream_mode=pikepdf.ObjectStreamMode.generate)


SCRIPT = {"/S": pikepdf.Name.JavaScript, "/JS": "app.alert(1)"}
LAUNCH = {"/S": pikepdf.Name.Launch, "/F": "calc.exe"}
GO_TO = {"/S": pikepdf.Name.GoTo, "/D": [0, pikepdf.Name.Fit]}


@pytest.mark.parametrize("where", ["/OpenAction", "annotation", "stream"])
def test_what_acts_is_refused_wherever_it_hides(where: str) -> None:
    with pytest.raises(FileRefused, match="contains JavaScript"):
        inspect(_doing(SCRIPT, where=where))
    with pytest.raises(FileRefused, match="starts a program"):
        inspect(_doing(LAUNCH, where=where))


def _named_apart() -> bytes:
    """A PDF whose action has its type in an object of its own."""
    with pikepdf.open(io.BytesIO(samples.pdf())) as opened:
        kind = opened.make_indirect(pikepdf.Name.Launch)
        opened.Root.OpenAction = pikepdf.Dictionary(S=kind, F="cmd.exe")
        return samples.saved(opened)


def _catalogue_in_the_trailer() -> bytes:
    """A PDF whose catalogue, with its action, is no object but stands in the trailer."""
    with pikepdf.open(io.BytesIO(_doing(LAUNCH))) as opened:
        whole = samples.saved(opened, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    root = re.search(rb"(?<=\n1 0 obj\n)<<.*?>>(?=\nendobj)", whole)
    assert root
    # As long as before, so that its table of places stays true.
    without = whole.replace(root[0], b"null".ljust(len(root[0])))
    return without.replace(b"/Root 1 0 R", b"/Root " + root[0])


@pytest.mark.parametrize("content", [_named_apart(), _catalogue_in_the_trailer()])
def test_what_acts_is_refused_however_it_is_put_together(content: bytes) -> None:
    with pytest.raises(FileRefused, match="starts a program"):
        inspect(content)


def test_a_documents_own_scripts_are_found() -> None:
    tree = {"/JavaScript": {"/Names": []}}
    with pytest.raises(FileRefused, match="contains JavaScript"):
        inspect(_doing(tree, where="/Names"))


def test_a_form_that_takes_the_pages_place_is_refused() -> None:
    with pikepdf.open(io.BytesIO(samples.pdf())) as opened:
        form = opened.make_stream(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>")
        opened.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(), XFA=form)
        content = samples.saved(opened)

    with pytest.raises(FileRefused, match="holds an XFA form, which may run scripts"):
        inspect(content)


def test_a_name_that_is_spelt_with_escapes_is_known() -> None:
    with pikepdf.open(io.BytesIO(samples.pdf())) as opened:
        opened.Root.OpenAction = pikepdf.Dictionary({**SCRIPT, "/JS": "12345"})
        plain = samples.saved(opened)
    escaped = plain.replace(b"(12345)", b"(123)").replace(b"/JavaScript", b"/J#61vaScript")
    assert plain != escaped
    assert len(plain) == len(escaped)  # so that its table of places stays true
    with pytest.raises(FileRefused, match="contains JavaScript"):
        inspect(escaped)


def test_opening_at_a_page_is_no_script() -> None:
    assert FileKind.PDF is inspect(_doing(GO_TO))


def _without_pages() -> bytes:
    return samples.saved(pikepdf.new())


def _permissions_only() -> bytes:
    return samples.changed(samples.pdf(), encryption=pikepdf.Encryption(owner="o", user=""))


def _with_password() -> bytes:
    return samples.changed(samples.pdf(), encryption=pikepdf.Encryption(owner="o", user="u"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"hello", "must be a file of type: pdf, jpg, jpeg, png"),
        (b"II*\x00 a TIFF", "must be a file of type"),
        (b"<svg/>", "must be a file of type"),
        (b"PK\x03\x04 a zip", "must be a file of type"),
        (b"%PDF-1.7\n", "is a damaged PDF"),
        (samples.pdf()[:-40], "is a damaged PDF"),
        (samples.pdf()[:300], "is a damaged PDF"),
        (_with_password(), "is encrypted. Save it without a password"),
        (_permissions_only(), "is encrypted. Save it without protection"),
        (_without_pages(), "has 0 pages"),
        (samples.pdf(pages=201), "has 201 pages. It must have between 1 and 200"),
        (samples.pdf(media=(5, 5, 5, 5)), "last page shows nothing"),
        (samples.pdf(media=(0, 0, 1e9, 10)), "last page has no size"),
        (samples.pdf(crop=(900, 900, 999, 999)), "last page shows nothing"),
        (samples.png()[:50], "is a damaged picture"),
        (samples.jpeg()[:100], "is a damaged picture"),
    ],
)
def test_these_are_refused_each_for_its_own_reason(content: bytes, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason):
        inspect(content)


@pytest.mark.parametrize(
    ("content", "signed"),
    [
        (samples.pdf(), False),
        (samples.empty_signature_field(), False),
        (samples.pdf(before=b"% /ByteRange\n"), False),
        (registrars(), True),
        (registrars(MDPPerm.NO_CHANGES), True),
    ],
    ids=["plain", "an empty field", "the bare word", "signed", "certified"],
)
def test_a_signature_is_told_from_what_only_looks_like_one(content: bytes, signed: bool) -> None:
    assert signed is bears_signature(content)
