"""``/metrics``: how everything stands, for Prometheus; who may ask for it."""

from __future__ import annotations

import hmac
import ipaddress

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from bridge import errors
from bridge.web.measured import Measured
from bridge.wiring import Bridge


def blueprint(bridge: Bridge) -> Blueprint:
    """The page."""
    pages = Blueprint("metrics", __name__)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Measured(bridge))

    @pages.get("/metrics")
    def metrics() -> Response:
        if not _may_ask(bridge.settings.metrics_token):
            return errors.answer(
                403,
                "forbidden",
                "Metrics are for this machine alone, or for who sends the token of "
                "BRIDGE_METRICS_TOKEN.",
            )
        answer = Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return pages


def _may_ask(token: str | None) -> bool:
    """With a token, who sends it; else who asks from this machine, by no proxy that says so."""
    if token is not None:
        sent = request.headers.get("Authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
