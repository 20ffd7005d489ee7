"""Texts made fit for a certificate, and addresses that are none."""

from __future__ import annotations

import pytest

from mappings import texts


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("  Amina \t Al\u00a0Hashimi\r\n", "Amina Al Hashimi"),
        ("Bcc:\r\nx@y.zz", "Bcc: x@y.zz"),
        ("Jose\u0301", "José"),
        ("A\u202emina\u2066\u200f\u061c", "Amina"),
        ("A\x00mi\x1b[1mna\x7f", "Ami[1mna"),
        ("Zero\u200bwidth\ufeff\u00ad", "Zerowidth"),
        ("e\u200b\u0301", "é"),
        ("\ud800A", "A"),
        ("می\u200cخواهم क\u094d\u200dष", "می\u200cخواهم क\u094d\u200dष"),
        ("葛\U000e0100飾", "葛\U000e0100飾"),
        ("\u200f \u200f", ""),
        ("a\u2028b\x85c", "a b c"),
    ],
)
def test_a_line_is_clean_and_single_spaced(given: str, expected: str) -> None:
    assert expected == texts.line(given)
    assert expected == texts.line(texts.line(given))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("\n\n a  b \r\n\r\n\r\n\tc\u2028d \n", "a b\n\nc\nd"),
        ("a\rb\x0bc", "a\nb\nc"),
        ("", ""),
    ],
)
def test_a_block_keeps_its_lines(given: str, expected: str) -> None:
    assert expected == texts.block(given)
    assert expected == texts.block(texts.block(given))


@pytest.mark.parametrize(
    "good",
    ["a@b.cd", "o'brien+x@mail.example.edu", "用户@例子.公司", "a.b-c_d@x--y.org", "A@B.CD"],
)
def test_addresses_that_may_be_one(good: str) -> None:
    assert texts.address_problem(good) is None


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("amina", "is no e-mail address"),
        ("a@b", "is no e-mail address"),
        ("a@b@c.de", "is no e-mail address"),
        ("@b.cd", "is no e-mail address"),
        ("a@.cd", "is no e-mail address"),
        ("a@b..cd", "is no e-mail address"),
        ("a@b.cd.", "is no e-mail address"),
        ("a b@c.de", "has a space in it"),
        ("a@c.de\nbcc", "has a space in it"),
        ("Amina <a@b.cd>", "has a space in it"),
        ("<a@b.cd>", "has < in it"),
        ("a@b.cd,e@f.gh", "has , in it"),
        ("a\u200b@b.cd", "has the invisible character U+200B in it"),
        ("a\x00@b.cd", "has the invisible character U+0000 in it"),
    ],
)
def test_addresses_that_are_none(bad: str, expected: str) -> None:
    assert expected == texts.address_problem(bad)
