"""Status codes, waits and broken connections: Temporary or Permanent, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors.base import Permanent, Temporary
from connectors.rest import call, retry_after, send

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
URL = "https://lms.example/api?token=hidden"


def asked(answer, **options):
    def handler(request):
        if isinstance(answer, Exception):
            raise answer
        return answer

    http = httpx.Client(transport=httpx.MockTransport(handler))
    return call(http, lambda: NOW, "GET", URL, **options)


def test_json_is_handed_on():
    assert asked(httpx.Response(200, json={"a": 1}))["a"].value == 1


def test_any_success_is_one():
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(204)))

    assert send(http, lambda: NOW, "DELETE", URL).status_code == 204


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_passes_is_temporary(status):
    with pytest.raises(Temporary, match=f"GET https://lms.example/api was answered {status}"):
        asked(httpx.Response(status))


@pytest.mark.parametrize(
    "status", [300, 301, 302, 304, 307, 400, 401, 403, 404, 405, 409, 410, 422]
)
def test_what_stays_is_permanent_and_says_what_to_do(status):
    with pytest.raises(Permanent) as caught:
        asked(httpx.Response(status, headers={"location": "https://elsewhere.example/"}))

    assert str(status) in caught.value.problem
    assert caught.value.remedy


def test_a_redirect_is_not_followed():
    with pytest.raises(Permanent) as caught:
        asked(httpx.Response(307, headers={"location": "https://elsewhere.example/"}))

    assert "sends callers on to" in caught.value.remedy


def test_a_connector_may_know_better_what_a_status_means():
    with pytest.raises(Permanent) as caught:
        asked(httpx.Response(403), remedies={403: "Switch it on."})

    assert caught.value.remedy == "Switch it on."


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("deadline"),
        httpx.ConnectTimeout(""),
        httpx.PoolTimeout(""),
        httpx.ConnectError("refused"),
        httpx.ReadError("the answer is larger than allowed"),
        httpx.RemoteProtocolError(""),
        httpx.DecodingError("cut off"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_broken_connection_is_temporary(error):
    with pytest.raises(Temporary, match=type(error).__name__) as caught:
        asked(error)

    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [httpx.RequestError("lms.example is in a private network"), httpx.UnsupportedProtocol("x")],
    ids=["refused before it was sent", "no protocol"],
)
def test_what_was_never_sent_is_permanent(error):
    with pytest.raises(Permanent) as caught:
        asked(error)

    assert str(error) in caught.value.problem


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"NaN"])
def test_a_page_that_is_no_json_is_temporary(body):
    with pytest.raises(Temporary, match="not JSON"):
        asked(httpx.Response(200, content=body))


@pytest.mark.parametrize(
    "answer", [httpx.Response(403), httpx.Response(500), httpx.Response(200), httpx.ReadTimeout("")]
)
def test_no_error_tells_the_query(answer):
    with pytest.raises((Temporary, Permanent)) as caught:
        asked(answer)

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("30", timedelta(seconds=30)),
        ("0", timedelta(0)),
        ("3601", timedelta(seconds=3601)),
        ("86401", timedelta(days=1)),
        ("9" * 30, None),
        ("Thu, 15 Jan 2026 12:02:00 GMT", timedelta(minutes=2)),
        ("Thu, 15 Jan 2026 12:02:00 -0000", timedelta(minutes=2)),
        ("Thu, 15 Jan 2026 11:00:00 GMT", timedelta(0)),
        ("Fri, 16 Jan 2026 11:00:00 GMT", timedelta(hours=23)),
        ("Thu, 15 Jan 2099 11:00:00 GMT", timedelta(days=1)),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(given, expected):
    headers = {} if given is None else {"retry-after": given}

    assert retry_after(httpx.Response(503, headers=headers), now=NOW) == expected
