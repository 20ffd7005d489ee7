"""Issuers: accounts at a vault, how each does, and as an admin adds and changes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import Response as FlaskResponse
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.addresses import shown
from bridge.connections import checking
from bridge.connections import issuers as acts
from bridge.connections.given import Unfit
from bridge.connections.issuers import Changes
from bridge.console.connecting import addresses, kept_addresses
from bridge.console.door import Console, page, person
from bridge.console.sites import check_of
from bridge.people.roles import Role
from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, last_signs, owners
from bridge.store.tables import issuer as table
from runtime.keys import KeyProblem

#: What the form that adds one has, but for the logo and the secrets.
TEXTS = ("name", "url", "institution", "signatory_name", "signatory_role", "owners")
#: With a logo that is too large, so that the form can say so.
LARGEST_FORM = 3 * acts.LARGEST_LOGO
PICTURES: Mapping[bytes, str] = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/issuers", role=Role.VIEWER)
    def issuers() -> Response:
        """All that the person sees, with how each does."""
        with bridge.database.read() as conn:
            now = bridge.database.now(conn)
            rows = last_signs.issuers(conn, within=_within())
        return page("issuers.html", rows=rows, now=now)

    @console.page("/add/issuer", role=Role.ADMIN, whole=True)
    def new_issuer() -> Response:
        """The form."""
        return _new()

    @console.page(
        "/add/issuer", role=Role.ADMIN, methods=["POST"], whole=True, largest=LARGEST_FORM
    )
    def add_issuer() -> Response:
        """Add it."""
        return _add(bridge)

    @console.page("/issuers/<name>", role=Role.VIEWER)
    def issuer(name: str) -> Response:
        """One."""
        row = _row(bridge, name)
        with bridge.database.read() as conn:
            now = bridge.database.now(conn)
            (signs,) = last_signs.issuers(conn, within=table.c.id == row.id)
        secrets = accounts.secrets_or_none(row, kind="issuer", keys=bridge.keys)
        return page(
            "issuer.html",
            row=row,
            signs=signs,
            now=now,
            hook=acts.hook(bridge, name),
            secrets=secrets.keys(),
            live_secrets=len(str(secrets.get("webhook_secret") or "").split()),
            owners=[*map(shown, _owners(bridge, row))],
            **check_of(bridge, row.id),
        )

    @console.page("/issuers/<name>/logo", role=Role.VIEWER)
    def issuer_logo(name: str) -> Response:
        """Its logo, as it is printed."""
        row = _row(bridge, name)
        if not row.logo:
            raise NotFound
        kinds = (kind for begins, kind in PICTURES.items() if row.logo.startswith(begins))
        return FlaskResponse(row.logo, mimetype=next(kinds, "image/svg+xml"))

    @console.page("/issuers/<name>/check", role=Role.VIEWER)
    def issuer_check(name: str) -> Response:
        """What the check has found so far, for a page that is open."""
        return page("_check.html", **check_of(bridge, _row(bridge, name).id))

    @console.page("/issuers/<name>/check", role=Role.ADMIN, methods=["POST"])
    def check_issuer(name: str) -> Response:
        """Begin to try each permission."""
        _row(bridge, name)
        checking.begin_issuer(bridge, name, who=person().email)
        return redirect(url_for("console.issuer", name=name, _anchor="check"), code=303)

    @console.page("/issuers/<name>/settings", role=Role.ADMIN)
    def issuer_settings(name: str) -> Response:
        """What can be changed."""
        return _settings(bridge, _row(bridge, name))

    @console.page(
        "/issuers/<name>/settings", role=Role.ADMIN, methods=["POST"], largest=LARGEST_FORM
    )
    def change_issuer(name: str) -> Response:
        """Change what was changed in the form."""
        return _change(bridge, _row(bridge, name))

    @console.page("/issuers/<name>/secrets", role=Role.ADMIN)
    def issuer_secrets(name: str) -> Response:
        """What can be replaced."""
        return page("issuer_secrets.html", row=_row(bridge, name), mistakes={})

    @console.page("/issuers/<name>/secrets", role=Role.ADMIN, methods=["POST"])
    def rotate_issuer(name: str) -> Response:
        """Replace the token or the webhook secret."""
        return _rotate(bridge, _row(bridge, name))

    @console.page("/issuers/<name>/resume", role=Role.ADMIN, methods=["POST"])
    def resume_issuer(name: str) -> Response:
        """Let a paused one send again."""
        _row(bridge, name)
        acts.resume(bridge, name, who=person().email)
        return redirect(url_for("console.issuer", name=name), code=303)

    @console.page("/issuers/<name>/remove", role=Role.ADMIN)
    def removing_issuer(name: str) -> Response:
        """What it means, and the button."""
        return page("issuer_remove.html", row=_row(bridge, name))

    @console.page("/issuers/<name>/remove", role=Role.ADMIN, methods=["POST"])
    def remove_issuer(name: str) -> Response:
        """Take it out of use, if its name was typed."""
        row = _row(bridge, name)
        if request.form.get("name", "").strip() != name:
            wrong = gettext("Type the issuer’s name as it stands above.")
            return page("issuer_remove.html", status=422, row=row, wrong=wrong)
        acts.remove(bridge, name, who=person().email)
        return redirect(url_for("console.issuers"), code=303)


def _within() -> sa.ColumnElement[bool]:
    return person().limits.over(issuer=table.c.name)


def _row(bridge: Bridge, name: str) -> sa.Row[Any]:
    """The issuer, unless it is none, or not within the person's limits."""
    with bridge.database.read() as conn:
        try:
            return accounts.within_limits(conn, name, kind="issuer", within=_within())
        except accounts.NotThere as exc:
            raise NotFound from exc


