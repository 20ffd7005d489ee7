"""Multipart bodies are read as Flask's own parser reads them, whatever they are made of."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from vault.web.forms import CHUNK, KIND, FormParser

BOUNDARY = "----x"

Read = tuple[list[tuple[str, str]], list[tuple[str, str | None, str | None, bytes]]]


def read(parser: FormDataParser, body: bytes, boundary: str = BOUNDARY) -> Read:
    _, form, files = parser.parse(BytesIO(body), KIND, len(body), {"boundary": boundary})
    told = []
    for name, file in files.items(multi=True):
        with closing(file):
            told.append((name, file.filename, file.content_type, file.read()))
    return list(form.items(multi=True)), told


def part(disposition: bytes, content: bytes, *more: bytes) -> bytes:
    head = b"\r\n".join([b"Content-Disposition: form-data; " + disposition, *more])
    return b"--" + BOUNDARY.encode() + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def whole(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY.encode() + b"--\r\n"


_name = st.text(
    st.characters(blacklist_characters='"\\%\r\n\0', blacklist_categories=["Cc", "Cs", "Zl", "Zp"]),
    min_size=1,
    max_size=8,
)
#: With all that a delimiter begins with, so that some come right before it.
_content = (
    st.lists(st.sampled_from([b"\r", b"\n", b"--", b"-", b"----x", b"a", b"\xff", b"%PDF-", b"\0"]))
    .map(b"".join)
    .filter(lambda content: b"--" + BOUNDARY.encode() not in content[1:])
)
_field = st.tuples(_name, st.none(), _content)
_file = st.tuples(_name, _name, _content)


@given(st.lists(st.one_of(_field, _file), max_size=5))
def test_it_reads_what_flask_reads(parts: list[tuple[str, str | None, bytes]]) -> None:
    body = whole(
        *(
            part(
                f'name="{name}"'.encode()
                + (b"" if filename is None else f'; filename="{filename}"'.encode()),
                content,
                *([] if filename is None else [b"Content-Type: application/pdf"]),
            )
            for name, filename, content in parts
        )
    )

    assert read(FormDataParser(), body) == read(FormParser(), body)


def test_an_empty_part_may_lack_its_own_line_end() -> None:
    empty = part(b'name="b"', b"").removesuffix(b"\r\n")
    body = whole(part(b'name="a"', b"1"), empty, part(b'name="f"; filename="x"', b"%PDF-"))

    told = ([("a", "1"), ("b", "")], [("f", "x", None, b"%PDF-")])
    assert told == read(FormParser(), body) == read(FormDataParser(), body)


@given(st.data())
def test_a_body_cut_off_anywhere_has_no_fields(data: st.DataObject) -> None:
    body = whole(part(b'name="a"', b"1"), part(b'name="f"; filename="x"', b"%PDF-"))
    cut = body[: data.draw(st.integers(0, len(body) - len("--\r\n") - 1))]

    assert ([], []) == read(FormParser(), cut)


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('filename="証明書.pdf"'.encode(), "証明書.pdf"),
        (b"filename*=UTF-8''%E8%A8%BC.pdf", "証.pdf"),
        (b"filename=plain.pdf", "plain.pdf"),
        (b'filename="a%22b.pdf"', 'a"b.pdf'),
        (b'filename="a\\"b.pdf"', 'a"b.pdf'),
        ('filename="é.pdf"'.encode("latin-1"), "\ufffd.pdf"),
        (b'filename=""', ""),
    ],
)
def test_every_way_to_write_a_file_name(disposition: bytes, filename: str) -> None:
    body = whole(part(b'name="certificate_file"; ' + disposition, b"%PDF-"))

    assert ([], [("certificate_file", filename, None, b"%PDF-")]) == read(FormParser(), body)


def test_a_part_says_how_its_text_is_written() -> None:
    body = whole(
        part(b'name="a"', "é".encode("latin-1"), b"Content-Type: text/plain; charset=iso-8859-1"),
        part(b'name="b"', "é".encode(), b"Content-Type: text/plain; charset=utf-7"),
    )

    assert ([("a", "é"), ("b", "é")], []) == read(FormParser(), body)


def test_a_file_may_be_longer_than_what_is_read_at_once() -> None:
    content = bytes(range(256)) * (3 * CHUNK // 256) + b"\r\n-"

    _, [(_, _, _, told)] = read(FormParser(), whole(part(b'name="f"; filename="x"', content)))

    assert content == told


@pytest.mark.parametrize("boundary", ["", "é", "a\nb"])
def test_without_a_boundary_there_are_no_fields(boundary: str) -> None:
    assert ([], []) == read(FormParser(), whole(part(b'name="a"', b"1")), boundary)


def test_text_is_limited_and_a_file_is_not() -> None:
    parser = FormParser(max_form_memory_size=10)
    long = b"a" * 11

    assert [] == read(parser, whole(part(b'name="f"; filename="x"', long)))[0]
    assert [] == read(parser, whole(part(b"name=\"f\"; filename*=UTF-8''x", long)))[0]
    with pytest.raises(RequestEntityTooLarge):
        read(parser, whole(part(b'name="f"', long)))


def test_so_many_parts_and_no_more() -> None:
    parser = FormParser(max_form_parts=2)
    parts = [part(b'name="a"', b"1")] * 3

    assert 2 == len(read(parser, whole(*parts[:2]))[0])
    with pytest.raises(RequestEntityTooLarge):
        read(parser, whole(*parts))
