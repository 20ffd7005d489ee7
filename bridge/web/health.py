"""``/health/live``: the process answers. ``/health/ready``: it can store a delivery.

What else is not well is told there, too, but does not make it unready: without Redis or workers
deliveries are taken all the same, and their certificates come later.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from bridge.processes import LIVING
from bridge.queue import SERVICE
from bridge.store.tables import process
from bridge.wiring import MIGRATIONS, Bridge
from runtime import heartbeat, schema
from runtime.bell import Bell
from runtime.checkup import LEAST_FREE, MOST_SKEW
from runtime.database import is_read_only

OK = "ok"
#: Whoever asks whether we are ready does not wait long.
REDIS_ANSWERS_WITHIN_S = 0.5

_newest = cache(schema.newest)


def blueprint(bridge: Bridge) -> Blueprint:
    """The health pages; they tell what is not well, and nothing that is secret."""
    pages = Blueprint("health", __name__, url_prefix="/health")
    bell = Bell(bridge.settings.redis_url, service=SERVICE, patience=REDIS_ANSWERS_WITHIN_S)

    @pages.get("/live")
    def live() -> Response:
        return jsonify({"status": OK})

    @pages.get("/ready")
    def ready() -> Response:
        needed = _needed(bridge)
        if any(said != OK for said in needed.values()):
            response = jsonify({"status": "down", **needed})
            response.status_code = 503
            return response
        beside = _beside(bridge, bell)
        well = all(said == OK for said in _flat(beside))
        return jsonify({"status": OK if well else "degraded", **needed, **beside})

    return pages


def _needed(bridge: Bridge) -> Mapping[str, str]:
    """What no delivery can be stored without."""
    try:
        with bridge.database.write() as conn:
            if is_read_only(conn):
                return {"database": "cannot be written"}
            found = schema.revision(conn)
    except SQLAlchemyError:
        return {"database": "cannot be written"}
    wanted = _newest(MIGRATIONS)
    fits = found == wanted
    return {"database": OK, "schema": OK if fits else f"is {found}, this program needs {wanted}"}


def _beside(bridge: Bridge, bell: Bell) -> dict[str, Any]:
    """What certificates need besides, sooner or later."""
    found: dict[str, Any] = {"redis": "does not answer" if bell.problem() else OK}
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        alive = {one.name for one in heartbeat.signs(conn, process, now=now) if one.is_alive}
    skew = abs(bridge.now() - now)
    found["clock"] = (
        OK if skew <= MOST_SKEW else f"{skew.total_seconds():.0f} s from the database's"
    )
    found["processes"] = {name: OK if name in alive else "no sign of life" for name in LIVING}
    if (folder := _folder(bridge)) is not None:
        free = shutil.disk_usage(folder).free
        found["disk"] = OK if free >= LEAST_FREE else f"{free // 1024**2} MB left"
    return found


def _folder(bridge: Bridge) -> Path | None:
    """Where the database lies, if that is on this machine."""
    if not bridge.database.is_sqlite:
        return None
    name = bridge.database.engine.url.database
    return Path(name).absolute().parent if name and name != ":memory:" else None


def _flat(found: Mapping[str, Any]) -> list[str]:
    return [
        said
        for value in found.values()
        for said in (value.values() if isinstance(value, Mapping) else [value])
    ]
