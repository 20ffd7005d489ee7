"""Idempotency keys: what is asked again under the same key is answered as the first time.

A key's row is taken before the act and holds the request's hash. The answer is kept in the act's
own transaction where the act tells of one (`keep`); else right after it. Whoever is killed between
leaves a row without an answer: two minutes later the same request may try again, and every act here
is safe to repeat. An error is not kept: after it the key is as if it had never been used.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import sqlalchemy as sa
from flask import Response, current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from bridge import errors
from bridge.pipeline.bridge import Bridge
from bridge.store import api_requests
from runtime.crashpoint import crashpoint
from runtime.keys import KeyProblem

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
LONGEST = 255
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """A request that is being answered under a key."""

    bridge: Bridge
    token_id: str
    key: str
    turn: str

    def keep(self, conn: sa.Connection, status: int, text: str) -> None:
        sealed = self.bridge.keys.encrypt({"text": text}, purpose=self._purpose)
        api_requests.answer(
            conn, self.token_id, self.key, turn=self.turn, status=status, answer=sealed
        )

    def opened(self, sealed: str) -> str:
        return str(self.bridge.keys.decrypt(sealed, purpose=self._purpose)["text"])

    def forget(self) -> None:
        with self.bridge.database.write(urgent=True) as conn:
            api_requests.forget(conn, self.token_id, self.key, turn=self.turn)

    @property
    def _purpose(self) -> str:
        return f"answer {self.token_id} {self.key}"


def keep(conn: sa.Connection, payload: Any, *, status: int = 200) -> None:
    """Keep what will be answered, in the act's own transaction; nothing where no key was given."""
    turn: _Turn | None = g.get("once")
    if turn is not None:
        turn.keep(conn, status, json.dumps(payload, ensure_ascii=False, default=str))


def once(bridge: Bridge, view: Callable[[], Response]) -> Response:
    """Answer a request: by the act, or as it was answered before under the same key."""
    key = request.headers.get(HEADER)
    if key is None:
        return view()
    if not _KEY.fullmatch(key):
        return errors.answer(
            422,
            "idempotency_key_unfit",
            f"{HEADER} takes 1 to {LONGEST} visible ASCII characters, such as a UUID.",
        )
    turn = _Turn(bridge=bridge, token_id=g.caller.token_id, key=key, turn=token_hex(16))
    sha256 = _hash()
    with bridge.database.write(urgent=True) as conn:
        now = bridge.database.now(conn)
        row = api_requests.take(conn, turn.token_id, key, sha256=sha256, turn=turn.turn, now=now)
    if row.request_sha256 != sha256:
        return errors.answer(
            422,
            "idempotency_key_used",
            f"This {HEADER} was sent with another request. Send a new one with a key of its own.",
        )
    if row.status is not None:
        return _as_before(turn, row)
    if row.turn != turn.turn:
        wait = max(1, round((row.held_until - now).total_seconds()))
        said = errors.answer(
            409,
            "being_answered",
            f"The same request is being answered. Send it again in {wait} seconds at the latest.",
        )
        said.headers["Retry-After"] = str(wait)
        return said
    return _answered(turn, view)


def _answered(turn: _Turn, view: Callable[[], Response]) -> Response:
    crashpoint("once.taken")
    g.once = turn
    try:
        response = view()
    except BaseException:
        _forget(turn)
        raise
    finally:
        g.once = None
    if response.status_code >= 400:
        turn.forget()
        return response
    crashpoint("once.done")
    with turn.bridge.database.write(urgent=True) as conn:
        turn.keep(conn, response.status_code, response.get_data(as_text=True))
    return response


def _forget(turn: _Turn) -> None:
    """So far as the database answers; if it does not, the key is free in two minutes."""
    try:
        turn.forget()
    except SQLAlchemyError:
        return


def _as_before(turn: _Turn, row: sa.Row[Any]) -> Response:
    try:
        text = turn.opened(row.answer)
    except KeyProblem:
        return errors.answer(
            409,
            "answer_unreadable",
            "This was done before; the answer was kept under a key that is gone. Look at what "
            "there is.",
        )
    response = current_app.response_class(text, status=row.status, mimetype="application/json")
    response.headers[REPLAYED] = "true"
    return response


def _hash() -> str:
    parts = (request.method, request.full_path, request.mimetype)
    told = json.dumps(parts).encode() + b"\0" + request.get_data()
    return hashlib.sha256(told).hexdigest()
