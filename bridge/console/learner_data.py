"""A learner's data: everything kept of one is found, taken away, erased.

An address that is looked for is sent as a form, never in the page's own address, which proxies log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from bridge.console.csv_answer import kept
from bridge.console.door import Console, page, person
from bridge.people.roles import Role
from bridge.pipeline import erasing
from bridge.store import accounts, erasures
from bridge.store.accounts import NotThere
from bridge.store.learners import Found


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/learner-data", role=Role.ADMIN, whole=True)
    def learner_data() -> Response:
        """What to look for, and what was erased."""
        return _page()

    @console.page("/learner-data", role=Role.ADMIN, methods=["POST"], whole=True)
    def find_learner() -> Response:
        """Everything kept of one, by how much there is of what."""
        given = _given()
        found, wrong = _found(given)
        return _page(status=422 if wrong else 200, given=given, found=found, wrong=wrong)

    @console.page("/learner-data/export", role=Role.ADMIN, methods=["POST"], whole=True)
    def export_learner() -> Response:
        """All of it as a ZIP."""
        given = _given()
        found, wrong = _found(given)
        if wrong:
            return _page(status=422, given=given, wrong=wrong)
        packed = erasing.export(bridge, found, who=person().email)
        return kept("learner.zip", iter([packed]), "application/zip")

    @console.page("/learner-data/erase", role=Role.ADMIN, methods=["POST"], whole=True)
    def erase_learner() -> Response:
        """Erase it, once the reason and the learner's id were typed."""
        given = _given() | {"reason": request.form.get("reason", "").strip()}
        found, wrong = _found(given)
        wrong = dict(wrong)
        if found:
            if not given["reason"]:
                wrong["reason"] = gettext("Say why, for the history; name no person.")
            if request.form.get("typed", "").strip() != found[0].person.learner_id:
                wrong["typed"] = gettext("This is not the learner's id.")
            going = found[0].under_way
            if going:
                wrong["erase"] = str(_under_way(found[0]))
        if wrong:
            return _page(status=422, given=given, found=found, wrong=wrong)
        try:
            done = erasing.erase(bridge, found[0], who=person().email, reason=given["reason"])
        except (erasing.UnderWay, NotThere) as exc:
            return _page(status=409, given=given, found=found, wrong={"erase": str(exc)})
        return redirect(url_for("console.learner_data", erased=done.erasure_id), code=303)

    def _found(given: Mapping[str, str]) -> tuple[Sequence[Found], Mapping[str, str]]:
        """Who is meant, or what is wrong with how they are named."""
        by_id = bool(given["site"] and given["learner"])
        if bool(given["email"]) == by_id:
            said = gettext("Give an e-mail address, or a site and the learner's id there.")
            return (), {"email": said}
        try:
            if given["email"]:
                return erasing.find(bridge, email=given["email"]), {}
            whose = {"site": given["site"], "learner_id": given["learner"]}
            return erasing.find(bridge, **whose), {}
        except NotThere as exc:
            return (), {"email" if given["email"] else "learner": str(exc)}

    def _page(*, status: int = 200, **values: Any) -> Response:
        with bridge.database.read() as conn:
            done = erasures.recent(conn)
            asked = {
                row.id: [erasing.request_text(one) for one in erasures.kept(conn, row.id)]
                for row in done
                if row.vault_kept
            }
            sites = [row.name for row in accounts.sites(conn)]
        given = values.pop("given", None) or dict.fromkeys(("email", "site", "learner"), "")
        return page(
            "learner_data.html",
            status=status,
            erasures=done,
            asked=asked,
            sites=sites,
            erased=request.args.get("erased"),
            **{"given": given, "found": (), "wrong": {}, **values},
        )


def _given() -> dict[str, str]:
    return {name: request.form.get(name, "").strip() for name in ("email", "site", "learner")}


def _under_way(found: Found) -> erasing.UnderWay | None:
    try:
        erasing.may_be_erased(found)
    except erasing.UnderWay as exc:
        return exc
    return None
