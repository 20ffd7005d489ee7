"""The audit log: who did what to which, with what it changed, and to take away."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request
from werkzeug.wrappers import Response

from bridge.console.csv_answer import csv_answer, kept
from bridge.console.days import days
from bridge.console.door import Console, page
from bridge.people.roles import Role
from bridge.pipeline import audit as log
from bridge.store import acts
from bridge.store.acts import Filters

SHOWN = 50
FIELDS = ("who", "kind", "which", "since", "until")


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/audit", role=Role.ADMIN, whole=True)
    def audit() -> Response:
        """The newest acts, or those that were looked for."""
        given, filters, wrong = _asked()
        found = log.page(
            bridge, filters, after=log.place(request.args.get("after", "")), limit=SHOWN + 1
        )
        with bridge.database.read() as conn:
            kinds = acts.kinds(conn)
        more = len(found) > SHOWN
        return page(
            "audit.html",
            status=422 if wrong else 200,
            acts=found[:SHOWN],
            given=given,
            wrong=wrong,
            filtered={name: value for name, value in given.items() if value},
            after=log.written(found[SHOWN - 1].place) if more else None,
            kinds=kinds,
        )

    @console.page("/audit.csv", role=Role.ADMIN, whole=True)
    def audit_csv() -> Response:
        """All that fit, for a spreadsheet."""
        _, filters, _ = _asked()
        return csv_answer("audit", log.COLUMNS, map(log.cells, log.every(bridge, filters)))

    @console.page("/audit.jsonl", role=Role.ADMIN, whole=True)
    def audit_lines() -> Response:
        """All that fit, for programs."""
        _, filters, _ = _asked()
        lines = (line.encode() for line in log.lines(log.every(bridge, filters)))
        return kept("audit.jsonl", lines, "application/jsonl")


def _asked() -> tuple[Mapping[str, str], Filters, Mapping[str, str]]:
    """What stands in the address, as filters, and what is wrong with it, by name."""
    given = {name: request.args.get(name, "").strip() for name in FIELDS}
    since, until, wrong = days(given)
    filters = Filters(
        who=given["who"],
        kind=given["kind"],
        which=given["which"],
        since=since,
        until=until,
    )
    return given, filters, wrong
