"""Backtests: what a version of a mapping would change, over completions really received."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

from flask import Response as FlaskResponse
from flask import render_template, request, stream_with_context
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from bridge.console.door import Console, page, person
from bridge.console.mappings import require_change
from bridge.people.roles import Role
from bridge.pipeline import backtest
from bridge.pipeline.backtest import Part, Tested
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.versioned import version_of
from bridge.store import accounts, mapping_versions
from mappings.comparing import Change
from mappings.model import Mapping

#: How many of the newest completions one may choose.
LASTS = (100, 1_000, 10_000)
EXAMPLES = 20
#: Seconds after which it tells what it has come to.
DEADLINE_S = 25
LINES = "application/x-ndjson"


def add_to(console: Console) -> None:
    """Register the pages."""
    bridge = console.bridge

    @console.page("/mappings/<name>/backtest", role=Role.ADMIN)
    def mapping_backtest(name: str) -> Response:
        """The form."""
        number, _ = _draft(bridge, name)
        return page("backtest.html", name=name, number=number, lasts=LASTS, last=1_000)

    @console.page("/mappings/<name>/backtest", role=Role.ADMIN, methods=["POST"])
    def run_backtest(name: str) -> Response:
        """Totals and examples; for the page's script a line for each step it has come further."""
        number, draft = _draft(bridge, name)
        asked = request.form.get("last", "")
        last = int(asked) if asked in map(str, LASTS) else LASTS[0]
        parts = _parts(bridge, draft, last)
        if LINES in request.headers.get("Accept", ""):
            return FlaskResponse(stream_with_context(_lines(parts)), mimetype=LINES)
        done: list[Part] = list(parts)
        return page(
            "backtest.html", name=name, number=number, lasts=LASTS, last=last, **_result(done)
        )


def _draft(bridge: Bridge, name: str) -> tuple[int, Mapping]:
    """The version that is tried, by default the newest. Raises NotFound."""
    asked = request.values.get("version", "")
    with bridge.database.read() as conn:
        require_change(conn, name)
        rows = mapping_versions.versions(conn, name)
        wanted = asked or str(rows[0].version)
        number = next((row.version for row in rows if str(row.version) == wanted), None)
        if number is None:
            raise NotFound
        return number, version_of(conn, name, number).mapping


def _parts(bridge: Bridge, draft: Mapping, last: int) -> Iterator[Part]:
    """What is found, as far as the person sees it, until the deadline."""
    limits = person().limits
    sites = None
    if limits.sites:
        with bridge.database.read() as conn:
            sites = [row.name for row in accounts.sites(conn) if row.name in limits.sites]
    until = monotonic() + DEADLINE_S
    for part in backtest.in_parts(bridge, draft, last=last, sites=sites):
        mine = [
            one
            for one in part.found
            if not limits.issuers or one.difference.by.issuer in limits.issuers
        ]
        yield Part(found=mine, done=part.done, of=part.of)
        if monotonic() > until:
            return


def _lines(parts: Iterator[Part]) -> Iterator[str]:
    done: list[Part] = []
    for part in parts:
        done.append(part)
        yield json.dumps({"done": part.done, "of": part.of}) + "\n"
    yield json.dumps({"html": render_template("console/backtest_result.html", **_result(done))})


def _result(parts: Sequence[Part]) -> dict[str, Any]:
    found = [one for part in parts for one in part.found]
    by_change = {
        change: [one for one in found if one.difference.change is change]
        for change in backtest.WORST_FIRST
    }
    groups: list[tuple[str, Sequence[Tested]]] = [
        (backtest.COLLIDING, backtest.colliding(found)),
        *((change.value, those) for change, those in by_change.items()),
    ]
    return {
        "looked": {
            "done": parts[-1].done if parts else 0,
            "of": parts[-1].of if parts else 0,
            "same": sum(one.difference.change is Change.SAME for one in found),
        },
        "groups": [(what, those[:EXAMPLES], len(those)) for what, those in groups if those],
    }