def _owners(bridge: Bridge, row: sa.Row[Any]) -> tuple[str, ...]:
    try:
        return owners.of(row, kind="issuer", keys=bridge.keys)
    except KeyProblem:
        return ()


def _new(
    *,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    mistakes: Mapping[str, str] | None = None,
) -> Response:
    return page("issuer_add.html", status=status, values=typed or {}, mistakes=mistakes or {})


def _add(bridge: Bridge) -> Response:
    typed = {name: request.form.get(name, "").strip() for name in TEXTS}
    try:
        acts.add(
            bridge,
            typed["name"],
            url=typed["url"],
            institution=typed["institution"],
            secrets=_secrets(),
            who=person().email,
            logo=_logo(),
            signatory_name=typed["signatory_name"],
            signatory_role=typed["signatory_role"],
            owners=addresses(typed["owners"]),
        )
    except Unfit as exc:
        return _new(status=422, typed=typed, mistakes=exc.mistakes)
    except accounts.NameTaken as exc:
        return _new(status=409, typed=typed, mistakes={"name": str(exc)})
    checking.begin_issuer(bridge, typed["name"], who=person().email)
    return redirect(url_for("console.issuer", name=typed["name"], _anchor="check"), code=303)


def _secrets() -> dict[str, str]:
    """The secrets that were typed."""
    typed = {name: request.form.get(name, "").strip() for name in sorted(acts.KNOWN_SECRETS)}
    return {name: secret for name, secret in typed.items() if secret}


def _logo() -> bytes | None:
    """The picture that was chosen; None if none was."""
    sent = request.files.get("logo")
    return sent.read(acts.LARGEST_LOGO + 1) if sent and sent.filename else None


def _as_stored(bridge: Bridge, row: sa.Row[Any]) -> dict[str, str]:
    return {
        "signatory_name": row.signatory_name or "",
        "signatory_role": row.signatory_role or "",
        "owners": "\n".join(map(shown, _owners(bridge, row))),
    }


def _settings(
    bridge: Bridge,
    row: sa.Row[Any],
    *,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    mistakes: Mapping[str, str] | None = None,
) -> Response:
    return page(
        "issuer_settings.html",
        status=status,
        row=row,
        values=_as_stored(bridge, row) if typed is None else typed,
        mistakes=mistakes or {},
    )


def _change(bridge: Bridge, row: sa.Row[Any]) -> Response:
    before = _as_stored(bridge, row)
    typed = {name: request.form.get(name, "").strip().replace("\r\n", "\n") for name in before}
    changed = {name: value for name, value in typed.items() if value != before[name]}
    told = changed.get("owners")
    changes = Changes(
        signatory_name=changed.get("signatory_name"),
        signatory_role=changed.get("signatory_role"),
        logo=b"" if request.form.get("no_logo") else _logo(),
        owners=None if told is None else kept_addresses(told, _owners(bridge, row)),
    )
    try:
        if changes != Changes():
            acts.change(bridge, row.name, changes, who=person().email)
    except Unfit as exc:
        return _settings(bridge, row, status=422, typed=typed, mistakes=exc.mistakes)
    return redirect(url_for("console.issuer", name=row.name), code=303)


def _rotate(bridge: Bridge, row: sa.Row[Any]) -> Response:
    secrets = _secrets()
    drop_old = request.form.get("act") == "drop_old"
    mistakes: Mapping[str, str] = {}
    if not (secrets or drop_old):
        mistakes = {"token": gettext("Nothing was typed, so nothing was replaced.")}
    else:
        try:
            acts.rotate(bridge, row.name, secrets, drop_old=drop_old, who=person().email)
        except Unfit as exc:
            mistakes = exc.mistakes
    if mistakes:
        return page("issuer_secrets.html", status=422, row=row, mistakes=mistakes)
    return redirect(url_for("console.issuer", name=row.name), code=303)
