"""The first page: what needs a person, how far completions have come, how everything is."""

from __future__ import annotations

from datetime import timedelta

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from bridge import overview
from bridge.console import classes
from bridge.console.door import Console, page, person
from bridge.people.roles import Role
from bridge.queue import SERVICE
from runtime.bell import Bell

LOOKS_BACK = timedelta(days=7)
#: What is asked for again and again is the page without what costs most.
LIVE = "live"


def add_to(console: Console) -> None:
    """Register the page."""
    bridge = console.bridge

    @console.page("/", role=Role.VIEWER)
    def front() -> Response:
        """The overview; for whoever does not see all of it, their class, or their list."""
        if person().limits.any:
            return redirect(classes.home(person()) or url_for("console.issuances"))
        whole = request.args.get("part") != LIVE
        told = overview.look(bridge, since=LOOKS_BACK) if whole else overview.present(bridge)
        charts = (overview.last_hour(bridge), overview.last_days(bridge)) if whole else None
        return page(
            "overview.html",
            told=told,
            flow=overview.flow(bridge),
            charts=charts,
            redis_problem=Bell(bridge.settings.redis_url, service=SERVICE).problem(),
        )
