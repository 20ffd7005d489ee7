"""``reconcile``, ``reconciliations``, ``differences``, ``dismiss``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import sqlalchemy as sa

from bridge.cli.differing import print_by_cause
from bridge.cli.moments import Ago
from bridge.cli.printing import print_json, print_table
from bridge.cli.session import AS_OPTION, JSON_OPTION, LIMIT_OPTION, bridge, person
from bridge.pipeline import reconcile as pipeline
from bridge.pipeline.reconcile.causes import CAUSES, Mends
from bridge.store import accounts, reconcile_runs
from bridge.store import differences as difference_rows
from bridge.store.states import DifferenceState
from bridge.wiring import Bridge

POLL_S = 0.2
CAUSE_OPTION = click.option(
    "--cause",
    "causes",
    multiple=True,
    type=click.Choice(sorted(CAUSES)),
    metavar="CAUSE",
    help="Only this cause; may be given again. Names: vaultbridge differences --causes.",
)
#: What a run looked at, as it is said.
LOOKED_AT = {
    "lms": "completions in the LMS",
    "deliveries": "deliveries",
    "completions": "completions known",
    "issuances": "issuances",
    "vault": "certificates at their vaults",
    "gradebook": "gradebook rows",
}


@click.command()
@click.option("--site", "name", required=True, help="Which site.")
@click.option(
    "--since",
    type=Ago(),
    help="How far back: 30d, 12h, 2w or a date. Default: BRIDGE_RECONCILE_SINCE.",
)
@click.option(
    "--fix",
    is_flag=True,
    help="Mend what can be mended by itself; causes that may issue again must be named.",
)
@CAUSE_OPTION
@JSON_OPTION
@AS_OPTION
def reconcile(
    name: str,
    since: timedelta | datetime | None,
    fix: bool,
    causes: tuple[str, ...],
    as_json: bool,
    who: str | None,
) -> None:
    """Compare a site's LMS, deliveries, issuances, vaults and gradebook.

    Every difference has a named cause and the command that mends it. Ends with status 1 while one
    is open that needs somebody. Safe to interrupt: a worker goes on with it.
    """
    b = bridge()
    with b.database.read() as conn:
        site = accounts.site_named(conn, name)
        start = _start(since or b.settings.reconcile_since, b.database.now(conn))
    named = frozenset(causes) or None
    run_id = _begin(b, site.id, since=start, who=person(who), fix=fix, causes=named)
    _finish(b, site.id, run_id)
    told = _told(b, run_id, causes)
    if as_json:
        print_json(told)
    else:
        _print(told)
    if any(CAUSES[row["cause"]].mends is not Mends.ITSELF for row in told["differences"]):
        raise SystemExit(1)


def _start(since: timedelta | datetime, now: datetime) -> datetime:
    return now - since if isinstance(since, timedelta) else since


def _begin(b: Bridge, site_id: str, **asked: Any) -> str:
    """Begin once no other run of this site is under way; one that nobody works on is ended."""
    run_id = pipeline.begin(b, site_id, **asked)
    if run_id is None:
        click.echo("Another run of this site is under way; this one begins after it.", err=True)
    while run_id is None:
        _work(b, site_id)
        run_id = pipeline.begin(b, site_id, **asked)
    return run_id


def _finish(b: Bridge, site_id: str, run_id: str) -> None:
    """Do its steps, or wait for a worker that does them."""
    while _run(b, run_id).ended_at is None:
        _work(b, site_id)


def _work(b: Bridge, site_id: str) -> None:
    """Do a step, or wait for whoever does one."""
    if pipeline.step(b, site_id):
        return
    with b.database.read() as conn:
        site, now = accounts.site_by_id(conn, site_id), b.database.now(conn)
    if site.lease_until is None and (site.next_run_at is None or site.next_run_at > now):
        raise click.ClickException("A step failed, which is a fault in the program: see the log.")
    time.sleep(POLL_S)


def _run(b: Bridge, run_id: str) -> sa.Row[Any]:
    with b.database.read() as conn:
        return reconcile_runs.by_id(conn, run_id)


def _told(b: Bridge, run_id: str, causes: Sequence[str]) -> dict[str, Any]:
    with b.database.read() as conn:
        run = reconcile_runs.by_id(conn, run_id)
        site = accounts.site_by_id(conn, run.site_id)
        found = difference_rows.recent(conn, run_id=run_id, causes=causes, limit=None)
    return {
        "run": run.id,
        "site": site.name,
        "since": run.since,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "looked_at": run.looked_at,
        "not_compared": run.notices,
        "open": _only(run.counts["open"], causes),
        "mended": _only(run.counts["mended"], causes),
        "differences": [_difference(row) for row in found],
    }


def _only(counts: Mapping[str, int], causes: Sequence[str]) -> dict[str, int]:
    return {cause: n for cause, n in counts.items() if not causes or cause in causes}


def _difference(row: Mapping[Any, Any]) -> dict[str, Any]:
    names = ("id", "site", "cause", "state", "at", "course_id", "learner_id", "subject")
    return {
        **{name: row[name] for name in names},
        "reference_id": row["reference_id"],
        "problem": row["problem"],
        "remedy": row["remedy"],
        "command": row["command"],
        "first_seen_at": row["first_seen_at"],
        "last_seen_at": row["last_seen_at"],
        "settled_by": row["settled_by"],
    }


def _print(told: Mapping[str, Any]) -> None:
    took = (told["ended_at"] - told["started_at"]).total_seconds()
    since = told["since"].astimezone(UTC)
    click.echo(f"{told['site']} since {since:%Y-%m-%d %H:%M} UTC, {told['run']}, {took:.1f} s.")
    for part, text in LOOKED_AT.items():
        if part in told["looked_at"]:
            click.echo(f"{told['looked_at'][part]:>8}  {text}")
    for notice in told["not_compared"]:
        click.echo(f"Not compared, {notice['what']}: {notice['problem']}\n    → {notice['remedy']}")
    click.echo("")
    if not (told["open"] or told["mended"]):
        click.echo("No difference.")
        return
    _print_totals(told)
    if told["differences"]:
        click.echo("")
        print_by_cause(told["differences"])


def _print_totals(told: Mapping[str, Any]) -> None:
    rows = [
        {"cause": cause, "count": n, "state": state, "what it is": CAUSES[cause].text}
        for state in ("open", "mended")
        for cause, n in told[state].items()
    ]
    print_table(("cause", "count", "state", "what it is"), rows, empty="")


@click.command()
@click.option("--site", "name", help="Only of this site.")
@LIMIT_OPTION
@JSON_OPTION
def reconciliations(name: str | None, limit: int, as_json: bool) -> None:
    """List runs of reconciliation, newest first."""
    b = bridge()
    with b.database.read() as conn:
        rows = [_summary(row) for row in reconcile_runs.recent(conn, site_name=name, limit=limit)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        for column in ("open", "mended", "not_compared"):
            row[column] = ", ".join(_words(row[column]))
    columns = ("id", "site", "who", "since", "started_at", "ended_at")
    print_table((*columns, "open", "mended", "not_compared"), rows, empty="No run.")


def _summary(row: Mapping[Any, Any]) -> dict[str, Any]:
    counts = row["counts"] or {"open": {}, "mended": {}}
    names = ("id", "site", "who", "fix", "since", "started_at", "ended_at")
    return {
        **{name: row[name] for name in names},
        "open": counts["open"],
        "mended": counts["mended"],
        "not_compared": row["notices"],
    }


def _words(told: Mapping[str, int] | Sequence[Mapping[str, str]]) -> list[str]:
    if isinstance(told, Mapping):
        return [f"{n} {cause}" for cause, n in told.items()]
    return [f"{notice['what']}: {notice['problem']}" for notice in told]


@click.command()
@click.option("--site", "name", help="Only of this site.")
@CAUSE_OPTION
@click.option(
    "--state",
    type=click.Choice([state.value for state in DifferenceState]),
    default=DifferenceState.OPEN.value,
    show_default=True,
    help="Only these.",
)
@click.option("--causes", "explain", is_flag=True, help="Say what each cause means, and stop.")
@LIMIT_OPTION
@JSON_OPTION
def differences(
    name: str | None,
    causes: tuple[str, ...],
    state: str,
    explain: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List what reconciliation found, newest first."""
    if explain:
        _explain(as_json=as_json)
        return
    b = bridge()
    with b.database.read() as conn:
        found = difference_rows.recent(
            conn, site_name=name, state=state, causes=causes, limit=limit
        )
    rows = [_difference(row) for row in found]
    if as_json:
        print_json(rows)
    elif rows:
        print_by_cause(rows, examples=None)
    else:
        click.echo("No difference.")


def _explain(*, as_json: bool) -> None:
    rows = [
        {"cause": key, "mended by": _mended_by(cause.mends), "what it is": cause.text}
        for key, cause in CAUSES.items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(("cause", "mended by", "what it is"), rows, empty="")


def _mended_by(mends: Mends) -> str:
    return {
        Mends.FIX: "--fix",
        Mends.NAMED: "--fix, if named",
        Mends.PERSON: "a person",
        Mends.ITSELF: "nobody",
    }[mends]


@click.command()
@click.argument("difference_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--reason", help="Why, for the history.")
@AS_OPTION
def dismiss(difference_ids: tuple[str, ...], reason: str | None, who: str | None) -> None:
    """Say of differences that they are none; they are not told, nor mended, again."""
    b = bridge()
    failed = False
    for row_id in difference_ids:
        done = pipeline.dismiss(b, row_id, who=person(who), reason=reason)
        failed |= not done
        click.echo(f"{row_id}: {'Dismissed.' if done else 'This is no open difference.'}")
    if failed:
        raise SystemExit(1)
