"""Sites as an admin adds and changes them: forms made from the connector's own schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Response as FlaskResponse
from flask import redirect, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.addresses import is_chat, shown
from bridge.connections import sites
from bridge.connections.given import Unfit, setting
from bridge.connections.sites import Changes
from bridge.console import settings_form
from bridge.console.door import Console, message, page, person
from bridge.console.instructions import instructions
from bridge.console.sites import mine, schema_of
from bridge.people.roles import Role
from bridge.pipeline.bridge import Bridge
from bridge.store import accounts
from connectors import registry
from connectors.base import Connector
from runtime.keys import KeyProblem

DAY = "%Y-%m-%d"


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/add/site", role=Role.ADMIN, whole=True)
    def choose_connector() -> Response:
        """Which LMS it is."""
        return page("site_choose.html", connectors=_connectors())

    @console.page("/add/site/<connector>", role=Role.ADMIN, whole=True)
    def new_site(connector: str) -> Response:
        """The form, with the connector's instructions beside it."""
        return _new(_class(connector))

    @console.page("/add/site/<connector>", role=Role.ADMIN, methods=["POST"], whole=True)
    def add_site(connector: str) -> Response:
        """Add it; its secrets that were made are shown once."""
        return _add(bridge, _class(connector))

    @console.page("/connectors/<connector>/files/<name>", role=Role.VIEWER)
    def connector_file(connector: str, name: str) -> Response:
        """A file that the connector's instructions speak of."""
        content = registry.beside(_class(connector), name)
        if content is None:
            raise NotFound
        answer = FlaskResponse(content, mimetype="application/octet-stream")
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    @console.page("/sites/<name>/settings", role=Role.ADMIN)
    def site_settings_form(name: str) -> Response:
        """What can be changed."""
        return _settings(bridge, _row(bridge, name))

    @console.page("/sites/<name>/settings", role=Role.ADMIN, methods=["POST"])
    def change_site(name: str) -> Response:
        """Change what was changed in the form."""
        return _change(bridge, _row(bridge, name))

    @console.page("/sites/<name>/secrets", role=Role.ADMIN)
    def site_secrets(name: str) -> Response:
        """What can be replaced."""
        return _rotation(_row(bridge, name))

    @console.page("/sites/<name>/secrets", role=Role.ADMIN, methods=["POST"])
    def rotate_site(name: str) -> Response:
        """Replace secrets, or take the old ones out of use."""
        return _rotate(bridge, _row(bridge, name))

    @console.page("/sites/<name>/resume", role=Role.ADMIN, methods=["POST"])
    def resume_site(name: str) -> Response:
        """Let a restored site send."""
        _row(bridge, name)
        because = request.form.get("because", "").strip()
        if not because:
            return message(
                gettext("Say why that is safe"),
                gettext("Nothing was done. Go back and give the reason: it stands in the history."),
                status=422,
            )
        try:
            sites.send_again(bridge, name, because=because, who=person().email)
        except sites.SendsAlready as exc:
            return message(gettext("Nothing was done"), str(exc), status=409)
        return redirect(url_for("console.site", name=name), code=303)

    @console.page("/sites/<name>/remove", role=Role.ADMIN)
    def removing_site(name: str) -> Response:
        """What it means, and the button."""
        return page("site_remove.html", row=_row(bridge, name))

    @console.page("/sites/<name>/remove", role=Role.ADMIN, methods=["POST"])
    def remove_site(name: str) -> Response:
        """Take it out of use, if its name was typed."""
        row = _row(bridge, name)
        if request.form.get("name", "").strip() != name:
            wrong = gettext("Type the site’s name as it stands above.")
            return page("site_remove.html", status=422, row=row, wrong=wrong)
        sites.remove(bridge, name, who=person().email)
        return redirect(url_for("console.sites"), code=303)


def _row(bridge: Bridge, name: str) -> sa.Row[Any]:
    with bridge.database.read() as conn:
        return mine(conn, name)


