"""Who is signed in on this browser: a signed cookie that names a session the database may end."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Request
from werkzeug.wrappers import Response

from vault.store import entrances
from vault.wiring import Vault


def name(vault: Vault) -> str:
    """The cookie's name. Under https browsers hold ``__Host-`` to this host alone."""
    return "__Host-vault-session" if _is_https(vault) else "vault-session"


def id_of(vault: Vault, request: Request) -> str | None:
    """The id of a session in a cookie of ours, or None; it may have ended."""
    return vault.links.read("session", request.cookies.get(name(vault), ""))


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
    response.set_cookie(
        name(vault),
        vault.links.sign("session", session_id),
        max_age=entrances.SESSION_LASTS,
        secure=_is_https(vault),
        httponly=True,
        samesite="Lax",
        path="/",
    )


def end(vault: Vault, response: Response) -> None:
    """Take the session's cookie away."""
    response.delete_cookie(
        name(vault), secure=_is_https(vault), httponly=True, samesite="Lax", path="/"
    )


def form_token(vault: Vault, request: Request) -> str | None:
    """What a form of this session carries, which no other site can know."""
    session_id = id_of(vault, request)
    return vault.links.sign("form", session_id) if session_id else None


def is_ours(vault: Vault, request: Request) -> bool:
    """Whether a form was sent from a page of this session."""
    session_id = id_of(vault, request)
    sent = vault.links.read("form", request.form.get("form", ""))
    return session_id is not None and session_id == sent


def is_from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sent a form; for forms that no session guards."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    # Older browsers, and all of them without TLS. Our own pages send no origin: it is "null".
    origin = request.headers.get("Origin", "null")
    return origin != "null" and urlsplit(origin).netloc != request.host


def _is_https(vault: Vault) -> bool:
    return vault.settings.public_url.startswith("https://")
