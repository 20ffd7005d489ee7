"""A file's name on any system, and how a stream from the vault begins and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import structlog

from bridge.vault_client import Unavailable
from bridge.web.vault_file import LONGEST_NAME, disposition, file_name, stream
from tests.bridge.institution import PDF


@contextmanager
def answer(content: Iterator[bytes] | bytes, headers: dict[str, str]) -> Iterator[httpx.Response]:
    yield httpx.Response(200, content=content, headers=headers)


def lost_on_the_way() -> Iterator[bytes]:
    yield PDF * 10
    raise httpx.ReadError("gone")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("Nguyễn Thị Minh Khai", "Biology"), "Nguyễn Thị Minh Khai - Biology.pdf"),
        (("محمد علي", "شهادة"), "محمد علي - شهادة.pdf"),
        (("O'Brien", 'A/B\\C: "D" <E>|F*?'), "O'Brien - A B C D E F.pdf"),
        (("../../etc/passwd", None), "etc passwd.pdf"),
        (("a\r\nSet-Cookie: x", "b\x00c"), "aSet-Cookie x - bc.pdf"),
        (("gpj.\u202efdp", "t\u2066x\u200b"), "gpj.fdp - tx.pdf"),
        (("क्\u200dष", None), "क्\u200dष.pdf"),
        (("e\u0301", None), "é.pdf"),
        ((None, None), "certificate.pdf"),
        (("...", "   "), "certificate.pdf"),
    ],
)
def test_a_file_name_is_readable_and_harmless(parts: tuple[str | None, ...], expected: str) -> None:
    assert expected == file_name(*parts)


@pytest.mark.parametrize("letter", ["a", "é", "ก", "𝒜"])
def test_a_file_name_fits_every_system_and_no_letter_is_cut_in_two(letter: str) -> None:
    name = file_name(letter * 120, letter * 255)

    assert len(name.encode()) <= LONGEST_NAME + len(".pdf")
    assert {letter} >= set(name) - set(" -.pdf")


def test_a_name_in_any_script_is_sent_in_ascii() -> None:
    expected = (
        'attachment; filename="certificate.pdf"; '
        "filename*=UTF-8''%D8%B9%D9%84%D9%8A%20%22x%22%3B%0D%0A.pdf"
    )

    assert expected == disposition('علي "x";\r\n.pdf')


def test_the_length_is_told_so_that_a_cut_file_is_noticed() -> None:
    response = stream(answer(PDF, {"Content-Length": str(len(PDF))}), name="x.pdf")

    assert (str(len(PDF)), PDF) == (response.headers["Content-Length"], response.get_data())


def test_the_length_of_a_packed_answer_is_not_the_files() -> None:
    headers = {"Content-Length": "3", "Content-Encoding": "identity"}

    response = stream(answer(PDF, headers), name="x.pdf")

    assert None is response.headers.get("Content-Length")
    response.close()


def test_a_file_lost_on_the_way_is_cut_off_and_never_ended_properly() -> None:
    response = stream(answer(lost_on_the_way(), {}), name="x.pdf")

    with structlog.testing.capture_logs() as logged, pytest.raises(httpx.ReadError):
        list(response.response)

    assert [("download_cut", "ReadError")] == [(line["event"], line["reason"]) for line in logged]
    response.close()


def test_a_file_lost_before_it_began_is_no_answer_at_all() -> None:
    with pytest.raises(Unavailable):
        stream(answer(iter([b"<html>"]), {}), name="x.pdf")
