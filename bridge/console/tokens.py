"""Tokens: by which programs use the API; made, and shown once, and revoked."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.door import Console, page, person
from bridge.people import rules
from bridge.people import tokens as pipeline
from bridge.people.limits_form import limits_of
from bridge.people.roles import Limits, Role
from bridge.people.tokens import DAYS, LONGEST_NAME, MOST_DAYS, Maker, MoreThanOwn, Scope
from bridge.store import api_tokens as rows
from bridge.store.accounts import NotThere

SHOWN = 200


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/tokens", role=Role.ADMIN)
    def tokens() -> Response:
        """The tokens, and the form for one more."""
        return _page()

    @console.page("/tokens", role=Role.ADMIN, methods=["POST"])
    def make_token() -> Response:
        """Make one; it is shown once."""
        given = {name: request.form.get(name, "").strip() for name in ("name", "scope", "days")}
        wrong = {}
        if not 0 < len(given["name"]) <= LONGEST_NAME:
            wrong["name"] = gettext("Say which program it is for, in at most 64 characters.")
        if given["scope"] not in set(Scope):
            wrong["scope"] = gettext("Choose one of the scopes.")
        if not given["days"].isdecimal() or not 1 <= int(given["days"]) <= MOST_DAYS:
            wrong["days"] = gettext("Give a number of days from 1 to %(most)s.", most=MOST_DAYS)
        limits, odd = limits_of(request.form)
        if odd:
            wrong["limits"] = gettext("Write a course as SITE/COURSE: %(odd)s", odd=", ".join(odd))
        if wrong:
            return _page(status=422, given=given, wrong=wrong)
        by = Maker(
            person_id=person().id,
            who=person().email,
            role=person().role,
            bounds=[person().limits],
        )
        try:
            _, token = pipeline.make(
                bridge,
                given["name"],
                scope=Scope(given["scope"]),
                by=by,
                limits=limits,
                days=int(given["days"]),
            )
        except (MoreThanOwn, rules.NotThere) as exc:
            return _page(status=422, given=given, wrong={"limits": str(exc)})
        return _page(token=token, token_for=given["name"])

    @console.page("/tokens/<token_id>/revoke", role=Role.ADMIN, methods=["POST"])
    def revoke_token(token_id: str) -> Response:
        """Let one work no more."""
        try:
            with bridge.database.read() as conn:
                row = rows.by_id(conn, token_id)
        except NotThere as exc:
            raise NotFound from exc
        if _whose() not in (None, row.person_id):
            raise NotFound
        pipeline.revoke(bridge, token_id, who=person().email)
        return redirect(url_for("console.tokens"), code=303)

    def _page(*, status: int = 200, **values: Any) -> Response:
        with bridge.database.read() as conn:
            found = rows.known(conn, of=_whose(), limit=SHOWN)
            now = bridge.database.now(conn)
        return page(
            "tokens.html",
            status=status,
            tokens=found,
            now=now,
            days=DAYS,
            Limits=Limits,
            typed=_typed,
            **values,
        )


def _typed(kind: str) -> str:
    """What stands in the form: what was sent, or else the person's own limits."""
    own: frozenset[str] = getattr(person().limits, kind)
    return request.form.get(kind, " ".join(sorted(own)))


def _whose() -> str | None:
    """Whoever is limited sees their own."""
    return person().id if person().limits.any else None
