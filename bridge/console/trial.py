"""Trying a completion of a site: every step of its way, and nothing issued."""

from __future__ import annotations

from flask import request
from flask_babel import gettext
from werkzeug.wrappers import Response

from bridge.connections import trying
from bridge.console.door import Console, message, page
from bridge.console.sites import mine
from bridge.people.roles import Role


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/sites/<name>/try", role=Role.SUPPORT)
    def trial(name: str) -> Response:
        """Which completion."""
        with bridge.database.read() as conn:
            row = mine(conn, name)
        return page("site_try.html", row=row, given={}, mistakes={})

    @console.page("/sites/<name>/try", role=Role.SUPPORT, methods=["POST"])
    def try_completion(name: str) -> Response:
        """What would become of it."""
        with bridge.database.read() as conn:
            row = mine(conn, name)
        given = {part: request.form.get(part, "").strip() for part in ("course", "learner")}
        if bool(given["course"]) != bool(given["learner"]):
            lacks = "learner" if given["course"] else "course"
            mistakes = {lacks: gettext("Give both, or neither for the newest completion.")}
            return page("site_try.html", status=422, row=row, given=given, mistakes=mistakes)
        try:
            steps = trying.try_completion(
                bridge, name, course=given["course"], learner=given["learner"]
            )
        except trying.Busy as exc:
            return message(gettext("Not just now"), str(exc.__doc__), status=503)
        return page("site_try.html", row=row, given=given, mistakes={}, steps=steps)