def _class(name: str) -> type[Connector[Any]]:
    try:
        return registry.load(name)
    except registry.UnknownConnector as exc:
        raise NotFound from exc


def _connectors() -> list[dict[str, str | None]]:
    """Each that is installed: its name and what it is, or why it cannot be used."""
    found: list[dict[str, str | None]] = []
    for name in registry.names():
        try:
            told = (registry.load(name).__doc__ or "").strip().partition("\n")[0]
            found.append({"name": name, "told": told, "problem": None})
        except registry.UnknownConnector as exc:
            found.append({"name": name, "told": None, "problem": str(exc)})
    return found


def _new(
    connector: type[Connector[Any]],
    *,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    mistakes: Mapping[str, str] | None = None,
) -> Response:
    schema = connector.settings_schema()
    stored = settings_form.stored(schema, {})
    values = {**stored, **typed} if typed else stored
    return page(
        "site_add.html",
        status=status,
        connector=connector.name,
        fields=settings_form.fields(schema, values=values, mistakes=mistakes or {}),
        values=values,
        mistakes=mistakes or {},
        instructions=instructions(connector),
    )


def _add(bridge: Bridge, connector: type[Connector[Any]]) -> Response:
    schema = connector.settings_schema()
    typed = {name: value.strip() for name, value in request.form.items()}
    # A tick that was taken out of the form is not sent.
    typed |= {field.name: "" for field in _ticks(schema) if field.name not in typed}
    secrets = settings_form.secrets(schema, request.form)
    made = settings_form.made(schema, secrets)
    name = typed.get("name", "")
    new: dict[str, Any] = {
        "connector": connector.name,
        "settings": settings_form.plain(schema, typed),
        "secrets": {**secrets, **made},
        "timezone": typed.get("timezone"),
        "owners": addresses(typed.get("owners", "")),
    }
    try:
        start = _day(typed.get("issue_from", ""))
    except Unfit as exc:
        return _new(connector, status=422, typed=typed, mistakes=_with_others(exc, name, new))
    try:
        sites.add(bridge, name, issue_from=start, who=person().email, **new)
    except Unfit as exc:
        return _new(connector, status=422, typed=typed, mistakes=exc.mistakes)
    except accounts.NameTaken as exc:
        return _new(connector, status=409, typed=typed, mistakes={"name": str(exc)})
    return page(
        "site_added.html",
        name=name,
        hook=sites.hook(bridge, connector.name, name),
        made=_labelled(schema, made),
    )


def _with_others(found: Unfit, name: str, new: Mapping[str, Any]) -> Mapping[str, str]:
    """A mistake, and all others in what was typed."""
    try:
        sites.validated(name, **new)
    except Unfit as exc:
        return {**found.mistakes, **exc.mistakes}
    return found.mistakes


def _ticks(schema: ma.Schema) -> list[settings_form.Field]:
    found = settings_form.fields(schema, values={}, mistakes={})
    return [field for field in found if field.kind == "tick"]


def _labelled(schema: ma.Schema, made: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (settings_form.label(name, schema.fields[name]), secret) for name, secret in made.items()
    ]


def _day(typed: str) -> datetime | None:
    if not typed:
        return None
    try:
        return datetime.strptime(typed, DAY).replace(tzinfo=UTC)
    except ValueError:
        raise Unfit({"issue_from": gettext("Give a day as YYYY-MM-DD.")}) from None


def addresses(typed: str) -> list[str]:
    """Owners' addresses as they are typed, one a line or with commas between them."""
    parts = re.split(r"[\s,]+", typed)
    return list(dict.fromkeys(part for part in parts if part))


def kept_addresses(typed: str, known: tuple[str, ...]) -> list[str]:
    """As `addresses`; a chat's, of which the form shows a part, stays as it is known."""
    hidden = {shown(address): address for address in known if is_chat(address)}
    return [hidden.get(part, part) for part in addresses(typed)]


