"""Failures by cause: what each means, what to do about it, and its members."""

from __future__ import annotations

from flask_babel import gettext
from werkzeug.wrappers import Response

from bridge.console.door import Console, message, page
from bridge.people.roles import Role
from bridge.pipeline.attention import move, replay_command
from bridge.pipeline.known_causes import known
from bridge.store import failures as rows

SHOWN = 100


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/failures", role=Role.VIEWER, whole=True)
    def failures() -> Response:
        """The groups; what waits for a person first, then the largest."""
        with bridge.database.read() as conn:
            found = rows.groups(conn)
        found = sorted(found, key=lambda group: not known(group.cause).waits_for_a_person)
        return page("failures.html", groups=found, known=known, move=move)

    @console.page("/failures/<cause>", role=Role.VIEWER, whole=True)
    def failure(cause: str) -> Response:
        """One group with its newest members."""
        with bridge.database.read() as conn:
            found = rows.groups(conn, cause=cause)
            members = rows.members(conn, cause, limit=SHOWN)
        if not found:
            return message(
                gettext("Nothing fails for this any more"),
                gettext("It was mended, or the cause has another name. Look at the list."),
                status=404,
            )
        return page(
            "failure.html",
            cause=cause,
            groups=found,
            members=members,
            size=sum(group.size for group in found),
            known=known,
            move=move,
            command=replay_command,
        )
