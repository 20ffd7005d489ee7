"""Who is calling: the institution behind a bearer token, and whether it may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import ParamSpec, TypeAlias, TypeVar

import structlog
from flask import current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from runtime.allowances import RateLimit
from runtime.database import Database
from runtime.together import Together
from vault.store import institutions
from vault.tokens import Permission, Token, hash_of
from vault.web.problems import forbidden, too_many, unauthorized
from vault.wiring import Vault

P = ParamSpec("P")
R = TypeVar("R")
#: Finds a valid token by its hash.
Tokens: TypeAlias = "Together[str, Token | None]"

log = structlog.get_logger()


def vault() -> Vault:
    """The vault that this application serves."""
    found: Vault = current_app.extensions["vault"]
    return found


def tokens_of(database: Database) -> Tokens:
    """Finds valid tokens by their hashes; requests of the same moment share the look."""

    valid = institutions.ValidTokens(clock=database.clock())

    def look(hashes: Sequence[str]) -> Sequence[Token | None]:
        with database.read() as conn:
            found = valid.among(conn, set(hashes))
        return [found.get(one) for one in hashes]

    return Together(look, name="tokens")


def caller() -> Token:
    """The valid token of this request; only inside a view that `needs` one."""
    token: Token = g.token
    return token


def needs(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a view run only for a valid token that carries ``permission``.

    Otherwise 401, or 403 naming the permission.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            g.token = _authenticate()
            _count(g.token)
            if permission not in g.token.permissions:
                raise forbidden(permission)
            return view(*args, **kwargs)

        return guarded

    return decorate


def _count(token: Token) -> None:
    limit: RateLimit = current_app.extensions["rate_limit"]
    g.allowance = limit.count(token.id)
    if g.allowance.retry_after is not None:
        raise too_many(g.allowance.retry_after, now=token.asked_at)


def _note_use(token: Token) -> None:
    try:
        vault().writer.write(partial(institutions.note_use, found=token))
    except SQLAlchemyError as exc:
        # Whoever only reads need not know that nothing can be written.
        log.warning("token_use_not_noted", reason=type(exc).__name__)


def _authenticate() -> Token:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise unauthorized()
    tokens: Tokens = current_app.extensions["tokens"]
    token = tokens.ask(hash_of(text.strip()))
    if token is None:
        raise unauthorized()
    if institutions.use_is_worth_noting(token) and not vault().settings.read_only:
        _note_use(token)
    structlog.contextvars.bind_contextvars(institution=token.institution_id)
    return token
