"""One's own account: password, where one is signed in, time zone and language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from bridge.console import reading
from bridge.console.door import Console, page, person, whence
from bridge.people import account as own
from bridge.people import entering, passwords
from bridge.people.roles import Role
from bridge.store import people
from mappings.locales import zone_problem


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/account", role=Role.VIEWER)
    def account() -> Response:
        """What one can see of oneself and change."""
        return _page()

    @console.page("/account/password", role=Role.VIEWER, methods=["POST"])
    def change_password() -> Response:
        """Keep another password, by the old one."""
        old, new, again = (request.form.get(name, "") for name in ("old", "password", "again"))
        wrong: dict[str, str] = {}
        if problem := passwords.problem_with(new, email=person().email):
            wrong["password"] = problem
        elif new != again:
            wrong["again"] = gettext("The two are not the same.")
        if wrong:
            return _page(status=422, wrong=wrong)
        try:
            own.change_password(
                bridge, person().email, old, new, token=console.token() or "", whence=whence()
            )
        except entering.WrongPair:
            return _page(status=422, wrong={"old": gettext("This is not your password.")})
        except entering.TooOften:
            text = gettext("That was tried too often. Wait a quarter of an hour, then try again.")
            return _page(status=429, wrong={"old": text})
        return _back("password")

    @console.page("/account/sessions", role=Role.VIEWER, methods=["POST"])
    def end_sessions() -> Response:
        """Sign out where one session is, or everywhere else."""
        if chosen := request.form.get("session"):
            own.end_session(bridge, person().id, chosen, who=person().email)
        else:
            own.end_others(bridge, person().id, token=console.token() or "", who=person().email)
        return _back("sessions")

    @console.page("/account/reading", role=Role.VIEWER, methods=["POST"])
    def read_as() -> Response:
        """In which zone times are told, and the page's language."""
        zone = request.form.get("time_zone", "").strip() or None
        language = request.form.get("language") or None
        if zone is not None and zone_problem(zone):
            text = gettext("There is no such time zone. Choose one of the list: Asia/Dubai.")
            return _page(status=422, wrong={"time_zone": text}, given={"time_zone": zone})
        known = language if language in reading.languages() else None
        own.read_as(bridge, person().id, time_zone=zone, language=known)
        return _back("reading")

    def _page(
        *, status: int = 200, given: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        with bridge.database.read() as conn:
            now = bridge.database.now(conn)
            row = people.named(conn, person().email)
            sessions = people.sessions(conn, row.id, token=console.token() or "", now=now)
        return page(
            "account.html",
            status=status,
            row=row,
            sessions=sessions,
            zones=sorted(available_timezones()),
            languages=reading.languages(),
            shortest=passwords.SHORTEST,
            given=given or {"time_zone": row.time_zone or ""},
            done=request.args.get("done"),
            **values,
        )


def _back(done: str) -> Response:
    return redirect(url_for("console.account", done=done), code=303)
