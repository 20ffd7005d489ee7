"""One JSON shape for every error: ``{"error": {"code", "message"}}``."""

from __future__ import annotations

import structlog
from flask import Flask, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

log = structlog.get_logger()

RETRY_AFTER_S = 30

_MESSAGES = {
    404: "There is nothing at this address. Check it against `vaultbridge site show`.",
    405: "This address does not take this method.",
    413: "The request is larger than 1 MB. Send one event a request.",
}


def answer(status: int, code: str, message: str) -> Response:
    """An error answer."""
    response = jsonify({"error": {"code": code, "message": message}})
    response.status_code = status
    return response


def unavailable(seconds: int = RETRY_AFTER_S) -> Response:
    """503: nothing was stored, come again."""
    response = answer(
        503, "unavailable", "The bridge cannot store anything now. Send it again later."
    )
    response.headers["Retry-After"] = str(seconds)
    return response


def register(app: Flask) -> None:
    """Give every error of the application this shape."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(SQLAlchemyError, _database)
    app.register_error_handler(Exception, _bug)


def _http(exc: HTTPException) -> Response:
    status = exc.code or 500
    code = exc.name.lower().replace(" ", "_")
    return answer(status, code, _MESSAGES.get(status, exc.description or exc.name))


def _database(exc: SQLAlchemyError) -> Response:
    log.error("database_down", reason=type(exc).__name__)  # no trace: it holds values
    return unavailable()


def _bug(exc: Exception) -> Response:
    log.error("request_failed", reason=type(exc).__name__, exc_info=exc)
    return answer(
        500,
        "internal_error",
        "The bridge failed, which is a fault in the program. Report the X-Request-Id.",
    )
