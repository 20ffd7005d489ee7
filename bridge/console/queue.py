"""The queue: what the database has to do, who does it, and what RQ and Redis say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from bridge.console.door import Console, page
from bridge.people.roles import Role
from bridge.processes import LIVING
from bridge.queue import BELLS, SERVICE, waiting
from bridge.store import leases
from bridge.store.tables import process
from runtime import heartbeat, queues
from runtime.bell import queue_name
from runtime.queues import Standing


def add_to(console: Console) -> None:
    """Register the page."""
    bridge = console.bridge

    @console.page("/queue", role=Role.SUPPORT, whole=True)
    def queue() -> Response:
        """Everything of it."""
        in_redis = queues.standing(bridge.settings.redis_url)
        with bridge.database.read() as conn:
            now = bridge.database.now(conn)
            told = waiting(conn, now=now)
            held = leases.held(conn, now=now)
            signs = heartbeat.signs(conn, process, now=now)
        alive = {sign.name for sign in signs if sign.is_alive}
        return page(
            "queue.html",
            now=now,
            bells=[_bell(bell, told[bell], in_redis) for bell in BELLS],
            held=held,
            signs=signs,
            missing=[command for name, command in LIVING.items() if name not in alive],
            redis=in_redis,
            ours=[queue_name(SERVICE, bell) for bell in BELLS],
        )


def _bell(bell: str, told: Any, in_redis: Standing) -> Mapping[str, Any]:
    """One bell: what waits for it in the database, and whether it was rung."""
    name = queue_name(SERVICE, bell)
    rung = next((one for one in in_redis.queues if one.name == name), None)
    workers = [one for one in in_redis.workers if name in one.queues]
    return {"name": bell, "waiting": told, "rung": rung, "workers": workers}
