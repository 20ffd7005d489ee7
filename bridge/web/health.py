"""``/health/live``: the process answers. ``/health/ready``: it can store a delivery."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from bridge.wiring import Bridge
from runtime.database import is_read_only


def blueprint(bridge: Bridge) -> Blueprint:
    """The health pages; they tell no more than yes or no."""
    pages = Blueprint("health", __name__, url_prefix="/health")

    @pages.get("/live")
    def live() -> Response:
        return jsonify({"status": "ok"})

    @pages.get("/ready")
    def ready() -> Response:
        try:
            with bridge.database.write() as conn:
                writable = not is_read_only(conn)
        except SQLAlchemyError:
            writable = False
        if writable:
            return jsonify({"status": "ok", "database": "ok"})
        response = jsonify({"status": "down", "database": "cannot be written"})
        response.status_code = 503
        return response

    return pages
