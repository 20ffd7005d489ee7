"""Who is signed in on this browser: a signed cookie that names a session the database may end."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from flask import Request
from werkzeug.wrappers import Response

from runtime.browsers import Cookie
from vault.store import entrances
from vault.wiring import Vault


def _cookie(vault: Vault) -> Cookie:
    return Cookie(name="vault-session", is_https=vault.settings.public_url.startswith("https://"))


def id_of(vault: Vault, request: Request) -> str | None:
    """The id of a session in a cookie of ours, or None; it may have ended."""
    return vault.links.read("session", _cookie(vault).read(request))


def customer_of(vault: Vault, request: Request) -> int | None:
    """The id of the customer who is signed in, or None."""
    session_id = id_of(vault, request)
    if session_id is None:
        return None
    with vault.database.read() as conn:
        return entrances.signed_in(conn, session_id, now=vault.database.now(conn))


def end_former(conn: sa.Connection, vault: Vault, request: Request, *, now: datetime) -> None:
    """End the session that this browser had, before it is given another."""
    former = id_of(vault, request)
    if former is not None:
        entrances.close_session(conn, former, now=now)


def begin(vault: Vault, response: Response, session_id: str) -> None:
    """Give the browser a session."""
    signed = vault.links.sign("session", session_id)
    _cookie(vault).keep(response, signed, lasts=entrances.SESSION_LASTS)


def end(vault: Vault, response: Response) -> None:
    """Take the session's cookie away."""
    _cookie(vault).forget(response)


def form_token(vault: Vault, request: Request) -> str | None:
    """What a form of this session carries, which no other site can know."""
    session_id = id_of(vault, request)
    return vault.links.sign("form", session_id) if session_id else None


def is_ours(vault: Vault, request: Request) -> bool:
    """Whether a form was sent from a page of this session."""
    session_id = id_of(vault, request)
    sent = vault.links.read("form", request.form.get("form", ""))
    return session_id is not None and session_id == sent
