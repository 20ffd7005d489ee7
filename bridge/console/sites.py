"""Sites: how each does, what it sends, and the checks of its connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.addresses import shown
from bridge.connections import checking
from bridge.connections import sites as acts
from bridge.console import settings_form
from bridge.console.door import Console, page, person
from bridge.people.roles import Role
from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, connection_checks, deliveries, last_signs, tallies
from bridge.store.states import DeliveryState
from bridge.store.tables import site as table
from connectors import registry
from runtime.keys import KeyProblem
from runtime.settings import is_secret

#: How far back what waits is counted, and what was refused.
LOOKS_BACK, REFUSED_LATELY = timedelta(days=7), timedelta(days=1)
SHOWN = 25
#: Deliveries that a person must look at.
SET_ASIDE = (DeliveryState.DEAD, DeliveryState.QUARANTINED)


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/sites", role=Role.VIEWER)
    def sites() -> Response:
        """All that the person sees, with how each does."""
        with bridge.database.read() as conn:
            now = bridge.database.now(conn)
            rows = last_signs.sites(conn, within=within())
            by_site = tallies.by_site(conn, since=now - LOOKS_BACK)
            refused = _refused(conn, [row.name for row in rows], since=now - REFUSED_LATELY)
        waiting = {name: tally.waits for name, tally in by_site.items()}
        return page("sites.html", rows=rows, waiting=waiting, refused=refused, now=now)

    @console.page("/sites/<name>", role=Role.VIEWER)
    def site(name: str) -> Response:
        """One, with its deliveries as they arrive."""
        with bridge.database.read() as conn:
            row = mine(conn, name)
            now = bridge.database.now(conn)
            refused = deliveries.refused_since(conn, since=now - LOOKS_BACK, names=[name])
            unwanted = deliveries.unwanted(conn, row.id)
            signs = next((one for one in last_signs.sites(conn, within=table.c.id == row.id)), None)
        return page(
            "site.html",
            row=row,
            signs=signs,
            now=now,
            hook=_hook(bridge, row),
            refused=refused,
            unwanted=unwanted,
            settings=_settings(row),
            secrets=_secrets(bridge, row),
            owners=owners_of(bridge, row),
            issue_from=accounts.issue_from(row),
            **_list(bridge, row),
            **_check(bridge, row),
        )

    @console.page("/sites/<name>/deliveries", role=Role.VIEWER)
    def site_deliveries(name: str) -> Response:
        """The list alone, for a page that is open."""
        with bridge.database.read() as conn:
            row = mine(conn, name)
        return page("_deliveries.html", row=row, **_list(bridge, row))

    @console.page("/sites/<name>/check", role=Role.VIEWER)
    def site_check(name: str) -> Response:
        """What the check has found so far, for a page that is open."""
        with bridge.database.read() as conn:
            row = mine(conn, name)
        return page("_check.html", **_check(bridge, row))

    @console.page("/sites/<name>/check", role=Role.ADMIN, methods=["POST"])
    def check_site(name: str) -> Response:
        """Begin to try each permission."""
        with bridge.database.read() as conn:
            mine(conn, name)
        checking.begin_site(bridge, name, who=person().email)
        return redirect(url_for("console.site", name=name, _anchor="check"), code=303)


def within() -> sa.ColumnElement[bool]:
    """The sites that the person sees."""
    return person().limits.over(site=table.c.name)


def mine(conn: sa.Connection, name: str) -> sa.Row[Any]:
    """The site, unless it is none, or not within the person's limits."""
    try:
        return accounts.within_limits(conn, name, kind="site", within=within())
    except accounts.NotThere as exc:
        raise NotFound from exc


def schema_of(row: sa.Row[Any]) -> ma.Schema | None:
    """The schema of a site's settings; None where its connector cannot be used any more."""
    try:
        return registry.load(row.connector).settings_schema()
    except registry.UnknownConnector:
        return None


def owners_of(bridge: Bridge, row: sa.Row[Any]) -> list[str]:
    """Who is told of a site's troubles, as it may be seen."""
    try:
        return [*map(shown, acts.owners(bridge, row))]
    except KeyProblem:
        return []


def _hook(bridge: Bridge, row: sa.Row[Any]) -> str:
    return acts.hook(bridge, row.connector, row.name)


def _refused(conn: sa.Connection, names: list[str], *, since: datetime) -> Mapping[str, int]:
    counted: Counter[str] = Counter()
    for one in deliveries.refused_since(conn, since=since, names=names):
        counted[one.site_name] += one.number
    return counted


def _settings(row: sa.Row[Any]) -> list[tuple[str, str]]:
    """What the site is configured with, by the names of the form."""
    schema = schema_of(row)
    if schema is None:
        return [(name, str(value)) for name, value in row.settings.items()]
    told = settings_form.stored(schema, row.settings)
    return [
        (settings_form.label(name, field), told.get(f"settings.{name}", ""))
        for name, field in schema.fields.items()
        if not is_secret(field)
    ]


def _secrets(bridge: Bridge, row: sa.Row[Any]) -> list[tuple[str, int]]:
    """How many are live of each secret."""
    schema = schema_of(row)
    known = accounts.secrets_or_none(row, kind="site", keys=bridge.keys)
    return [
        (
            name if schema is None else settings_form.label(name, schema.fields[name]),
            len(value) if isinstance(value, list) else 1,
        )
        for name, value in known.items()
    ]


def _list(bridge: Bridge, row: sa.Row[Any]) -> dict[str, Any]:
    """A page of deliveries, as the address asks for it."""
    aside = request.args.get("show") == "aside"
    after = request.args.get("after")
    with bridge.database.read() as conn:
        found = deliveries.of_site(
            conn, row.id, states=SET_ASIDE if aside else (), after=after, limit=SHOWN + 1
        )
        waits = deliveries.of_site(conn, row.id, states=SET_ASIDE, limit=1)
    return {
        "deliveries": found[:SHOWN],
        "aside": aside,
        "any_aside": bool(waits),
        "is_first": after is None,
        "after": found[SHOWN - 1].id if len(found) > SHOWN else None,
    }


def _check(bridge: Bridge, row: sa.Row[Any]) -> dict[str, Any]:
    return check_of(bridge, row.id)


def check_of(bridge: Bridge, subject: str) -> dict[str, Any]:
    """The last check of a site or an issuer, and whether it goes on."""
    with bridge.database.read() as conn:
        last = connection_checks.last(conn, subject)
        now = bridge.database.now(conn)
    goes_on = last is not None and last.ended_at is None
    cut_off = last is not None and goes_on and last.begun_at < now - connection_checks.LONGEST
    return {"check": last, "goes_on": goes_on and not cut_off, "cut_off": cut_off}
