"""YAML with places: what of YAML may be used, and how the rest is refused."""

from __future__ import annotations

import time

import pytest

from mappings.document import DocumentError, load
from mappings.locate import SIZE_LIMIT

BEGINS = '1:1: document: is no mapping: it begins with "mapping: 1"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [BEGINS]),
        ("# nothing", [BEGINS]),
        ("word", [BEGINS]),
        ("- a", [BEGINS]),
        (
            "a: &x 1\nb: *x",
            [
                "1:4: document: anchors (&) and aliases (*) are not allowed: write the value out",
                "2:4: document: anchors (&) and aliases (*) are not allowed: write the value out",
            ],
        ),
        (
            "a: !!python/object:os.system x",
            [
                (
                    "1:4: document: the tag !!python/object:os.system is not allowed: "
                    "write the value alone"
                )
            ],
        ),
        (
            "a: 1\n---\nb: 1",
            ["2:1: document: a second document begins here; one file holds one mapping"],
        ),
        ("[" * 5000, ["1:11: document: is nested more than 10 deep"]),
        ("- " * 5000, ["1:21: document: is nested more than 10 deep"]),
        ("? " * 5000, ["1:21: document: is nested more than 10 deep"]),
        ("a: 'x", ["1:4: document: is not YAML: a quote is opened and never closed"]),
        (
            "a: b: c",
            ['1:5: document: is not YAML: check the indentation; quote a text with ": " in it'],
        ),
        ("a:\n\t- x", ["2:1: document: is not YAML: a tab stands here; indent with spaces"]),
        (
            "a: {% if x %}",
            ['1:5: document: is not YAML: a text that begins with {% stands in quotes: "{% … %}"'],
        ),
        (
            "a: @x",
            ['1:4: document: is not YAML: a text that begins with @ stands in quotes: "…"'],
        ),
        (
            "mapping: 1\nname\nb: c",
            ["2:1: document: is not YAML: this line has no colon after its key"],
        ),
        (
            'a: "\\q"',
            ["1:6: document: is not YAML: in \"…\" a \\ must be written \\\\; or use '…'"],
        ),
        (
            "a: {{ a }} {{ b }}",
            ["1:12: document: is not YAML: check the indentation; quote a text with {{ }} in it"],
        ),
        (
            "a: [b",
            [
                (
                    "1:6: document: is not YAML: this does not belong here; "
                    "check brackets, commas and quotes"
                )
            ],
        ),
        ("a\n\x07", ["2:1: document: the invisible character U+0007 is not allowed"]),
        ("a: \ud800", ["1:4: document: the invisible character U+D800 is not allowed"]),
        (
            "x" * (SIZE_LIMIT + 1),
            [f"1:1: document: is {SIZE_LIMIT + 1} bytes large; at most {SIZE_LIMIT}"],
        ),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_place(text: str, expected: list[str]) -> None:
    with pytest.raises(DocumentError) as caught:
        load(text)

    assert expected == [str(mistake) for mistake in caught.value.mistakes]


def test_far_too_many_keys_are_refused_as_such() -> None:
    with pytest.raises(DocumentError) as caught:
        load("a:\n" * 20_000)

    expected = "2500:1: document: holds far more keys and values than any mapping"

    assert [expected] == [str(mistake) for mistake in caught.value.mistakes]


def test_a_merge_key_is_an_unknown_key_and_merges_nothing() -> None:
    with pytest.raises(DocumentError) as caught:
        load("mapping: 1\n<<: {name: a}")

    assert "<<" in [mistake.key for mistake in caught.value.mistakes]
    assert "name" in [mistake.key for mistake in caught.value.mistakes]


@pytest.mark.parametrize("unit", ["a: [", "- ", "{", "'", '"', "a:\n", "x: {{ ", "%", "| ", "&a "])
def test_the_largest_nonsense_is_refused_within_seconds(unit: str) -> None:
    text = unit * (SIZE_LIMIT // len(unit))
    start = time.thread_time()

    with pytest.raises(DocumentError):
        load(text)

    assert time.thread_time() - start < 5
