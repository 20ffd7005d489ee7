"""One attempt: the request, and what came of it in a few words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

import httpx

from runtime.http import AddressRefused, Client

#: From the first byte sent to the answer's status.
DEADLINE = timedelta(seconds=15)
#: How much of an answer is read, so that its connection can be used again.
MOST_READ = 4096
#: How much of a refusal is kept, in characters.
EXCERPT = 200
USER_AGENT = "certvault-webhooks"

#: What an operator reads when there was no answer; the first that fits.
_NO_ANSWER: Mapping[type[httpx.HTTPError], str] = MappingProxyType(
    {
        httpx.ConnectTimeout: "could not connect in time",
        httpx.TimeoutException: f"no answer within {DEADLINE.seconds} s",
        httpx.ConnectError: "could not connect",
        httpx.HTTPError: "the connection broke",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent."""

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one attempt."""

    status: int | None  #: the HTTP status; None if there was no answer
    ms: int
    problem: str | None  #: None if the delivery was accepted
    excerpt: str | None = None  #: how a refusal's body begins


def client(allowed: tuple[str, ...], *, deadline: timedelta = DEADLINE) -> Client:
    """The client for webhooks; ``allowed`` are private hosts that may be called."""
    return Client(
        allowed=allowed,
        deadline=deadline,
        # An excerpt must be readable as it comes.
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )


def send(
    http: Client, message: Message, *, monotonic: Callable[[], float] = time.monotonic
) -> Answer:
    """Send a message once. Whatever the receiver does is an answer, never an exception."""
    begun = monotonic()

    def answer(status: int | None, problem: str | None, excerpt: str | None = None) -> Answer:
        ms = round((monotonic() - begun) * 1000)
        return Answer(status=status, ms=ms, problem=problem, excerpt=excerpt)

    try:
        with http.stream(
            "POST", message.url, headers=dict(message.headers), content=message.body
        ) as response:
            problem = _problem(response)
            read = _beginning(response) if problem or _is_short(response) else None
            return answer(response.status_code, problem, read if problem else None)
    except AddressRefused as exc:
        return answer(None, str(exc))
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        texts = (text for kind, text in _NO_ANSWER.items() if isinstance(exc, kind))
        return answer(None, f"{next(texts, 'the address is not usable')} ({type(exc).__name__})")


def _problem(response: httpx.Response) -> str | None:
    if response.is_success:
        return None
    if response.has_redirect_location:
        return f"answered {response.status_code}, a redirect; none is followed"
    return f"answered {response.status_code}"


def _is_short(response: httpx.Response) -> bool:
    length = response.headers.get("Content-Length", "")
    return length.isascii() and length.isdigit() and int(length) <= MOST_READ


def _beginning(response: httpx.Response) -> str | None:
    """How the body begins; the status has come, so that nothing about the body is an error."""
    read = b""
    try:
        for part in response.iter_raw():
            read += part
            if len(read) > MOST_READ:
                break
    except httpx.HTTPError:
        pass
    text = read[: EXCERPT * 4].decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in text)[:EXCERPT].strip() or None
