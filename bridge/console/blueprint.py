"""The console as one blueprint: its pages, and what is said where something goes wrong."""

from __future__ import annotations

import structlog
from flask import Flask, request
from flask_babel import Babel, gettext
from flask_bootstrap import Bootstrap5
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response

from bridge.console import (
    backtests,
    certificate_templates,
    entrance,
    failures,
    holds,
    issuances,
    mapping_editor,
    mappings,
    overview,
    people,
)
from bridge.console.door import Console, message
from bridge.pipeline.bridge import Bridge

PARTS = (
    overview,
    issuances,
    failures,
    mappings,
    mapping_editor,
    backtests,
    certificate_templates,
    holds,
    people,
    entrance,
)
RETRY_AFTER_S = 30

log = structlog.get_logger()


def install(app: Flask, bridge: Bridge) -> None:
    """Add the console to an application."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    Babel(app)
    console = Console(bridge)
    for part in PARTS:
        part.add_to(console)

    @console.page("/<path:_rest>", role=None)
    def nowhere(_rest: str) -> Response:
        raise NotFound

    console.register_error_handler(HTTPException, _http)
    console.register_error_handler(SQLAlchemyError, _database)
    console.register_error_handler(Exception, _bug)
    app.register_blueprint(console)


def _http(exc: HTTPException) -> Response:
    status = exc.code or 500
    if status == 404:
        return message(
            gettext("There is nothing here"),
            gettext("It was removed, it is not yours to see, or the address is not complete."),
            status=404,
        )
    return message(exc.name, exc.description or "", status=status)


def _database(exc: SQLAlchemyError) -> Response:
    log.error("database_down", reason=type(exc).__name__)  # no trace: it holds values
    said = message(
        gettext("The database does not answer"),
        gettext("Nothing was changed. Try again in a minute; `vaultbridge doctor` says more."),
        status=503,
    )
    said.headers["Retry-After"] = str(RETRY_AFTER_S)
    return said


def _bug(exc: Exception) -> Response:
    log.error(
        "request_failed", reason=type(exc).__name__, exc_info=exc, route=str(request.url_rule)
    )
    return message(
        gettext("The console failed"),
        gettext("That is a fault in the program. Report it with the log's trace."),
        status=500,
    )
