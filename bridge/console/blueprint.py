"""The console as one blueprint: its pages, and what is said where something goes wrong."""

from __future__ import annotations

import structlog
from flask import Flask, request
from flask_babel import gettext
from flask_bootstrap import Bootstrap5
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response

from bridge.console import (
    account,
    audit,
    backtests,
    certificate_templates,
    classes,
    connecting,
    deliveries,
    dossier,
    entrance,
    failures,
    holds,
    institution,
    issuance_acts,
    issuances,
    issuers,
    learner_data,
    mapping_editor,
    mappings,
    overview,
    people,
    queue,
    reading,
    reconciliation,
    settings,
    sites,
    tokens,
    trial,
)
from bridge.console.door import Console, message
from bridge.pipeline.bridge import Bridge

PARTS = (
    overview,
    classes,
    issuances,
    issuance_acts,
    dossier,
    failures,
    mappings,
    mapping_editor,
    backtests,
    certificate_templates,
    holds,
    sites,
    connecting,
    trial,
    deliveries,
    issuers,
    reconciliation,
    queue,
    settings,
    people,
    tokens,
    account,
    audit,
    learner_data,
    entrance,
    institution,
)
RETRY_AFTER_S = 30

log = structlog.get_logger()


def install(app: Flask, bridge: Bridge) -> None:
    """Add the console to an application."""
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    Bootstrap5(app)
    reading.install(app)
    console = Console(bridge)
    for part in PARTS:
        part.add_to(console)

    @console.page("/<path:_rest>", role=None)
    def nowhere(_rest: str) -> Response:
        raise NotFound

    console.register_error_handler(HTTPException, _http)
    console.register_error_handler(SQLAlchemyError, _database)
    console.register_error_handler(RedisError, _redis)
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
    if status == 405:
        return message(
            gettext("That is not done this way"),
            gettext("Go to the page that the button was on, and use it from there."),
            status=405,
        )
    if status == 413:
        return message(
            gettext("That is too large"),
            gettext(
                "Nothing was changed. This page takes at most %(most)s kB. Go back, and send less "
                "or a smaller file.",
                most=f"{(request.max_content_length or 0) // 1024:,}",
            ),
            status=413,
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


def _redis(exc: RedisError) -> Response:
    log.error("redis_down", reason=type(exc).__name__)
    said = message(
        gettext("The queue does not answer"),
        gettext(
            "Redis is not there. Nothing is lost: what was stored goes on once it is. Start it, "
            "then `vaultbridge doctor` says whether all is well."
        ),
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
