"""One JSON shape for every error: ``{"error": {"code", "message"}}``, here and in the API."""

from __future__ import annotations

import structlog
from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

log = structlog.get_logger()

RETRY_AFTER_S = 30
#: Below this lies the REST API.
API = "/api/v1"

_MESSAGES = {
    404: "There is nothing at this address. Check it against `vaultbridge site show`.",
    405: "This address does not take this method.",
    413: "The request is larger than 1 MB. Send one event a request.",
}

_OF_THE_API = {
    404: f"There is nothing at this address. {API}/docs lists what there is.",
    405: f"This address does not take this method. {API}/docs lists what there is.",
}


def answer(status: int, code: str, message: str, **more: object) -> Response:
    """An error answer; ``more`` stands beside its code and message."""
    response = jsonify({"error": {"code": code, "message": message, **more}})
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
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(SQLAlchemyError, _database)
    app.register_error_handler(Exception, _bug)


def http(exc: HTTPException) -> Response:
    """What Flask refuses, in this shape."""
    status = exc.code or 500
    if request.path.startswith(f"{API}/") and status in _OF_THE_API:
        said = _OF_THE_API[status]
    else:
        said = _MESSAGES.get(status, exc.description or exc.name)
    return _with_headers(answer(status, code_of(exc), said), exc)


def code_of(exc: HTTPException) -> str:
    """An error's word."""
    return exc.name.lower().replace(" ", "_")


def _with_headers(response: Response, exc: HTTPException) -> Response:
    """With what the error has to say beside, such as which methods an address takes."""
    for name, value in exc.get_headers():
        if name.lower() != "content-type":
            response.headers[name] = value
    return response


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