def _known_owners(bridge: Bridge, row: sa.Row[Any]) -> tuple[str, ...]:
    try:
        return sites.owners(bridge, row)
    except KeyProblem:
        return ()


def _now_stored(bridge: Bridge, row: sa.Row[Any], schema: ma.Schema | None) -> dict[str, str]:
    """What stands in the form of a site's settings."""
    told = {} if schema is None else settings_form.stored(schema, row.settings)
    return {
        **told,
        "timezone": row.timezone or "",
        "issue_from": accounts.issue_from(row).strftime(DAY),
        "auto_mend": settings_form.YES if row.auto_mend else "",
        "owners": "\n".join(map(shown, _known_owners(bridge, row))),
    }


def _settings(
    bridge: Bridge,
    row: sa.Row[Any],
    *,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    mistakes: Mapping[str, str] | None = None,
) -> Response:
    schema = schema_of(row)
    values = _now_stored(bridge, row, schema) if typed is None else typed
    told = mistakes or {}
    return page(
        "site_settings.html",
        status=status,
        row=row,
        fields=[]
        if schema is None
        else settings_form.fields(schema, secret=False, values=values, mistakes=told),
        values=values,
        mistakes=told,
        instructions=None if schema is None else instructions(registry.load(row.connector)),
    )


def _change(bridge: Bridge, row: sa.Row[Any]) -> Response:
    schema = schema_of(row)
    before = _now_stored(bridge, row, schema)
    typed = {name: request.form.get(name, "").strip().replace("\r\n", "\n") for name in before}
    changed = {name for name, value in typed.items() if value != before[name]}
    plain = {} if schema is None else settings_form.plain(schema, typed)
    try:
        start = _day(typed["issue_from"]) if "issue_from" in changed else None
        changes = Changes(
            settings={name: value for name, value in plain.items() if setting(name) in changed},
            issue_from=start,
            timezone=typed["timezone"] if "timezone" in changed else None,
            auto_mend=bool(typed["auto_mend"]) if "auto_mend" in changed else None,
            owners=kept_addresses(typed["owners"], _known_owners(bridge, row))
            if "owners" in changed
            else None,
        )
        if changes.any:
            sites.change(bridge, row.name, changes, who=person().email)
    except Unfit as exc:
        return _settings(bridge, row, status=422, typed=typed, mistakes=exc.mistakes)
    except KeyProblem as exc:
        return message(gettext("First its secrets must be entered again"), str(exc), status=409)
    return redirect(url_for("console.site", name=row.name), code=303)


def _rotation(
    row: sa.Row[Any],
    *,
    status: int = 200,
    mistakes: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    schema = schema_of(row)
    told = mistakes or {}
    return page(
        "site_secrets.html",
        status=status,
        row=row,
        fields=[]
        if schema is None
        else settings_form.fields(schema, secret=True, values={}, mistakes=told),
        mistakes=told,
        **values,
    )


def _rotate(bridge: Bridge, row: sa.Row[Any]) -> Response:
    schema = schema_of(row)
    if schema is None:
        return _rotation(row, status=409)
    secrets = settings_form.secrets(schema, request.form)
    make = request.form.get("make", "").removeprefix(setting(""))
    made = settings_form.made(schema, {}, only=make) if make else {}
    drop_old = request.form.get("act") == "drop_old"
    if not (secrets or made or drop_old):
        wrong = gettext("Nothing was typed, so nothing was replaced.")
        return _rotation(row, status=422, nothing=wrong)
    try:
        sites.rotate(bridge, row.name, {**secrets, **made}, drop_old=drop_old, who=person().email)
    except Unfit as exc:
        return _rotation(row, status=422, mistakes=exc.mistakes)
    if made:
        return _rotation(row, made=_labelled(schema, made))
    return redirect(url_for("console.site", name=row.name), code=303)
