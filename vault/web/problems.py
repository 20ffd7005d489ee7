"""Every answer that is not a success, in the vendor's shapes; for people it is a page.

Problem: raised anywhere in a request, answered as JSON `{"message": …}` with its status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from flask import Flask, jsonify, request
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed
from werkzeug.wrappers import Response

from runtime.child import Busy, NotStarted
from runtime.database import RolledBack
from vault.tokens import Permission
from vault.web import faults, page

SERVER_ERROR = "SERVER_ERROR"
TRY_AGAIN_S = 5

log = structlog.get_logger()


class Problem(Exception):
    """A request that cannot be served; ``extra`` joins ``message`` in the body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, **(extra or {})}
        self.headers = dict(headers or {})


def unauthorized() -> Problem:
    """No token, or one that is unknown, expired or revoked: nobody learns which."""
    return Problem(401, "Unauthorized - Invalid API token", headers={"WWW-Authenticate": "Bearer"})


def forbidden(permission: Permission) -> Problem:
    """The token lacks a permission."""
    return Problem(
        403,
        "Forbidden - Insufficient permissions",
        extra={"required_permission": permission.value},
    )


def too_many(retry_after: int, *, now: datetime) -> Problem:
    """The token made more requests in a minute than it may; come again in so many seconds."""
    headers = {
        "Retry-After": str(retry_after),
        # As Laravel tells the same: the second, since 1970, from which requests are taken again.
        "X-RateLimit-Reset": str(int(now.timestamp()) + retry_after),
    }
    return Problem(429, "Too Many Attempts.", headers=headers)


def invalid(errors: Mapping[str, Sequence[str]]) -> Problem:
    """Mistakes in fields, all at once; the message is the first and how many more there are."""
    texts = [text for field in errors.values() for text in field]
    more = len(texts) - 1
    tail = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    return Problem(422, f"{texts[0]}{tail}", extra={"errors": errors})


def no_certificate() -> Problem:
    """There is none with that id, or it is another institution's: nobody learns which."""
    return Problem(404, "Vault certificate not found")


def install(app: Flask) -> None:
    """Answer every problem of this application as JSON."""
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(PoolTimeout, _database)
    app.register_error_handler(RolledBack, _database)
    app.register_error_handler(Busy, _cannot_open)
    app.register_error_handler(NotStarted, _cannot_open)


def _answer(body: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    if page.is_wanted():
        return faults.page_of(status, headers)
    answer = jsonify(body)
    answer.status_code = status
    answer.headers.update(headers)
    return answer


def _problem(problem: Problem) -> Response:
    return _answer(problem.body, problem.status, problem.headers)


#: What the sender reads where the framework found the fault.
MESSAGES = {
    404: "The route {path} could not be found.",
    405: "The {method} method is not supported for route {path}. Supported methods: {allowed}.",
    413: "The request is larger than the vault takes. A certificate file may have 20 MB.",
    500: "Server error. Nothing was changed; tell the vault's operator the X-Request-Id.",
}


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    body = {"message": _message(error, status)}
    if isinstance(error, InternalServerError):
        body["error_code"] = SERVER_ERROR
    headers = {k: v for k, v in error.get_headers() if k not in ("Content-Type", "Content-Length")}
    if status == 413:
        # The rest of the body is not read, so the connection cannot be used again.
        headers["Connection"] = "close"
    return _answer(body, status, headers)


def _cannot_open(error: Busy | NotStarted) -> Response:
    log.warning("cannot_open_files", reason=type(error).__name__, problem=str(error) or None)
    body = {
        "message": "The vault cannot open files at present. Nothing was changed; try again.",
        "error_code": SERVER_ERROR,
    }
    return _answer(body, 503, {"Retry-After": str(TRY_AGAIN_S)})


def _message(error: HTTPException, status: int) -> str:
    told = MESSAGES.get(status)
    if told is None:
        return error.description or error.name
    methods = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    allowed = sorted(set(methods or ()) - {"OPTIONS"})
    return told.format(
        path=request.path.lstrip("/"), method=request.method, allowed=", ".join(allowed)
    )


def _database(error: DBAPIError | PoolTimeout | RolledBack) -> Response:
    away = isinstance(error, OperationalError | PoolTimeout | RolledBack)
    log.error("database_failed", reason=type(error).__name__, exc_info=error)
    body = {
        "message": "The vault cannot reach its database. Nothing was changed; try again."
        if away
        else MESSAGES[500],
        "error_code": SERVER_ERROR,
    }
    return _answer(body, 503, {"Retry-After": str(TRY_AGAIN_S)}) if away else _answer(body, 500, {})
