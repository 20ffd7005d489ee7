"""What a person does about one issuance: decide, cancel, correct it, send its learner the link."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.certificates.page import RenderError
from bridge.console.door import Console, message, page, person
from bridge.console.issuances import mine
from bridge.people.roles import Role
from bridge.pipeline import cancelling, correcting, pages, release, sending_links
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.correcting import BY_HAND, PARAMETER, Asked, Foreseen
from bridge.store import accounts, corrections, holds
from bridge.store.accounts import NotThere
from bridge.store.file_sources import is_from_lms
from bridge.store.states import HoldOutcome

#: What the acts of a hold are called, and what they mean.
OUTCOMES = {"release": HoldOutcome.RELEASED, "discard": HoldOutcome.DISCARDED}


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/issuances/<row_id>/decide", role=Role.SUPPORT, methods=["POST"])
    def decide_issuance(row_id: str) -> Response:
        """Release, or discard, one that waits in a hold; the others there go on waiting."""
        row = _row(bridge, row_id)
        outcome = OUTCOMES.get(request.form.get("act", ""))
        if outcome is None or row.hold_id is None:
            raise NotFound
        reason = _reason()
        if outcome is HoldOutcome.DISCARDED and reason is None:
            return _why_missing()
        word = release.Word(outcome=outcome, who=person().email, reason=reason)
        if holds.is_waiting(row):
            try:
                for _ in release.decide(bridge, row.hold_id, word, ids=[row_id]):
                    pass
            except release.DecidedOtherwise as exc:
                return message(gettext("It was decided before"), str(exc), status=409)
        return _back(row_id)

    @console.page("/issuances/<row_id>/cancel", role=Role.SUPPORT, methods=["POST"])
    def cancel_issuance(row_id: str) -> Response:
        """Give up one that was not sent."""
        _row(bridge, row_id)
        if (reason := _reason()) is None:
            return _why_missing()
        try:
            cancelling.cancel(bridge, row_id, who=person().email, reason=reason)
        except cancelling.Refused as exc:
            return message(gettext("It was not cancelled"), str(exc), status=409)
        return _back(row_id)

    @console.page("/issuances/<row_id>/link", role=Role.SUPPORT, methods=["POST"])
    def send_link(row_id: str) -> Response:
        """Mail the learner the links of their certificates."""
        _row(bridge, row_id)
        try:
            sending_links.send(bridge, row_id, who=person().email)
        except sending_links.Refused as exc:
            return message(gettext("No mail was sent"), str(exc), status=409)
        return _back(row_id)

    @console.page("/issuances/<row_id>/correct", role=Role.SUPPORT)
    def correct_issuance(row_id: str) -> Response:
        """The form, as the certificate is."""
        row = _row(bridge, row_id)
        if not row.full_name:
            raise NotFound
        return _form(row, given=_fields(row), status=200)

    @console.page("/issuances/<row_id>/correct", role=Role.SUPPORT, methods=["POST"])
    def correcting_issuance(row_id: str) -> Response:
        """Show what it would become; or, once that was seen, do it."""
        row = _row(bridge, row_id)
        if not row.full_name:
            raise NotFound
        was = _fields(row)
        given = {name: request.form.get(name, was[name]).replace("\r\n", "\n") for name in was}
        changes = {name: text for name, text in given.items() if text.strip() != was[name]}
        reason = _reason()
        if not changes:
            return _form(row, given=given, wrong={"": gettext("Nothing is changed yet.")})
        try:
            (foreseen,) = correcting.foresee(bridge, Asked(issuance=row_id, changes=changes))
        except correcting.Already as exc:
            return _back(exc.newest)
        except (correcting.Refused, NotThere) as exc:
            return _form(row, given=given, wrong={"": str(exc)})
        said = foreseen.tested.difference.problem
        if foreseen.tested.collides_with is not None:
            said = gettext(
                "%(other)s has the same e-mail, title and issue date.",
                other=foreseen.tested.collides_with,
            )
        if foreseen.columns is None:
            nothing = gettext("It would come out the same.")
            return _form(row, given=given, wrong={"": said or nothing})
        if request.form.get("act") != "correct":
            return _form(row, given=given, foreseen=foreseen, status=200)
        if reason is None:
            wrong = {"reason": gettext("Say why.")}
            return _form(row, given=given, foreseen=foreseen, wrong=wrong)
        return _back(_carry_out(bridge, Asked(issuance=row_id, changes=changes), reason) or row_id)

    @console.page("/issuances/<row_id>/approve", role=Role.SUPPORT, methods=["POST"])
    def approve_correction(row_id: str) -> Response:
        """A second person lets a correction of it begin, or says that it is not to be."""
        _row(bridge, row_id)
        with bridge.database.read() as conn:
            waiting = {row.id: row for row in corrections.asked_for(conn, row_id)}
        row = waiting.get(request.form.get("correction", ""))
        try:
            if row is not None and request.form.get("act") == "decline":
                correcting.decline(bridge, row, who=person().email, reason=_reason())
            elif row is not None:
                correcting.approve(bridge, row, who=person().email, selected=row.selected)
                _proceed(bridge, row.id)
        except correcting.Refused as exc:
            return message(gettext("It was not approved"), str(exc), status=409)
        return _back(row_id)

    def _form(
        row: sa.Row[Any],
        *,
        given: Mapping[str, str],
        foreseen: Foreseen | None = None,
        wrong: Mapping[str, str] | None = None,
        status: int = 422,
    ) -> Response:
        picture = None
        if foreseen is not None and foreseen.columns is not None:
            picture = _picture(bridge, foreseen.columns)
        return page(
            "correct.html",
            status=status,
            row=row,
            given=given,
            foreseen=foreseen,
            picture=picture,
            wrong=wrong or {},
            by_hand=BY_HAND,
            parameter=PARAMETER,
            two=bridge.settings.corrections_approved_by_two,
        )


def _row(bridge: Bridge, row_id: str) -> sa.Row[Any]:
    with bridge.database.read() as conn:
        return mine(conn, row_id)


def _reason() -> str | None:
    return " ".join(request.form.get("reason", "").split()) or None


def _why_missing() -> Response:
    text = gettext("Go back and say why: it stands in the history.")
    return message(gettext("A reason is missing"), text, status=422)


def _back(row_id: str) -> Response:
    return redirect(url_for("console.issuance", row_id=row_id), code=303)


def _fields(row: sa.Row[Any]) -> dict[str, str]:
    """What of a certificate may be corrected by hand, as it is."""
    told = {name: getattr(row, name) or "" for name in BY_HAND}
    told["details"] = row.certificate.get("details") or ""
    if is_from_lms(row.certificate):
        return told
    parameters = row.certificate.get("parameters", {})
    texts = {name: value for name, value in parameters.items() if isinstance(value, str)}
    return told | {f"{PARAMETER}{name}": value for name, value in texts.items()}


def _picture(bridge: Bridge, columns: Mapping[str, Any]) -> str | None:
    """The page as it would be, for an address of its own; None where the LMS makes it."""
    if is_from_lms(columns["certificate"]):
        return None
    with bridge.database.read() as conn:
        issuer = accounts.issuer_by_id(conn, columns["issuer_id"])
    made: Any = SimpleNamespace(**columns)
    try:
        drawn = bridge.renderer.render(pages.page_of(made, issuer), form="svg")
    except RenderError:  # said in the differences
        return None
    return base64.b64encode(drawn).decode()


def _carry_out(bridge: Bridge, asked: Asked, reason: str) -> str | None:
    """Begin it, and carry it out if one person may; return the id of the newer certificate."""
    approved = not bridge.settings.corrections_approved_by_two
    begun = correcting.begin(
        bridge, asked, who=person().email, reason=reason, selected=1, approved=approved
    )
    done = _proceed(bridge, begun) if approved else ()
    return done[0].new if done else None


def _proceed(bridge: Bridge, correction_id: str) -> Sequence[correcting.Done]:
    return [each for some in correcting.proceed(bridge, correction_id) for each in some]
