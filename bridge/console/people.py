"""People: who may use the console, with which role and limits."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.door import Console, message, page, person
from bridge.people import entering
from bridge.people.roles import Limits, Role
from bridge.store import accounts
from bridge.store import people as rows


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/people", role=Role.ADMIN, whole=True)
    def people() -> Response:
        """Everybody, and the form for one more."""
        return _page()

    @console.page("/people", role=Role.ADMIN, methods=["POST"], whole=True)
    def invite() -> Response:
        """Add a person; their link is shown once."""
        given = {name: request.form.get(name, "").strip() for name in ("email", "name", "role")}
        wrong = {}
        if not entering.is_address(given["email"]):
            wrong["email"] = gettext("This is not an e-mail address.")
        if not entering.is_name(given["name"]):
            wrong["name"] = gettext("Give the name, as others see it in the history.")
        if given["role"] not in set(Role):
            wrong["role"] = gettext("Choose one of the roles.")
        limits, problem = _limits()
        if problem:
            wrong["limits"] = problem
        if wrong:
            return _page(status=422, given=given, wrong=wrong)
        try:
            link = entering.invite(
                bridge,
                given["email"],
                name=given["name"],
                role=Role(given["role"]),
                limits=limits,
                who=person().email,
            )
        except accounts.NameTaken:
            wrong = {"email": gettext("Somebody has this address already.")}
            return _page(status=409, given=given, wrong=wrong)
        return _page(link=link, link_for=given["email"])

    @console.page("/people/<person_id>", role=Role.ADMIN, methods=["POST"], whole=True)
    def change_person(person_id: str) -> Response:
        """Give another role, a new link, or remove somebody."""
        with bridge.database.read() as conn:
            row = _one(conn, person_id)
        act = request.form.get("act", "")
        if act == "link":
            return _page(
                link=entering.new_link(bridge, row.email, who=person().email), link_for=row.email
            )
        if row.id == person().id:
            return message(
                gettext("That would be yourself"),
                gettext("Ask another admin: so there is always one who can come in."),
                status=409,
            )
        if act == "remove":
            entering.remove(bridge, row.email, who=person().email)
        elif act in set(Role):
            entering.give_role(bridge, row.email, Role(act), who=person().email)
        return redirect(url_for("console.people"), code=303)

    def _page(*, status: int = 200, **values: Any) -> Response:
        with bridge.database.read() as conn:
            everybody = rows.everybody(conn)
        return page("people.html", status=status, people=everybody, Limits=Limits, **values)


def _one(conn: sa.Connection, person_id: str) -> sa.Row[Any]:
    found = next((row for row in rows.everybody(conn) if row.id == person_id), None)
    if found is None:
        raise NotFound
    return found


def _limits() -> tuple[Limits, str | None]:
    given = {
        kind: frozenset(request.form.get(kind, "").split())
        for kind in ("issuers", "sites", "courses")
    }
    odd = sorted(one for one in given["courses"] if "/" not in one)
    if odd:
        return Limits(), gettext("Write a course as SITE/COURSE: %(odd)s", odd=", ".join(odd))
    return Limits(**given), None
