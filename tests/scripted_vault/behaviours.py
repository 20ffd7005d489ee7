"""What may become of one call: done, lost on the way, done late, or answered as a test says."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from tests.scripted_vault.answering import told


class Vault(Protocol):
    def do(self, taken: Taken) -> Response: ...
    def do_later(self, taken: Taken) -> None: ...
    def catch_up(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Taken:
    """One call, its body read."""

    vault: Vault
    call: str
    request: Request
    form: MultiDict[str, str]
    files: Mapping[str, bytes]
    uuid: str


#: What becomes of one call.
Behaviour = Callable[[Taken], Response]


def normal(taken: Taken) -> Response:
    """Do it and say so."""
    return taken.vault.do(taken)


def lost_reply(taken: Taken) -> Response:
    """Do it, and close the connection without a word."""
    taken.vault.do(taken)
    return cut(taken)


def cut(taken: Taken) -> Response:
    """Do nothing, and close the connection without a word."""
    taken.request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def late(taken: Taken) -> Response:
    """Take the request in, close the connection, and work on it only at `catch_up`."""
    taken.vault.do_later(taken)
    return cut(taken)


def answers(
    status: int,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    *,
    does_it: bool = False,
) -> Behaviour:
    """Say just this: JSON, or a text as HTML; do the work before or not at all."""

    def behave(taken: Taken) -> Response:
        if does_it:
            taken.vault.do(taken)
        if isinstance(body, str):
            return Response(body, status, headers, mimetype="text/html")
        return told(status, body if body is not None else {"message": f"said {status}"}, headers)

    behave.__name__ = " ".join([str(status), *(headers or {}), *(["does it"] if does_it else [])])
    return behave
