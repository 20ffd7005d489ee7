"""Calling an LMS's REST API: the one place that knows what a status code means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from connectors.base import Clock, Malformed, Permanent, Temporary
from connectors.wild import Wild

#: An LMS may ask for a pause until its next day; what asks for longer is taken for a mistake.
LONGEST_WAIT = timedelta(days=1)
#: Not the server's fault, yet worth another try: time-out, too early, too many requests.
PASSING = frozenset({408, 425, 429})
REMEDIES: Mapping[int, str] = {
    401: "Give the site a token that is still valid.",
    403: "Grant the service account what it lacks in the LMS.",
    404: "Check the address in the site's settings.",
}
NO_REMEDIES: Mapping[int, str] = {}
ANY_REMEDY = "Check the site's address and token, then run `vaultbridge site check SITE`."
MOVED_REMEDY = "Give the site the address that the LMS sends callers on to."


def send(
    http: httpx.Client,
    now: Clock,
    method: str,
    url: str,
    *,
    remedies: Mapping[int, str] = NO_REMEDIES,
    **options: Any,
) -> httpx.Response:
    """The answer to one request, if it is a 2xx; Temporary or Permanent for everything else.

    ``remedies`` says what to do about a status where this LMS means something of its own by it.
    Raises Temporary for 408, 425, 429, 5xx, time-outs and broken connections, with the wait that
    Retry-After asks for. How long a call may take in all is set by ``http``.
    """
    what = f"{method} {httpx.URL(url).copy_with(query=None)}"  # a query may hold a token
    try:
        answer = http.request(method, url, **options)
    except httpx.UnsupportedProtocol as exc:
        raise Permanent(f"{what}: {exc}", remedy=REMEDIES[404], code="address") from exc
    except (httpx.TransportError, httpx.DecodingError) as exc:
        problem = f"{what}: {type(exc).__name__} {exc}".rstrip()
        raise Temporary(problem, code="unreachable") from exc
    except httpx.RequestError as exc:  # refused before it was sent; the text says why
        raise Permanent(f"{what}: {exc}", remedy=ANY_REMEDY, code="address") from exc
    if answer.is_success:
        return answer
    problem = f"{what} was answered {answer.status_code}"
    code = f"http_{answer.status_code}"
    if answer.status_code in PASSING or answer.is_server_error:
        raise Temporary(problem, retry_after=retry_after(answer, now=now()), code=code)
    raise Permanent(problem, remedy=_remedy(answer, remedies), code=code)


def call(http: httpx.Client, now: Clock, method: str, url: str, **options: Any) -> Wild:
    """As `send`, but the JSON in the answer; Temporary where there is none."""
    answer = send(http, now, method, url, **options)
    try:
        return Wild.load(answer.content)
    except Malformed as exc:  # a maintenance or login page under status 200
        where = httpx.URL(url).copy_with(query=None)
        problem = f"{method} {where} was answered {answer.status_code}, not JSON"
        raise Temporary(problem, code="not_json") from exc


def retry_after(answer: httpx.Response, *, now: datetime) -> timedelta | None:
    """Retry-After, as seconds or as a date, at most a day; None if absent or nonsense."""
    given = answer.headers.get("retry-after", "")
    try:
        wait = timedelta(seconds=int(given)) if given.isdecimal() else _until(given, now=now)
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta()), LONGEST_WAIT)


def _until(given: str, *, now: datetime) -> timedelta:
    when = parsedate_to_datetime(given)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)) - now


def _remedy(answer: httpx.Response, remedies: Mapping[int, str]) -> str:
    if answer.is_redirect:
        return MOVED_REMEDY
    return remedies.get(answer.status_code) or REMEDIES.get(answer.status_code, ANY_REMEDY)
