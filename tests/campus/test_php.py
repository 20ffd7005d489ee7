"""Forms are nested as PHP nests them, and answers are spelt as PHP spells them."""

from __future__ import annotations

import pytest

from campus import php


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("a", "1")], {"a": "1"}),
        ([("a", "1"), ("a", "2")], {"a": "2"}),
        ([("a[0]", "x"), ("a[1]", "y")], {"a": {"0": "x", "1": "y"}}),
        ([("a[0][b]", "x"), ("a[0][c]", "y")], {"a": {"0": {"b": "x", "c": "y"}}}),
        ([("a[]", "x"), ("a[]", "y")], {"a": {"0": "x", "1": "y"}}),
        ([("a", "1"), ("a[b]", "2")], {"a": {"b": "2"}}),
        ([("a[b]c", "1")], {}),
    ],
)
def test_brackets_nest(pairs: list[tuple[str, str]], expected: php.Form) -> None:
    assert expected == php.read_form(pairs, max_input_vars=1000)


def test_what_comes_after_max_input_vars_is_dropped_silently() -> None:
    pairs = [(f"a[{n}]", "x") for n in range(6)]

    assert {"a": {"0": "x", "1": "x"}} == php.read_form(pairs, max_input_vars=2)


def test_json_escapes_slashes_and_everything_beyond_ascii() -> None:
    assert rb'{"a":"\/ \u00e9","b":null,"c":true}' == php.as_json(
        {"a": "/ é", "b": None, "c": True}
    )


def test_xml_of_lists_and_structures_is_moodles() -> None:
    expected = (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<RESPONSE>\n<SINGLE>\n'
        '<KEY name="a"><MULTIPLE>\n<VALUE>1</VALUE>\n</MULTIPLE>\n</KEY>\n'
        '<KEY name="b"><VALUE null="null"/>\n</KEY>\n'
        '<KEY name="c"><VALUE>0</VALUE>\n</KEY>\n'
        "</SINGLE>\n</RESPONSE>\n"
    )

    assert expected.encode() == php.as_xml({"a": [1], "b": None, "c": False})
