"""The bridge's Flask application."""

from __future__ import annotations

import os
from uuid import uuid4

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from bridge.queue import SERVICE
from bridge.settings import from_environment
from bridge.web import errors, health, hooks, learner
from bridge.wiring import Bridge, build
from runtime import logging
from runtime.bell import Bell

#: A webhook is small; anything larger is cut off before it is read.
LARGEST_BODY = 1024 * 1024


def create_app(bridge: Bridge) -> Flask:
    """Make the application for one process."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.register_blueprint(hooks.blueprint(bridge))
    app.register_blueprint(learner.blueprint(bridge))
    app.register_blueprint(health.blueprint(bridge))
    errors.register(app)
    app.before_request(_name_request)
    app.after_request(_tell_name)
    if proxies := bridge.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    return app


def from_env() -> Flask:
    """The application as the web server starts it."""
    logging.configure("bridge", "web")
    settings = from_environment(os.environ)
    bell = Bell(settings.redis_url, service=SERVICE)
    return create_app(build(settings, ring=bell.ring))


def _name_request() -> None:
    g.request_id = uuid4().hex


def _tell_name(response: Response) -> Response:
    response.headers.setdefault("X-Request-Id", g.get("request_id", ""))
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.path.startswith("/hooks/"):
        response.headers["Cache-Control"] = "no-store"
    return response
