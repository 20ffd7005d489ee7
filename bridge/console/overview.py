"""The first page: what needs a person, how far completions have come, how everything is."""

from __future__ import annotations

from datetime import timedelta

from flask import redirect, url_for
from werkzeug.wrappers import Response

from bridge import overview
from bridge.console import classes
from bridge.console.door import Console, page, person
from bridge.people.roles import Role

LOOKS_BACK = timedelta(days=7)


def add_to(console: Console) -> None:
    """Register the page."""

    @console.page("/", role=Role.VIEWER)
    def front() -> Response:
        """The overview; for whoever does not see all of it, their class, or their list."""
        if person().limits.any:
            return redirect(classes.home(person()) or url_for("console.issuances"))
        told = overview.look(console.bridge, since=LOOKS_BACK)
        return page("overview.html", told=told)
