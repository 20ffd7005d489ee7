"""People: who may use the console, with which role and limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.door import Console, message, page, person
from bridge.people import entering, rules
from bridge.people.limits_form import limits_of
from bridge.people.roles import Limits, Role
from bridge.store import accounts, events
from bridge.store import people as rows

KINDS = ("issuers", "sites", "courses")


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
        given = _given("email", "name", "role", *KINDS)
        limits, wrong = _limits(given)
        if not entering.is_address(given["email"]):
            wrong["email"] = gettext("This is not an e-mail address.")
        if not entering.is_name(given["name"]):
            wrong["name"] = gettext("Give the name, as others see it in the history.")
        if given["role"] not in set(Role):
            wrong["role"] = gettext("Choose one of the roles.")
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
        except rules.NotThere as exc:
            return _page(status=422, given=given, wrong={"limits": str(exc)})
        return _page(link=link, link_for=given["email"])

    @console.page("/people/<person_id>", role=Role.ADMIN, whole=True)
    def one_person(person_id: str) -> Response:
        """One of them: what they may do, and what was done."""
        return _one_page(person_id)

    @console.page("/people/<person_id>", role=Role.ADMIN, methods=["POST"], whole=True)
    def change_person(person_id: str) -> Response:
        """Give another role, other limits, a new link; sign out; remove."""
        with bridge.database.read() as conn:
            row = _one(conn, person_id)
        try:
            return _act(row, request.form.get("act", ""))
        except (rules.ByInstitution, rules.LastAdmin) as exc:
            return message(gettext("Nothing was changed"), str(exc), status=409)

    def _act(row: sa.Row[Any], act: str) -> Response:
        who = person().email
        if act == "link":
            link = entering.new_link(bridge, row.email, who=who)
            return _one_page(row.id, link=link, link_for=row.email)
        if act == "sign_out":
            entering.sign_out(bridge, row.email, who=who)
            return redirect(url_for("console.one_person", person_id=row.id), code=303)
        if row.id == person().id:
            return message(
                gettext("That would be yourself"),
                gettext("Ask another admin: so there is always one who can come in."),
                status=409,
            )
        if act == "remove":
            entering.remove(bridge, row.email, who=who)
            return redirect(url_for("console.people"), code=303)
        if act == "change":
            return _change(row)
        return redirect(url_for("console.one_person", person_id=row.id), code=303)

    def _change(row: sa.Row[Any]) -> Response:
        given = _given("role", *KINDS)
        limits, wrong = _limits(given)
        if given["role"] not in set(Role):
            wrong["role"] = gettext("Choose one of the roles.")
        if not wrong:
            try:
                entering.change(
                    bridge, row.email, role=Role(given["role"]), limits=limits, who=person().email
                )
            except rules.NotThere as exc:
                wrong["limits"] = str(exc)
        if wrong:
            return _one_page(row.id, status=422, given=given, wrong=wrong)
        return redirect(url_for("console.one_person", person_id=row.id), code=303)

    def _page(*, status: int = 200, **values: Any) -> Response:
        with bridge.database.read() as conn:
            everybody = rows.everybody(conn)
        return page("people.html", status=status, people=everybody, Limits=Limits, **values)

    def _one_page(
        person_id: str, *, status: int = 200, given: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        with bridge.database.read() as conn:
            row = _one(conn, person_id)
            lines = events.history(conn, [person_id])
        limits = row.limits or {}
        stored = {kind: " ".join(limits.get(kind, ())) for kind in KINDS}
        return page(
            "person.html",
            status=status,
            row=row,
            lines=lines,
            given=given or {"role": row.role, **stored},
            **values,
        )


def _one(conn: sa.Connection, person_id: str) -> sa.Row[Any]:
    found = next((row for row in rows.everybody(conn) if row.id == person_id), None)
    if found is None:
        raise NotFound
    return found


def _given(*names: str) -> dict[str, str]:
    return {name: request.form.get(name, "").strip() for name in names}


def _limits(given: Mapping[str, str]) -> tuple[Limits, dict[str, str]]:
    """The limits that were typed, and what is wrong with them."""
    limits, odd = limits_of(given)
    if odd:
        text = gettext("Write a course as SITE/COURSE: %(odd)s", odd=", ".join(odd))
        return limits, {"limits": text}
    return limits, {}
