"""The bridge's Flask application: hooks, learners' pages, health, metrics, console, API."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from bridge import errors
from bridge.api import blueprint as api
from bridge.console import blueprint as console
from bridge.queue import SERVICE
from bridge.settings import from_environment
from bridge.web import health, hooks, learner, metrics
from bridge.wiring import Bridge, build
from runtime import logging
from runtime.bell import Bell

#: A webhook is small; anything larger is cut off before it is read.
LARGEST_BODY = 1024 * 1024


def create_app(bridge: Bridge) -> Flask:
    """Make the application for one process."""
    return _made(bridge, console.install, api.install)


def unattended(bridge: Bridge) -> Flask:
    """The part of it that LMSs, vaults and learners call: no console, no API.

    Both take many times as long to set up as all the rest.
    """
    return _made(bridge)


def _made(bridge: Bridge, *more: Callable[[Flask, Bridge], None]) -> Flask:
    # No files of its own; Bootstrap puts its files below that path.
    app = Flask(__name__, static_folder=None, static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.register_blueprint(hooks.blueprint(bridge))
    app.register_blueprint(learner.blueprint(bridge))
    app.register_blueprint(health.blueprint(bridge))
    app.register_blueprint(metrics.blueprint(bridge))
    for install in more:
        install(app, bridge)
    errors.register(app)
    app.before_request(_name_request)
    app.after_request(_tell_name)
    app.teardown_request(_forget_name)
    if proxies := bridge.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    if below := urlsplit(bridge.settings.public_url).path.rstrip("/"):
        app.wsgi_app = _Below(below, app.wsgi_app)  # type: ignore[assignment]
    return app


class _Below:
    """A WSGI application that lives below a path of its host, which a proxy has taken away."""

    def __init__(self, path: str, inner: Any) -> None:
        self._path, self._inner = path, inner

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        return self._inner({**environ, "SCRIPT_NAME": self._path}, start)


def from_env() -> Flask:
    """The application as the web server starts it."""
    logging.configure("bridge", "web")
    settings = from_environment(os.environ)
    bell = Bell(settings.redis_url, service=SERVICE)
    return create_app(build(settings, ring=bell.ring))


def _name_request() -> None:
    g.request_id = uuid4().hex
    # In each line that is logged while it is answered.
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _forget_name(_exc: BaseException | None) -> None:
    # The thread answers another request next.
    structlog.contextvars.unbind_contextvars("request_id")


def _tell_name(response: Response) -> Response:
    response.headers.setdefault("X-Request-Id", g.get("request_id", ""))
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.path.startswith("/hooks/"):
        response.headers["Cache-Control"] = "no-store"
    return response
