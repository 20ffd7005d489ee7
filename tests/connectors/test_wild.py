"""Foreign JSON: each wrong turn says where."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from connectors.base import Malformed
from connectors.wild import Wild


def refused(read, value) -> str:
    with pytest.raises(Malformed) as caught:
        read(Wild("$", value))
    return str(caught.value)


def test_the_way_to_a_wrong_value_is_told():
    document = Wild.load(b'{"a": [{"b": 1}, {"b": null}]}')
    [_, second] = document["a"].items()

    with pytest.raises(Malformed) as caught:
        second["b"].text()

    assert caught.value.path == "$.a[1].b"


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"{", b"NaN", b'{"a": Infinity}', b"[" * 100_000, b"1" * 5000]
)
def test_what_is_no_json_is_malformed(body):
    with pytest.raises(Malformed, match=r"\$: is no JSON"):
        Wild.load(body)


def test_missing_and_null_are_told_apart_where_it_matters():
    document = Wild.load('{"here": null}')

    assert document["here"].value is None
    assert document.get("here") is None
    assert document.get("gone") is None
    with pytest.raises(Malformed, match=r"\$\.gone: is missing"):
        document["gone"]


@pytest.mark.parametrize(
    "body", [r'"\ud800"', r'["\u0000"]', r'{"a": [{"\udfff": 1}]}', r'{"a": {"b": "x\u0000"}}']
)
def test_texts_that_cannot_be_stored_are_malformed(body):
    with pytest.raises(Malformed, match="half a character or a NUL"):
        Wild.load(body)


def test_a_character_told_in_two_halves_is_one():
    assert Wild.load(r'"\ud83c\udf93 \\u0000"').text() == "🎓 \\u0000"


@pytest.mark.parametrize("value", [None, "", 1, [], {}, True])
def test_texts(value):
    assert Wild("$", "Seán 🎓").text() == "Seán 🎓"
    refused(Wild.text, value)


@pytest.mark.parametrize(("value", "expected"), [("12", "12"), (13, "13"), ("0014", "14")])
def test_identifiers(value, expected):
    assert Wild("$", value).identifier() == expected


@pytest.mark.parametrize("value", [None, "", "0", 0.0, -1, "-2", True, 1.0, "2.0", " 1", "²", "١"])
def test_no_identifiers(value):
    refused(Wild.identifier, value)


def test_enormous_identifiers_are_refused():
    refused(Wild.identifier, 10**5000)
    refused(Wild.identifier, "9" * 21)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, "1"), (66.66667, "66.66667"), ("1.00000", "1.00000"), ("-1", "-1"), (0, "0")],
)
def test_numbers_stay_as_they_were_printed(value, expected):
    assert Wild("$", value).decimal() == Decimal(expected)


@pytest.mark.parametrize(
    "value", [None, "", "x", True, [], "1e5", "NaN", "1_0", 1e300, 10**30, float("inf"), "١"]
)
def test_no_numbers(value):
    refused(Wild.decimal, value)


def test_integers_that_python_does_not_print_are_refused():
    refused(Wild.decimal, 10**5000)


def test_whole_numbers():
    assert Wild("$", "7").integer() == 7
    assert Wild("$", 7.0).integer() == 7
    assert "whole" in refused(Wild.integer, 7.5)


@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_true_is_only_true(value):
    assert Wild("$", True).boolean() is True
    refused(Wild.boolean, value)


@pytest.mark.parametrize("value", [1795418023, "1795418023"], ids=["number", "digits"])
def test_seconds_are_a_time_in_utc(value):
    assert Wild("$", value).unix_time() == datetime(2026, 11, 23, 7, 13, 43, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "x", 1.5, 10**17, "2026-11-23T00:00:00Z"])
def test_no_seconds(value):
    refused(Wild.unix_time, value)


def test_a_moment_keeps_its_offset():
    moment = Wild("$", "2026-11-23T09:30:00+04:00").iso_time()

    assert moment.utcoffset() == timedelta(hours=4)
    assert moment == datetime(2026, 11, 23, 9, 30, tzinfo=timezone(timedelta(hours=4)))


def test_a_moment_without_an_offset_says_what_is_missing():
    assert "add Z or an offset" in refused(Wild.iso_time, "2026-11-23T09:30:00")


@pytest.mark.parametrize(
    "value",
    [None, "2026-11-23", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-W48-1T00:00Z"],
)
def test_no_moments(value):
    refused(Wild.iso_time, value)


@pytest.mark.parametrize("value", [None, "x", 1, {}])
def test_lists(value):
    with pytest.raises(Malformed):
        list(Wild("$", value).items())


@pytest.mark.parametrize("value", [None, "x", 1, []])
def test_objects(value):
    refused(Wild.object, value)
    refused(lambda wild: wild["a"], value)
    refused(lambda wild: wild.get("a"), value)
