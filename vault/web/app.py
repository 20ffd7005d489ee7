"""The vault's WSGI application."""

from __future__ import annotations

import os
import re
import time
from typing import Any
from uuid import uuid4

import structlog
from flask import Flask, g, redirect, request, url_for
from flask.wrappers import Response
from werkzeug.exceptions import NotFound
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

import runtime.logging
from runtime.allowances import RateLimit
from vault import settings
from vault.kinds import LARGEST_FILE
from vault.web import (
    account,
    api,
    archive,
    bulk,
    checking,
    docs,
    entrance,
    health,
    holder,
    page,
    pages,
    people,
    problems,
    withdrawals,
)
from vault.web.auth import tokens_of
from vault.web.forms import FormRequest
from vault.wiring import SERVICE, Vault, build

#: What a request may hold beside a file of the largest size: the other fields, the multipart frame.
ROOM_FOR_FIELDS = 1024 * 1024
REQUEST_ID = "X-Request-Id"
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,128}")

API_PARTS = (api, bulk, withdrawals, health, docs)
PEOPLES_PARTS = (pages, checking, people, entrance, account, holder)

log = structlog.get_logger()


class VaultApp(Flask):
    """Flask, but an unforeseen error becomes one line of our log."""

    request_class = FormRequest

    def log_exception(self, exc_info: Any) -> None:
        log.error("request_failed", exc_info=exc_info)


def create_app(vault: Vault | None = None) -> Flask:
    """Return the application of ``vault``, or of one built from the environment."""
    if vault is None:
        runtime.logging.configure(SERVICE, "web")
        vault = build(settings.read(os.environ))
    app = VaultApp(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FILE + ROOM_FOR_FIELDS
    app.config["MAX_FORM_MEMORY_SIZE"] = ROOM_FOR_FIELDS
    # A slash at an address's end is nobody's mistake to be told; two in a row are no address.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions["vault"] = vault
    app.extensions["tokens"] = tokens_of(vault.database)
    app.extensions["rate_limit"] = RateLimit(vault.settings.requests_per_minute)
    app.before_request(_begin)
    app.after_request(_end)
    if vault.settings.read_only:
        archive.install(app)
    problems.install(app)
    for part in (*API_PARTS, *PEOPLES_PARTS):
        app.register_blueprint(part.blueprint)
    app.add_url_rule("/", view_func=front)
    if proxies := vault.settings.trusted_proxies:
        # Who asks is counted by address; all that proxies tell besides is not needed.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0)  # type: ignore[method-assign]
    return app


def front() -> AnyResponse:
    """Where a browser lands that was given the bare address."""
    if not page.is_wanted():
        raise NotFound
    return redirect(url_for("pages.ask"))


def _begin() -> None:
    given = request.headers.get(REQUEST_ID, "")
    g.request_id = given if SANE_REQUEST_ID.fullmatch(given) else str(uuid4())
    g.started = time.monotonic()
    structlog.contextvars.unbind_contextvars("institution")
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    response.headers.update(g.allowance.headers if "allowance" in g else {})
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    # The rule, not the path: a reference id is the key to a certificate's page.
    rule = request.url_rule.rule if request.url_rule else None
    log.info(
        "request",
        method=request.method,
        route=rule,
        status=response.status_code,
        ms=round((time.monotonic() - g.started) * 1000),
    )
    return response
